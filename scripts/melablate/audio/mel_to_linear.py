"""Mel bands → linear power spectrum, by a method of `mel_inverse` that is chosen by name."""

from importlib import import_module
from typing import Literal

from torch import Tensor

from .clipwise import clipwise, peak
from .mel_inverse.bands import Bands, columns, frames

Method = Literal["pseudo_inverse", "nnls", "multiplicative"]


def mel_to_linear(
    mel: Tensor, bands: Tensor, method: Method, iterations: int | None = None
) -> Tensor:
    """Non-negative spectrum [n, frames, bins] whose bands come close to `mel` [n, frames, n_mels].

    `bands` [n_mels, bins] is the filterbank, `iterations` the method's own number if not given.
    """
    linear = import_module(f"{__package__}.mel_inverse.{method}").linear

    def work(part: Tensor) -> Tensor:
        scale = peak(part)
        return frames(linear(columns(part / scale), sparse, iterations), part) * scale

    sparse = Bands(bands, mel)
    return clipwise(work, mel)
