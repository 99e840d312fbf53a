"""Parameters of BigVGAN's log-mel (`mel_spectrogram` of NVIDIA's BigVGAN-v2, 44 kHz, 512x)."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...codec_settings import (
    CodecSettings,
    Positive,
    check_band,
    check_hop,
    check_memory,
    check_width,
)

FLOOR = 1e-5


class BigVgan(CodecSettings):
    """Natural logarithm of Slaney mel magnitudes (a tensor whose level is that of the sound).

    Of 128×512 values, which Stable Diffusion takes. A model sees 1e-5 … 10 as −1 … 1.
    """

    kind: Literal["bigvgan"]
    sample_rate: Positive = 44100
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = 512 * 512 / 44100
    """Length of the clip; the whole width is width · hop / sample_rate."""
    n_fft: Positive = 2048
    """Samples of a Fourier window."""
    hop: Positive = 512
    """Samples between two windows."""
    n_mels: Positive = 128
    """Mel bands: the height of the image."""
    width: Positive = 512
    """Frames: the width of the image; clips with fewer frames are padded with silence."""
    fmin: Annotated[float, Field(ge=0)] = 0.0
    """Lowest frequency in Hz."""
    fmax: Annotated[float, Field(gt=0)] = 22050.0
    """Highest frequency in Hz."""
    loudness: float | None = -14.0
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level as it is."""
    peak_db: Annotated[float, Field(le=0)] = -1.0
    """Limit of the peak at twice the sample rate, dB of full scale."""

    keeps_level: ClassVar[bool] = True
    span: ClassVar[tuple[float, float]] = (math.log(FLOOR), math.log(10.0))

    @property
    def margin(self) -> int:
        """Mirrored samples before and after the clip: a frame is centred on each hop's middle."""
        return (self.n_fft - self.hop) // 2

    @property
    def frames(self) -> int:
        """One for each whole hop."""
        return (self.samples + 2 * self.margin - self.n_fft) // self.hop + 1

    @property
    def size(self) -> tuple[int, int]:
        """Mel bands and frames."""
        return self.n_mels, self.width

    @property
    def band(self) -> tuple[float, float]:
        """The mel bands' ends."""
        return self.fmin, self.fmax

    @model_validator(mode="after")
    def _fits(self) -> "BigVgan":
        check_band(self.fmin, self.fmax, self.sample_rate)
        check_hop(self.hop, self.n_fft)
        if self.frames < 1:
            raise ValueError(f"{self.seconds:g} s are less than one hop of {self.hop} samples")
        check_width(self, self.width, self.width * self.hop)
        check_memory(self, self.n_fft, self.hop, self.n_mels)
        return self


CODEC = BigVgan
