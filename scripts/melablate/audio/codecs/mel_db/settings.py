"""Parameters of the seed's codec (DiffusionMiniMIDI)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...codec_settings import (
    CodecSettings,
    Positive,
    centred_frames,
    check_band,
    check_hop,
    check_memory,
    check_width,
)


class MelDb(CodecSettings):
    """Slaney mel power in decibels relative to the clip's maximum, as a grey image."""

    kind: Literal["mel_db"] = "mel_db"
    sample_rate: Positive = 16000
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = 15.0
    """Length of the clip."""
    n_fft: Positive = 2048
    """Samples of a Fourier window."""
    hop: Positive = 512
    """Samples between two windows."""
    n_mels: Positive = 256
    """Mel bands: the height of the image."""
    width: Positive = 512
    """Frames: the width of the image; clips with fewer frames are padded with silence."""
    fmin: Annotated[float, Field(ge=0)] = 0.0
    """Lowest frequency in Hz."""
    fmax: Annotated[float, Field(gt=0)] = 8000.0
    """Highest frequency in Hz."""
    range_db: Annotated[float, Field(gt=0)] = 80.0
    """Decibels between black and white; white is the clip's maximum."""
    pre_emphasis: Annotated[float, Field(ge=0, lt=1)] = 0.97
    """Coefficient of the first-order pre-emphasis; 0 is none."""
    loudness: float | None = -14.0
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level as it is."""
    peak_db: Annotated[float, Field(le=0)] = -1.0
    """Limit of the peak at twice the sample rate, dB of full scale."""

    @property
    def frames(self) -> int:
        """Frames of a centred transform of the clip."""
        return centred_frames(self.samples, self.n_fft, self.hop)

    @property
    def size(self) -> tuple[int, int]:
        """Mel bands and frames."""
        return self.n_mels, self.width

    @property
    def band(self) -> tuple[float, float]:
        """The mel bands' ends."""
        return self.fmin, self.fmax

    @model_validator(mode="after")
    def _fits(self) -> "MelDb":
        check_band(self.fmin, self.fmax, self.sample_rate)
        check_hop(self.hop, self.n_fft)
        check_width(self, self.width, (self.width - 1) * self.hop)
        check_memory(self, self.n_fft, self.hop, self.n_mels)
        return self


CODEC = MelDb
