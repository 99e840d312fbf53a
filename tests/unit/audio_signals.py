"""Sounds that the audio tests share."""

from typing import Any

import numpy as np
from melablate.audio.clip_settings import Clips
from melablate.audio.codec_settings import CodecSettings
from melablate.audio.codecs.mel_db.settings import MelDb
from numpy.typing import NDArray


def mel_db(**values: Any) -> MelDb:
    """The seed's codec with other parameters."""
    return MelDb.model_validate(values)


SMALL = mel_db(seconds=4, n_mels=64, width=128)
START = Clips(offset=0)


def music(codec: CodecSettings, seed: int = 0) -> NDArray[np.float32]:
    """Plucked notes over a little noise [channels, samples], as long as the codec's clip."""
    rng = np.random.default_rng(seed)
    t = np.arange(codec.samples) / codec.sample_rate
    planes = []
    for _ in range(codec.channels):
        notes = [
            rng.uniform(0.05, 0.2)
            * np.sin(2 * np.pi * f * t)
            * np.exp(-5 * ((t + rng.uniform()) % 0.5))
            for f in rng.uniform(80, 4000, 6)
        ]
        planes.append(np.sum(notes, axis=0) + 0.001 * rng.standard_normal(t.size))
    return np.stack(planes).astype(np.float32)
