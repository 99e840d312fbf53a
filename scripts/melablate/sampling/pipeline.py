"""A base with an arm's weights in it, as a whole folder that diffusers' pipelines load."""

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..files import writing_folder
from ..models.base import Base, load_base, with_objective
from ..models.conditioning import check_clip_skip
from ..models.folder_files import in_base
from ..models.lora import load_into
from .pipeline_settings import Pipeline
from .solvers import make_solver


def export_pipeline(base: Path, weights: Path, folder: Path, settings: Pipeline) -> None:
    """Fuse the weights in float32 and write the folder, whole or not at all.

    The pipeline's own defaults then are this workflow's: sampler, clip skip, size of the image.
    """
    tuned = with_objective(load_base(base), settings.prediction_type, settings.zero_terminal_snr)
    check_clip_skip(tuned, settings.clip_skip)
    load_into(tuned, weights)
    for encoder in tuned.text_encoders:
        without_last_layers(encoder, settings.clip_skip - 1)
    if len(tuned.text_encoders) == 1:  # SDXL's pipeline knows squares only
        size = (settings.height // tuned.pixels, settings.width // tuned.pixels)
        tuned.unet.register_to_config(sample_size=size)
    solver = make_solver(settings.sampler, tuned.scheduler)
    with writing_folder(folder) as aside, torch.no_grad():
        _pipeline(tuned, solver).save_pretrained(aside)
        # As they came, vocabularies are read by older versions and other programs too.
        for path in sorted(base.glob("tokenizer*/*")):
            if in_base(path):
                shutil.copyfile(path, aside / path.relative_to(base))


def without_last_layers(encoder: Any, count: int) -> None:
    """Clip skip as an encoder that has no such layers: its norm then follows the one that is read.

    A pipeline so needs not be told of it.
    """
    if count:
        stack = getattr(encoder, "text_model", encoder).encoder
        stack.layers = nn.ModuleList(list(stack.layers)[:-count])
        encoder.config.num_hidden_layers -= count


def _pipeline(base: Base, solver: Any) -> Any:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    parts: dict[str, Any] = {"vae": base.vae, "unet": base.unet, "scheduler": solver}
    for number, encoder in enumerate(base.text_encoders):
        suffix = "_2" if number else ""
        parts[f"text_encoder{suffix}"] = encoder
        parts[f"tokenizer{suffix}"] = base.tokenizers[number]
    if len(base.text_encoders) == 2:
        # As the workflow samples: a prompt without words is encoded like any other.
        return StableDiffusionXLPipeline(**parts, force_zeros_for_empty_prompt=False)
    return StableDiffusionPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
