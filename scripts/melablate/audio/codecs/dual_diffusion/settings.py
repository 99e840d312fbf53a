"""Parameters of dualdiffusion's codec (`SpectrogramFormatConfig`)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...codec_settings import (
    CodecSettings,
    Inversion,
    Positive,
    centred_frames,
    check_band,
    check_hop,
    check_memory,
    check_width,
)


class DualDiffusion(CodecSettings):
    """Fourth root of HTK mel magnitudes, stereo (a tensor whose level is that of the sound).

    Of 256×1024 values, which Stable Diffusion's autoencoder takes.
    """

    kind: Literal["dual_diffusion"]
    sample_rate: Positive = 32000
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = 8.184
    """Length of the clip."""
    stereo: bool = True
    """Two channels: left and right are a plane each."""
    n_fft: Positive = 6400
    """Samples of a Fourier window."""
    hop: Positive = 256
    """Samples between two windows."""
    window_exponent: Annotated[float, Field(gt=0)] = 32.0
    """Power that the Hann window is raised to: 32 makes it as narrow as one of 36 ms."""
    n_mels: Positive = 256
    """Mel bands: the height of the image."""
    width: Positive = 1024
    """Frames: the width of the image; clips with fewer frames are padded with silence."""
    fmin: Annotated[float, Field(ge=0)] = 20.0
    """Lowest frequency in Hz."""
    fmax: Annotated[float, Field(gt=0)] = 16000.0
    """Highest frequency in Hz."""
    power: Annotated[float, Field(gt=0)] = 0.25
    """Exponent of the magnitudes."""
    loudness: float | None = -20.0
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level as it is."""
    peak_db: Annotated[float, Field(le=0)] = 0.0
    """Limit of the peak at twice the sample rate, dB of full scale."""
    inversion: Inversion = Inversion(iterations=200)
    """Image to sound; left and right are kept together in phase."""

    keeps_level: ClassVar[bool] = True
    span: ClassVar[tuple[float, float]] = (0.0, 5.0)
    # A full-scale sine has 4.2 to 5; music at −20 LUFS stays below 4.

    @property
    def channels(self) -> int:
        """Two if stereo."""
        return 2 if self.stereo else 1

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
    def _fits(self) -> "DualDiffusion":
        check_band(self.fmin, self.fmax, self.sample_rate)
        check_hop(self.hop, self.n_fft)
        check_width(self, self.width, (self.width - 1) * self.hop)
        check_memory(self, self.n_fft, self.hop, self.n_mels)
        return self


CODEC = DualDiffusion
