"""Mel bands → linear spectrum, by a method of `mel_inverse` that is chosen by name."""

from importlib import import_module

from torch import Tensor

from .clipwise import clipwise, one_thread_a_step, peak
from .codec_settings import Method as Method
from .mel_inverse.bands import Bands, columns, frames
from .transform import Transform
from .window_lobe import window_lobe


def mel_to_linear(
    mel: Tensor,
    bands: Tensor,
    method: Method,
    iterations: int | None = None,
    stft: Transform | None = None,
    exponent: float = 2.0,
) -> Tensor:
    """Non-negative spectrum [n, frames, bins] whose bands come close to `mel` [n, frames, n_mels].

    `bands` [n_mels, bins] is the filterbank, `iterations` the method's own number if not given.
    Only `lobes` looks at the window (of `stft`; a full Hann window if not given) and at the
    exponent of the magnitude that the bands add up (2 is power).
    """
    linear = import_module(f"{__package__}.mel_inverse.{method}").linear
    with one_thread_a_step():
        sparse = Bands(bands, mel, window_lobe(stft) ** (exponent / 2))

    def work(part: Tensor) -> Tensor:
        scale = peak(part)
        return frames(linear(columns(part / scale), sparse, iterations), part) * scale

    return clipwise(work, mel)
