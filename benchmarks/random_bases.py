"""Stable Diffusion 1.5 or SDXL 1.0 in their true architecture, with random weights.

    PYTHONPATH=scripts python benchmarks/random_bases.py sd15 FOLDER [--dtype fp32]

A folder in diffusers' layout (2 or 7 GB in bf16), of equal bytes each time: what there is to test
and to time with where the published weights are not. Configurations are those of the published
folders; the numbers that say nothing of the architecture are left at their defaults.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from melablate.files import write_json
from melablate.models.tokenizer import write_clip_tokenizer
from safetensors.torch import save_file
from torch import nn

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32, "fp16": torch.float16}
CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
CROSS_UP, PLAIN_UP = "CrossAttnUpBlock2D", "UpBlock2D"
UNETS: dict[str, dict[str, Any]] = {
    "sd15": {
        "attention_head_dim": 8,
        "block_out_channels": [320, 640, 1280, 1280],
        "cross_attention_dim": 768,
        "down_block_types": [CROSS, CROSS, CROSS, PLAIN],
        "sample_size": 64,
        "up_block_types": [PLAIN_UP, CROSS_UP, CROSS_UP, CROSS_UP],
    },
    "sdxl": {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "attention_head_dim": [5, 10, 20],
        "block_out_channels": [320, 640, 1280],
        "cross_attention_dim": 2048,
        "down_block_types": [PLAIN, CROSS, CROSS],
        "projection_class_embeddings_input_dim": 2816,
        "sample_size": 128,
        "transformer_layers_per_block": [1, 2, 10],
        "up_block_types": [CROSS_UP, CROSS_UP, PLAIN_UP],
        "use_linear_projection": True,
    },
}
VAES: dict[str, dict[str, Any]] = {
    "sd15": {"sample_size": 512, "scaling_factor": 0.18215},
    "sdxl": {"sample_size": 1024, "scaling_factor": 0.13025, "force_upcast": True},
}
CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}
CLIP_BIG_G = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
SCHEDULERS: dict[str, dict[str, Any]] = {
    "sd15": {"_class_name": "PNDMScheduler", "skip_prk_steps": True},
    "sdxl": {"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "leading"},
}
NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "num_train_timesteps": 1000, "prediction_type": "epsilon", "steps_offset": 1,
         "clip_sample": False, "set_alpha_to_one": False}  # fmt: skip
BLOCK = 7_999_993
"""Numbers that are drawn; a weight is a part of their endless repetition. A prime, so that rows
of a matrix are not alike."""


def main() -> None:
    """Read the command line, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=list(UNETS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=list(DTYPES), default="bf16")
    arguments = parser.parse_args()
    write_base(arguments.kind, arguments.folder, DTYPES[arguments.dtype])


def write_base(kind: str, folder: Path, dtype: torch.dtype = torch.bfloat16) -> Path:
    """The whole folder."""
    for part, make in networks(kind).items():
        with torch.device("meta"):
            network = make()
        fill(network, folder / part, dtype)
    for suffix in ("", "_2")[: 2 if kind == "sdxl" else 1]:
        write_clip_tokenizer(folder / f"tokenizer{suffix}")
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULERS[kind] | NOISE)
    name = f"StableDiffusion{'XL' if kind == 'sdxl' else ''}Pipeline"
    write_json(folder / "model_index.json", {"_class_name": name})
    return folder


def networks(kind: str) -> dict[str, Callable[[], Any]]:
    """What makes each network of a base, by its folder."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    vae = {
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
    }
    found: dict[str, Callable[[], Any]] = {
        "unet": lambda: UNet2DConditionModel(**UNETS[kind]),
        "vae": lambda: AutoencoderKL(**vae, **VAES[kind]),
        "text_encoder": lambda: text_model(CLIP_L, projected=False),
    }
    if kind == "sdxl":
        found["text_encoder_2"] = lambda: text_model(CLIP_BIG_G, projected=True)
    return found


def text_model(shape: dict[str, Any], projected: bool) -> Any:
    """CLIP's text model, with OpenAI's vocabulary."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        **shape, vocab_size=49408, max_position_embeddings=77, bos_token_id=49406,
        eos_token_id=49407, pad_token_id=49407,
    )  # fmt: skip
    return CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)


def fill(network: Any, folder: Path, dtype: torch.dtype) -> None:
    """Write a network that has shapes but no weights; norms at their neutral values."""
    numbers = torch.randn(BLOCK, generator=torch.Generator().manual_seed(0))
    norms = {
        f"{name}.{kind}": float(kind == "weight")
        for name, module in network.named_modules()
        if isinstance(module, nn.GroupNorm | nn.LayerNorm)
        for kind in ("weight", "bias")
    }
    tensors, start = {}, 0
    for name, shape in ((name, value.shape) for name, value in network.state_dict().items()):
        size = math.prod(shape)
        if name in norms:
            tensors[name] = torch.full(shape, norms[name], dtype=dtype)
            continue
        if name.endswith("position_ids"):
            tensors[name] = torch.arange(size).view(shape)
            continue
        # Variance is kept from layer to layer, as a trained network's is.
        scale = 0.02 if len(shape) < 2 or "embedding" in name else (size / shape[0]) ** -0.5
        drawn = (numbers * scale).to(dtype)
        whole = torch.cat([drawn[start:], drawn.repeat(size // BLOCK + 1)])
        tensors[name] = whole[:size].clone().view(shape)
        start = (start + size) % BLOCK
    folder.mkdir(parents=True, exist_ok=True)
    diffusers = "diffusers" in type(network).__module__
    name = "diffusion_pytorch_model" if diffusers else "model"
    save_file(tensors, folder / f"{name}.safetensors", metadata={"format": "pt"})
    if diffusers:
        network.save_config(folder)
    else:
        network.config.architectures = [type(network).__name__]
        network.config.save_pretrained(folder)


if __name__ == "__main__":
    main()
