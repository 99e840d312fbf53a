"""What the network makes of noised latents and captions."""

from collections.abc import Sequence

import torch

from ..models.conditioning import unet_arguments
from .run import DTYPES, Run
from .text import Texts


def predict(
    run: Run, texts: Texts, captions: Sequence[str], x: torch.Tensor, timesteps: torch.Tensor
) -> torch.Tensor:
    """ε or v, in float32; frozen weights and activations are in the run's precision."""
    unet, dtype = run.base.unet, DTYPES[run.settings.precision]
    with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        arguments = unet_arguments(run.base, texts(captions), x, run.stream.images.source.cut)
        predicted: torch.Tensor = unet(x.to(unet.dtype), timesteps, **arguments).sample
    return predicted.float()
