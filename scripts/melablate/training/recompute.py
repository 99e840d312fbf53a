"""Gradient checkpointing: activations are computed again in the backward pass, not kept."""

from typing import Any

from ..models.base import Base
from .settings import Train


def recompute_activations(base: Base, settings: Train) -> None:
    """Switch it on where something trains; base models stay in eval mode, without dropout."""
    base.unet.enable_gradient_checkpointing()
    for name, network in base.networks.items():
        if name != "unet" and settings.rate(name):
            _text(network)


def _text(encoder: Any) -> None:
    encoder.activation_checkpointing_enable({"use_reentrant": False})
    for module in encoder.modules():
        # transformers looks at this flag of the layer itself; those within stay in eval mode.
        if type(module).__name__ == "CLIPEncoderLayer":
            module.training = True
