"""Parameters of audio-diffusion's codec (its class `Mel`, also in diffusers)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...codec_settings import (
    CodecSettings,
    Positive,
    centred_frames,
    check_hop,
    check_memory,
    check_width,
)

SIDE = 256


class AudioDiffusion(CodecSettings):
    """Slaney mel power in decibels relative to the clip's maximum, as a grey image.

    Of any size; Stable Diffusion needs multiples of 64.
    """

    kind: Literal["audio_diffusion"]
    sample_rate: Positive = 22050
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = (SIDE * 512 - 1) / 22050
    """Length of the clip; the whole width is (width · hop − 1) / sample_rate."""
    n_fft: Positive = 2048
    """Samples of a Fourier window."""
    hop: Positive = 512
    """Samples between two windows."""
    n_mels: Positive = SIDE
    """Mel bands from 0 to half the sample rate: the height of the image (its `y_res`)."""
    width: Positive = SIDE
    """Frames: the width of the image (its `x_res`); what is left over is padded with silence."""
    range_db: Annotated[float, Field(gt=0)] = 80.0
    """Decibels between black and white (its `top_db`); white is the clip's maximum."""
    loudness: float | None = -14.0
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level before and brings the peak to `peak_db` after."""
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
        """All frequencies."""
        return 0.0, self.sample_rate / 2

    @model_validator(mode="after")
    def _fits(self) -> "AudioDiffusion":
        check_hop(self.hop, self.n_fft)
        check_width(self, self.width, self.width * self.hop - 1)
        check_memory(self, self.n_fft, self.hop, self.n_mels)
        return self


CODEC = AudioDiffusion
