"""Adapters of the true size in diffusers' pipelines: both files do what the trained modules did.

In float32, network by network: SDXL's UNet alone is 10 GB, and 15 while it is read.
"""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from full_size import made
from melablate.models.base import Base, load_base
from melablate.models.conditioning import Conditioning, encode, unet_arguments
from melablate.training.draws import Draws
from melablate.training.lora import add_lora
from melablate.training.settings import Train
from melablate.training.trained import save

pytestmark = pytest.mark.slow
TRAIN = Train(rank=4, alpha=2.0, lr_text=1e-3)
FORMS = ("diffusers", "kohya")


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def base(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder of random weights."""
    yield from made(request.param, tmp_path_factory.mktemp("full"))


def outputs(base: Base, part: str) -> list[torch.Tensor]:
    """Of the UNet on random text, or of the text encoders."""
    with torch.no_grad():
        if part == "text":
            text = encode(base, ["slow piano, sad", ""])
            return [text.hidden, *([] if text.pooled is None else [text.pooled])]
        latents, width = Draws(2).normal((1, 4, 8, 16), "x"), base.unet.config.cross_attention_dim
        hidden, pooled = Draws(2).normal((1, 77, width), "h"), Draws(2).normal((1, 1280), "p")
        arguments = unet_arguments(base, Conditioning(hidden, pooled), latents)
        return [base.unet(latents, torch.tensor([500]), **arguments).sample]


def shapes_of_unet(folder: Path) -> Any:
    """A UNet without weights: names in files depend on its kind."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet"))


def pipeline(base: Base) -> Any:
    """With the networks that there are."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    parts: dict[str, Any] = {"vae": None, "scheduler": None, "unet": base.unet}
    encoders = [*base.text_encoders, None, None]
    names = ("", "_2") if base.unet.config.addition_embed_type else ("",)
    for suffix, encoder in zip(names, encoders, strict=False):
        parts |= {f"tokenizer{suffix}": None, f"text_encoder{suffix}": encoder}
    if len(names) == 2:
        return StableDiffusionXLPipeline(**parts, add_watermarker=False)
    parts |= {"safety_checker": None, "feature_extractor": None}
    return StableDiffusionPipeline(**parts, requires_safety_checker=False)


@pytest.mark.parametrize("part", ["unet", "text"])
def test_both_files_do_what_the_trained_modules_did(base: Path, tmp_path: Path, part: str) -> None:
    trained = load_base(base, (part,))
    plain = outputs(trained, part)
    parameters = add_lora(trained, TRAIN, Draws(0))
    for name, weight in parameters.items():
        weight.data = 0.03 * Draws(1).normal(tuple(weight.shape), name)
    wanted = outputs(trained, part)
    if trained.unet is None:
        trained.unet = shapes_of_unet(base)
    save(tmp_path / "diffusers.safetensors", parameters, TRAIN, "id")
    save(tmp_path / "kohya.safetensors", parameters, TRAIN, "id", 0, trained)
    del trained, parameters
    gc.unfreeze()  # quick_imports froze what was there, and two UNets of SDXL are 21 GB
    gc.collect()
    loaded = load_base(base, (part,))
    if loaded.unet is None:
        loaded.unet = shapes_of_unet(base)
    pipe = pipeline(loaded)
    for form in FORMS:
        pipe.load_lora_weights(tmp_path, weight_name=f"{form}.safetensors")
        for before, want, found in zip(plain, wanted, outputs(loaded, part), strict=True):
            assert want.isfinite().all() and (before - want).abs().max() > 1e-2
            assert (found - want).abs().max() <= 1e-5
        pipe.unload_lora_weights()
