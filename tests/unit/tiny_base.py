"""Random bases of a few thousand weights in diffusers' folder layout: SD 1.5's shape and SDXL's."""

import json
from pathlib import Path
from typing import Any

import torch

WORDS = 16
"""Tokens of a caption."""


def write_tokenizer(folder: Path) -> int:
    """A byte-level CLIP tokenizer without merges but a few; returns its size."""
    letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = [byte for byte in range(256) if byte not in letters]
    alphabet = [chr(code) for code in letters] + [chr(256 + i) for i in range(len(extra))]
    merges = [("t", "h"), ("th", "e</w>"), ("a", "n"), ("o", "n</w>")]
    tokens = alphabet + [letter + "</w>" for letter in alphabet]
    tokens += ["".join(pair) for pair in merges] + ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": WORDS,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(tokens)


def write_text_encoder(folder: Path, vocabulary: int, projected: bool = False) -> None:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=WORDS,
        projection_dim=24,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )
    model = CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config)
    model.save_pretrained(folder)


def write_base(folder: Path, xl: bool = False, prediction_type: str = "epsilon") -> Path:
    """The whole folder; `xl`: two text encoders, pooled text and time ids."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    with torch.random.fork_rng():
        torch.manual_seed(0)
        for suffix in ["", "_2"][: 2 if xl else 1]:
            size = write_tokenizer(folder / f"tokenizer{suffix}")
            write_text_encoder(folder / f"text_encoder{suffix}", size, projected=suffix == "_2")
        extra: dict[str, Any] = {}
        if xl:
            extra = {
                "addition_embed_type": "text_time",
                "addition_time_embed_dim": 8,
                "projection_class_embeddings_input_dim": 6 * 8 + 24,
                "use_linear_projection": True,
            }
        UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            layers_per_block=1,
            block_out_channels=(16, 32),
            # SDXL attends at the coarser resolutions, SD 1.5 at the finer ones.
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D")[:: -1 if xl else 1],
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")[:: -1 if xl else 1],
            cross_attention_dim=64 if xl else 32,
            attention_head_dim=4,
            norm_num_groups=8,
            **extra,
        ).save_pretrained(folder / "unet")
        AutoencoderKL(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            norm_num_groups=4,
            latent_channels=4,
            scaling_factor=0.5,
        ).save_pretrained(folder / "vae")
        DDPMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            steps_offset=1,
            prediction_type=prediction_type,
        ).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": f"StableDiffusion{'XL' if xl else ''}Pipeline"})
    )
    return folder
