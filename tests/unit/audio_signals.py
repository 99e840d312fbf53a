"""Sounds that the audio tests share."""

import numpy as np
from melablate.audio.settings import Spectrogram
from numpy.typing import NDArray

SMALL = Spectrogram(seconds=4, offset=0, n_mels=64, width=128)


def music(codec: Spectrogram, seed: int = 0) -> NDArray[np.float32]:
    """Plucked notes over a little noise, as long as the codec's clip."""
    rng = np.random.default_rng(seed)
    t = np.arange(codec.samples) / codec.sample_rate
    notes = [
        rng.uniform(0.05, 0.2)
        * np.sin(2 * np.pi * f * t)
        * np.exp(-5 * ((t + rng.uniform()) % 0.5))
        for f in rng.uniform(80, 4000, 6)
    ]
    return (np.sum(notes, axis=0) + 0.001 * rng.standard_normal(t.size)).astype(np.float32)
