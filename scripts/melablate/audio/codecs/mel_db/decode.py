"""Grey mel image → audio: non-negative inverse of the mel bands, then fast Griffin-Lim.

The spectra are laid out [clips, frames, bins]: a frame is contiguous, so that each transform
runs over memory in order (several times faster on a CPU than `torch.stft`'s layout).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor
from torch.nn import functional

from ...loudness import normalize
from ...mel import MelBands, filterbank
from .settings import MelDb

GREYS = 255
MOMENTUM = 0.99
# Against non-negative least squares to convergence, 20 updates are worse and 60 better (mean of
# the mel's spectral convergence over plucked notes: .080, .056, least squares .074).
MEL_UPDATES = 60
# Clips at a time on a CPU: their spectra stay in the cache, and no clip depends on another.
CPU_BATCH = 1


def decode(images: NDArray[np.uint8], settings: MelDb, device: str) -> NDArray[np.float32]:
    """Audio [n, 1, samples] of images [n, 1, n_mels, width]; equal images sound the same."""
    expected = (1, settings.n_mels, settings.width)
    if images.ndim != 4 or images.shape[1:] != expected:
        raise ValueError(f"images are {images.shape}, but the codec says (n, {expected})")
    batch = CPU_BATCH if device == "cpu" else max(1, len(images))
    audio = np.zeros((len(images), settings.samples), np.float32)
    for first in range(0, len(images), batch):
        part = torch.from_numpy(images[first : first + batch, 0].copy()).to(device)
        power = mel_to_linear(image_to_mel(part, settings), settings)
        audio[first : first + batch] = griffin_lim(power.sqrt(), settings).cpu().numpy()
    for place, clip in enumerate(audio):
        audio[place] = _finish(clip, settings)
    return audio[:, None]


def image_to_mel(images: Tensor, settings: MelDb) -> Tensor:
    """Power mel [n, frames, n_mels] relative to the clip's maximum; black is silence."""
    grey = images[:, :, : settings.frames].transpose(1, 2).float()
    decibels = (grey / GREYS - 1) * settings.range_db
    return torch.where(grey > 0, 10 ** (decibels / 10), 0.0)


def mel_to_linear(mel: Tensor, settings: MelDb) -> Tensor:
    """Non-negative power spectrum [n, frames, bins] whose mel bands come close to `mel`.

    Multiplicative updates (Lee and Seung 2001, the divergence's form) from the clamped
    pseudo-inverse: they keep it non-negative and move every band by its ratio, the quiet
    bands as well as the loud ones.
    """
    s = settings
    matrix = filterbank(MelBands(s.sample_rate, s.n_fft, s.n_mels, s.fmin, s.fmax))
    bands, inverse = (torch.from_numpy(m).to(mel) for m in (matrix, np.linalg.pinv(matrix)))
    tiny = torch.finfo(mel.dtype).tiny
    covered = bands.sum(0)
    weight = torch.where(covered > 0, 1 / covered.clamp(min=tiny), 0.0)
    # A zero would stay zero, so the start is a little above it wherever a band is.
    smooth = (mel @ bands) * weight / bands.sum(1).mean().clamp(min=tiny)
    power = (mel @ inverse.T).clamp(min=0) + 1e-3 * smooth
    for _ in range(MEL_UPDATES):
        ratio = mel / (power @ bands.T).clamp(min=1e-20)
        power = power * ((ratio @ bands) * weight)
    return power


def griffin_lim(magnitude: Tensor, settings: MelDb) -> Tensor:
    """Audio [n, samples] of magnitudes [n, frames, bins] (Perraudin, Balazs, Søndergaard 2013)."""
    stft = _Transform(settings, magnitude)
    generator = torch.Generator().manual_seed(0)
    # The same first phase for every clip, so that none depends on its neighbours in the batch.
    turns = torch.rand(magnitude.shape[1:], generator=generator).to(magnitude)
    phase = torch.polar(torch.ones_like(turns), 2 * math.pi * turns).expand(magnitude.shape)
    previous = torch.zeros_like(phase)
    for _ in range(settings.inversion.iterations):
        rebuilt = stft.forward(stft.inverse(magnitude * phase))
        ahead = rebuilt - MOMENTUM / (1 + MOMENTUM) * previous
        phase = ahead / (ahead.abs() + 1e-16)
        previous = rebuilt
    return stft.clip(stft.inverse(magnitude * phase))


class _Transform:
    """Centred Hann STFT and its least-squares inverse over frames in rows, silence outside."""

    def __init__(self, settings: MelDb, like: Tensor) -> None:
        self.n_fft, self.hop = settings.n_fft, settings.hop
        self.frames, self.samples = settings.frames, settings.samples
        self.parts = -(-self.n_fft // self.hop)
        self.window = torch.hann_window(self.n_fft, dtype=like.dtype, device=like.device)
        squares = self._overlap_add((self.window**2).expand(1, self.frames, self.n_fft))
        inside = torch.zeros_like(squares)
        inside[:, self.n_fft // 2 : self.n_fft // 2 + self.samples] = 1
        self.scale = torch.where(squares > 1e-8, inside / squares.clamp(min=1e-8), 0.0)

    def forward(self, padded: Tensor) -> Tensor:
        frames = padded.unfold(1, self.n_fft, self.hop)[:, : self.frames]
        spectrum: Tensor = torch.fft.rfft(frames * self.window)
        return spectrum

    def inverse(self, spectrum: Tensor) -> Tensor:
        frames = torch.fft.irfft(spectrum, self.n_fft) * self.window
        return self._overlap_add(frames) * self.scale

    def clip(self, padded: Tensor) -> Tensor:
        return padded[:, self.n_fft // 2 :][:, : self.samples]

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """Sum of frames shifted by one hop each, as `parts` sums of blocks of one hop."""
        n, count = frames.shape[:2]
        blocks = functional.pad(frames, (0, self.parts * self.hop - self.n_fft))
        blocks = blocks.reshape(n, count, self.parts, self.hop)
        total = frames.new_zeros(n, count + self.parts - 1, self.hop)
        for part in range(self.parts):
            total[:, part : part + count] += blocks[:, :, part]
        return total.reshape(n, -1)


def _finish(clip: NDArray[np.float32], settings: MelDb) -> NDArray[np.float32]:
    """De-emphasis (`y[i] = x[i] + c·y[i−1]`), then the target loudness and peak limit."""
    natural = lfilter([1.0], [1.0, -settings.pre_emphasis], clip.astype(np.float64))
    leveled, _ = normalize(natural, settings.sample_rate, settings.loudness, settings.peak_db)
    return leveled.astype(np.float32)
