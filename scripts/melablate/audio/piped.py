"""A stream that can only be read on, with the few methods of a sound file that clips need."""

import numpy as np
from numpy.typing import NDArray

from ..corpus.ffmpeg import Decoded

Float32 = NDArray[np.float32]
SKIPPED_AT_ONCE = 1 << 18


class PipedFile:
    """What ffmpeg decodes; what lies before a clip is decoded and dropped."""

    def __init__(self, decoded: Decoded, promised: float) -> None:
        self.decoded, self.samplerate = decoded, decoded.sample_rate
        self.frames = round(promised * decoded.sample_rate)
        self.at = 0

    def seek(self, frame: int) -> None:
        """On, never back."""
        if frame < self.at:
            raise ValueError(f"the stream is at {self.at} and cannot go back to {frame}")
        while self.at < frame and len(self.read(min(SKIPPED_AT_ONCE, frame - self.at))):
            pass

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> Float32:
        """Samples [frames, channels], fewer only at the end."""
        size = 4 * self.decoded.channels
        data = self.decoded.pipe.read(frames * size)
        whole = len(data) // size
        self.at += whole
        return np.frombuffer(data[: whole * size], "<f4").reshape(whole, -1)
