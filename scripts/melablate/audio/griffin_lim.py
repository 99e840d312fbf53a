"""Phase recovery: Griffin and Lim 1984, and fast (Perraudin, Balazs, Søndergaard 2013)."""

from collections.abc import Callable

import torch
from torch import Tensor

from .clipwise import clipwise, peak
from .transform import Transform

Target = Callable[[int], Tensor]
"""Magnitudes to aim at after so many iterations."""
MOMENTUM = 0.99
COHERENT = 0.67


def griffin_lim(
    magnitude: Tensor, stft: Transform, iterations: int, momentum: float, start: Tensor
) -> Tensor:
    """Clips [n, samples] of magnitudes [n, frames, bins] and first phases [n or 1, frames, bins].

    Momentum 0 is Griffin and Lim's own; .99 is the usual fast one.
    """

    def work(own: Tensor, first: Tensor) -> Tensor:
        scale = peak(own)
        own = own / scale
        return _recover(lambda _: own, stft, iterations, momentum, first) * scale[:, 0]

    return clipwise(work, magnitude, start)


def stereo_griffin_lim(
    magnitude: Tensor,
    stft: Transform,
    iterations: int,
    momentum: float,
    start: Tensor,
    coherent: float = COHERENT,
) -> Tensor:
    """Clips [n, channels, samples] of magnitudes [n, channels, frames, bins], channels in phase.

    For the share `coherent` of the iterations every channel has the mean magnitude of all, then
    a blend of it and its own, whose weight is the share done less `coherent`; the last
    synthesis has its own alone (the schedule of dualdiffusion).
    """

    def work(both: Tensor, first: Tensor) -> Tensor:
        scale = peak(both)
        own = (both / scale).flatten(0, 1)
        mean = (both / scale).mean(1, keepdim=True).expand_as(both).flatten(0, 1)
        if len(first) > 1:
            first = first.repeat_interleave(both.shape[1], dim=0)

        def target(done: int) -> Tensor:
            weight = 1.0 if done == iterations else max(done / iterations - coherent, 0.0)
            return own * weight + mean * (1 - weight)

        found = _recover(target, stft, iterations, momentum, first)
        return found.reshape(*both.shape[:2], -1) * scale[:, 0]

    return clipwise(work, magnitude, start)


def _recover(
    target: Target, stft: Transform, iterations: int, momentum: float, start: Tensor
) -> Tensor:
    """Clips after some iterations towards the magnitude of each iteration, which is at most 1."""
    return stft.inverse(recover(target(0) * start, target, stft, iterations, momentum))


def recover(
    spectrum: Tensor, target: Target, stft: Transform, iterations: int, momentum: float
) -> Tensor:
    """The spectrum after some iterations: the phase found, the magnitude of the last target."""
    previous = torch.zeros_like(spectrum)
    for done in range(1, iterations + 1):
        rebuilt = stft.spectra(stft.signals(spectrum))
        ahead = torch.sub(rebuilt, previous, alpha=momentum / (1 + momentum))
        spectrum = with_magnitude(ahead, target(done))
        previous = rebuilt
    return spectrum


def with_magnitude(spectrum: Tensor, magnitude: Tensor) -> Tensor:
    """The phase of a spectrum with another magnitude; what is zero stays zero.

    By the square: `abs` of complex numbers guards against overflow and is four times slower.
    """
    gain = squares(spectrum).add_(torch.finfo(magnitude.dtype).tiny).rsqrt_().mul_(magnitude)
    return spectrum * gain


def squares(spectrum: Tensor) -> Tensor:
    """Squared magnitudes."""
    return (spectrum * spectrum.conj()).real.contiguous()
