"""The parts of the loss that an arm has chosen, each a module of `losses`."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .batches import Batch
from .run import Run
from .weighting import timestep_weights


@dataclass(frozen=True)
class Terms:
    """Made once for a run."""

    elementwise: Callable[..., torch.Tensor]
    of_timestep: torch.Tensor
    """The weight of each timestep."""
    image: Callable[[Batch, torch.Tensor], torch.Tensor] | None
    """From a batch and the error of its predictions to what the mel image adds."""


def make_terms(run: Run) -> Terms:
    """What the settings ask for."""
    settings, base = run.settings, run.base
    image = None
    if settings.spectrogram_loss is not None:
        make = importlib.import_module(f"{__package__}.losses.spectrogram").make
        image = make(settings.spectrogram_loss, base, run.draws, run.processes.device)
    return Terms(
        importlib.import_module(f"{__package__}.losses.{settings.loss.kind}").loss,
        timestep_weights(settings, base.alphas, base.prediction_type),
        image,
    )
