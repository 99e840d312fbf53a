"""Adapters in diffusers' and kohya's keys: what diffusers makes of them, and the way back."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from melablate.models.base import Base, load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.models.lora import load_into
from melablate.models.lora_file import read
from melablate.models.lora_keys import bare
from melablate.models.weights import read_tensors, save_tensors
from melablate.training.draws import Draws
from melablate.training.lora import add_lora, start_from
from melablate.training.settings import Train
from melablate.training.trained import save

LATENTS = Draws(2).normal((2, 4, 4, 8), "x")
TEXTS = ["slow piano", ""]
CONVOLUTIONS = {"conv_rank": 2, "conv_alpha": 0.5, "rank_stabilized": True}


def outputs(base: Base) -> list[torch.Tensor]:
    """Of the text encoders, and of the UNet."""
    with torch.no_grad():
        text = encode(base, TEXTS)
        unet = base.unet(LATENTS, torch.tensor([10, 700]), **unet_arguments(base, text, LATENTS))
    return [text.hidden, unet.sample, *([] if text.pooled is None else [text.pooled])]


def trained(folder: Path, out: Path, targets: str, **settings: Any) -> list[torch.Tensor]:
    """Random adapters of rank 3, alpha 1.5, saved in both forms; the trained modules' outputs."""
    base = load_base(folder, ("unet", "text"))
    train = Train(rank=3, alpha=1.5, targets=targets, lr_text=1e-3, **settings)  # type: ignore[arg-type]
    parameters = add_lora(base, train, Draws(0))
    for name, weight in parameters.items():
        weight.data = 0.1 * Draws(1).normal(tuple(weight.shape), name)
    save(out / "diffusers.safetensors", parameters, train, "id")
    save(out / "kohya.safetensors", parameters, train, "id", 0, base)
    return outputs(base)


def in_pipeline(folder: Path, weights: Path) -> list[torch.Tensor]:
    """Outputs of a pipeline's networks after `load_lora_weights`."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    base = load_base(folder)
    parts = {"vae": base.vae, "unet": base.unet, "scheduler": None}
    for number, (tokenizer, encoder) in enumerate(
        zip(base.tokenizers, base.text_encoders, strict=True)
    ):
        suffix = "_2" if number else ""
        parts |= {f"tokenizer{suffix}": tokenizer, f"text_encoder{suffix}": encoder}
    if len(base.tokenizers) == 2:
        pipeline = StableDiffusionXLPipeline(**parts, add_watermarker=False)
    else:
        parts |= {"safety_checker": None, "feature_extractor": None}
        pipeline = StableDiffusionPipeline(**parts, requires_safety_checker=False)
    pipeline.load_lora_weights(weights.parent, weight_name=weights.name)
    return outputs(base)


@pytest.mark.parametrize("form", ["diffusers", "kohya"])
@pytest.mark.parametrize("kind", ["sd", "xl"])
@pytest.mark.parametrize(
    ("targets", "more"),
    [("transformer", {}), ("all", {}), ("transformer", CONVOLUTIONS), ("all", CONVOLUTIONS)],
)
def test_diffusers_loads_what_was_trained(
    bases: dict[str, Path], tmp_path: Path, kind: str, form: str, targets: str, more: dict[str, Any]
) -> None:
    plain = outputs(load_base(bases[kind], ("unet", "text")))
    wanted = trained(bases[kind], tmp_path, targets, **more)
    found = in_pipeline(bases[kind], tmp_path / f"{form}.safetensors")
    for before, want, found_ in zip(plain, wanted, found, strict=True):
        assert (before - want).abs().max() > 1e-3
        assert (found_ - want).abs().max() <= 1e-5


@pytest.mark.parametrize("kind", ["sd", "xl"])
@pytest.mark.parametrize("more", [{}, CONVOLUTIONS])
def test_both_forms_are_read_back_and_are_equal_bytes(
    bases: dict[str, Path], tmp_path: Path, kind: str, more: dict[str, Any]
) -> None:
    (tmp_path / "again").mkdir()
    for folder in (tmp_path, tmp_path / "again"):
        wanted = trained(bases[kind], folder, "all", **more)
    for form in ("diffusers", "kohya"):
        path = tmp_path / f"{form}.safetensors"
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
        base = load_base(bases[kind], ("unet", "text"))
        load_into(base, path)
        for want, found in zip(wanted, outputs(base), strict=True):
            assert (want - found).abs().max() <= 1e-5
        # As a warm start: of another rank and alpha, the same outputs.
        wider = {"conv_rank": 4} if more else {}
        train = Train(rank=5, alpha=2.0, targets="all", lr_text=1e-3, **wider)  # type: ignore[arg-type]
        base = load_base(bases[kind], ("unet", "text"))
        start_from(path, add_lora(base, train, Draws(7)), train, base)
        for want, found in zip(wanted, outputs(base), strict=True):
            assert (want - found).abs().max() <= 1e-5


def test_keys_are_kohyas(bases: dict[str, Path], tmp_path: Path) -> None:
    """Spelled out as kohya's trainer writes them; SDXL's UNet in Stability AI's numbering."""
    trained(bases["sd"], tmp_path, "all")
    tensors, metadata = read_tensors(tmp_path / "kohya.safetensors")
    unet = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    text = "lora_te_text_model_encoder_layers_1_self_attn_q_proj"
    for stem in (unet, text, "lora_unet_mid_block_attentions_0_proj_in"):
        assert {f"{stem}.lora_down.weight", f"{stem}.lora_up.weight"} <= tensors.keys()
        assert float(tensors[f"{stem}.alpha"]) == 1.5
    assert metadata["ss_network_dim"] == "3" and metadata["ss_base_model_version"] == "sd_v1"
    assert not {name for name in tensors if not name.startswith(("lora_unet_", "lora_te_"))}
    trained(bases["xl"], tmp_path, "all")
    tensors, metadata = read_tensors(tmp_path / "kohya.safetensors")
    for stem in (
        "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k",
        "lora_unet_input_blocks_1_0_emb_layers_1",
        "lora_unet_middle_block_1_proj_in",
        "lora_unet_output_blocks_1_1_transformer_blocks_0_ff_net_0_proj",
        "lora_unet_output_blocks_0_0_skip_connection",
        "lora_unet_time_embed_0",
        "lora_unet_label_emb_0_2",
        "lora_te1_text_model_encoder_layers_0_mlp_fc1",
        "lora_te2_text_model_encoder_layers_2_self_attn_out_proj",
    ):
        assert f"{stem}.lora_down.weight" in tensors, stem
    assert metadata["ss_base_model_version"] == "sdxl_base_v1-0"
    trained(bases["xl"], tmp_path, "transformer", conv_rank=2, conv_alpha=0.5)
    tensors, metadata = read_tensors(tmp_path / "kohya.safetensors")
    stem = "lora_unet_input_blocks_1_0_in_layers_2"  # down 3×3, up 1×1: C3Lier
    assert list(tensors[f"{stem}.lora_down.weight"].shape) == [2, 16, 3, 3]
    assert list(tensors[f"{stem}.lora_up.weight"].shape) == [16, 2, 1, 1]
    assert float(tensors[f"{stem}.alpha"]) == 0.5
    assert {
        f"lora_unet_{name}.alpha" for name in ("input_blocks_2_0_op", "output_blocks_1_2_conv")
    } <= (tensors.keys())
    assert len(tensors["lora_unet_input_blocks_1_0_emb_layers_1.lora_down.weight"]) == 3
    assert json.loads(metadata["ss_network_args"]) == {"conv_dim": "2", "conv_alpha": "0.5"}


@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_an_adapter_that_diffusers_wrote_is_a_warm_start(
    bases: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    """Made elsewhere: peft in diffusers' networks, saved by the pipeline's own function."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    base = load_base(bases[kind], ("unet", "text"))
    layers = {
        "unet": ["to_q", "to_k", "to_v", "to_out.0"],
        "text": ["q_proj", "k_proj", "v_proj", "out_proj"],
    }
    states = {}
    for name, network in base.networks.items():
        config = LoraConfig(r=2, lora_alpha=2, target_modules=layers[name.partition("_")[0]])
        network.add_adapter(config)  # type: ignore[operator]
        for place, weight in network.named_parameters():
            if "lora_" in place:
                weight.data = 0.1 * Draws(3).normal(tuple(weight.shape), name + place)
        state = get_peft_model_state_dict(network)
        states[f"{name}_lora_layers"] = convert_state_dict_to_diffusers(state)
    wanted = outputs(base)
    pipeline = StableDiffusionXLPipeline if kind == "xl" else StableDiffusionPipeline
    pipeline.save_lora_weights(tmp_path, **states)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    train = Train(rank=4, alpha=8.0, targets="attention", lr_text=1e-3)
    base = load_base(bases[kind], ("unet", "text"))
    start_from(path, add_lora(base, train, Draws(7)), train, base)
    for want, found in zip(wanted, outputs(base), strict=True):
        assert (want - found).abs().max() <= 1e-5


def test_a_kohya_file_without_some_layer_or_with_a_foreign_one_is_refused(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    trained(bases["sd"], tmp_path, "transformer")
    path, broken = tmp_path / "kohya.safetensors", tmp_path / "broken.safetensors"
    tensors = safetensors.torch.load_file(path)
    base, train = load_base(bases["sd"], ("unet", "text")), Train(rank=3, lr_text=1e-3)
    parameters = add_lora(base, train, Draws(0))
    name = "lora_te_text_model_encoder_layers_1_self_attn_q_proj"
    for changed, said in (
        ({k: v for k, v in tensors.items() if name not in k}, "different layers"),
        ({k: v for k, v in tensors.items() if k != f"{name}.lora_up.weight"}, "foreign keys"),
        (tensors | {"lora_unet_no_such_layer.alpha": torch.ones(())}, "foreign keys"),
        (tensors | {f"{name}.dora_scale": torch.ones(3)}, "foreign keys"),
    ):
        save_tensors(broken, changed, {})
        with pytest.raises(SystemExit, match=said):
            start_from(broken, parameters, train, base)
    safetensors.torch.save_file({}, broken)
    with pytest.raises(SystemExit, match="it is empty"):
        read(broken, base)
    broken.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SystemExit, match="not a whole safetensors"):
        read(broken, base)
    assert bare("text_encoder.text_model.encoder.x") == "text_encoder.encoder.x"
