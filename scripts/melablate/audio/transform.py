"""Short-time Fourier transform and its least-squares inverse over frames in rows.

Spectra are laid out [clips, frames, bins]: a frame is contiguous, so that each transform runs
over memory in order (several times faster on a CPU than the layout of `torch.stft`).
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

# A sum of squared windows below this is not divided by: nothing but rounding is there.
LEAST_WEIGHT = 1e-8


@dataclass(frozen=True)
class Transform:
    """A grid of Hann windows over clips of `samples` samples, silence outside the clip."""

    n_fft: int
    hop: int
    samples: int
    win_length: int | None = None
    """Samples of the window, in the middle of `n_fft`; all of it if not given."""
    margin: int | None = None
    """Silence before and after the clip: `n_fft // 2` (frames centred) if not given; 0 is none."""
    window_exponent: float = 1.0
    """Power that the Hann window is raised to."""

    def __post_init__(self) -> None:
        if not 0 < self.width <= self.n_fft:
            raise ValueError(f"win_length {self.width} is not within 1 and n_fft {self.n_fft}")
        if self.hop < 1 or self.samples < 1 or self.before < 0:
            raise ValueError("hop and samples must be above 0, the margin not below")
        if self.frames < 1:
            raise ValueError(f"{self.samples} samples are too few for a frame of {self.n_fft}")

    @property
    def width(self) -> int:
        """Samples of the window."""
        return self.n_fft if self.win_length is None else self.win_length

    @property
    def before(self) -> int:
        """Samples of silence before the clip."""
        return self.n_fft // 2 if self.margin is None else self.margin

    @property
    def frames(self) -> int:
        """Frames that fit into the clip and its margins."""
        return (self.samples + 2 * self.before - self.n_fft) // self.hop + 1

    @property
    def bins(self) -> int:
        """Frequencies from 0 to half the sample rate."""
        return self.n_fft // 2 + 1

    @property
    def length(self) -> int:
        """Samples under the frames, margins included."""
        return (self.frames - 1) * self.hop + self.n_fft

    def forward(self, audio: Tensor) -> Tensor:
        """Spectra [n, frames, bins] of clips [n, samples]."""
        return self.spectra(self.pad(audio))

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Clips [n, samples] whose spectra are nearest to the given ones [n, frames, bins]."""
        padded = self.signals(spectrum)
        inside = padded[:, self.before : self.before + self.samples]
        return functional.pad(inside, (0, self.samples - inside.shape[1]))

    def pad(self, audio: Tensor) -> Tensor:
        """Clips with their margins: `length` samples (those that no frame sees are cut off)."""
        return functional.pad(audio, (self.before, self.length - self.before - self.samples))

    def spectra(self, padded: Tensor) -> Tensor:
        """Spectra of clips that have their margins."""
        window, _ = weights(self, padded.dtype, padded.device)
        first = (self.n_fft - self.width) // 2
        frames = padded[:, first:].unfold(1, self.width, self.hop)[:, : self.frames] * window
        if self.width < self.n_fft:
            frames = functional.pad(frames, (first, self.n_fft - self.width - first))
        spectrum: Tensor = torch.fft.rfft(frames)
        return spectrum

    def signals(self, spectrum: Tensor) -> Tensor:
        """The inverse with its margins, which are silent."""
        window, scale = weights(self, spectrum.real.dtype, spectrum.device)
        first = (self.n_fft - self.width) // 2
        frames = torch.fft.irfft(spectrum, self.n_fft)
        if self.width < self.n_fft:
            frames = frames[:, :, first : first + self.width]
        return self.overlap_add(frames * window) * scale

    def overlap_add(self, frames: Tensor) -> Tensor:
        """Sum of frames [n, frames, width] one hop apart, as sums of blocks of one hop."""
        n, count, width = frames.shape
        first = (self.n_fft - width) // 2
        parts = -(-width // self.hop)
        if width % self.hop:
            frames = functional.pad(frames, (0, parts * self.hop - width))
        blocks = frames.reshape(n, count, parts, self.hop)
        total = frames.new_zeros(n, count + parts - 1, self.hop)
        for part in range(parts):
            total[:, part : part + count] += blocks[:, :, part]
        # What the last block has beyond the window is zero, so cutting it off loses nothing.
        found = total.reshape(n, -1)[:, : self.length - first]
        return functional.pad(found, (first, self.length - first - found.shape[1]))


@lru_cache(maxsize=8)
def weights(stft: Transform, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The window, and what makes the overlap-add the least-squares inverse (0 in the margins)."""
    window = torch.hann_window(stft.width, dtype=torch.float64) ** stft.window_exponent
    squares = stft.overlap_add((window**2).expand(1, stft.frames, stft.width))
    inside = torch.zeros_like(squares)
    inside[:, stft.before : stft.before + stft.samples] = 1
    scale = torch.where(squares > LEAST_WEIGHT, inside / squares.clamp(min=LEAST_WEIGHT), 0.0)
    return window.to(device, dtype), scale.to(device, dtype)
