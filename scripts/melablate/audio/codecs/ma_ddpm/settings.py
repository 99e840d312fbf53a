"""Parameters of MA_DDPM's codec."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...codec_settings import CodecSettings, Positive, centred_frames, check_hop, check_memory

MOST_LOST = 1.0
"""Seconds of a clip that its image may leave out."""


class MaDdpm(CodecSettings):
    """Short-time spectrum in decibels, cropped, each clip stretched to −1 … 1 (a tensor).

    1×224×416, multiples of 32; Stable Diffusion needs multiples of 64: height 256, width 448.
    """

    kind: Literal["ma_ddpm"]
    sample_rate: Positive = 32000
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = 4.0
    """Length of the clip; what lies beyond the last column is lost (here a quarter of a second,
    as it is there)."""
    n_fft: Positive = 480
    """Samples of a Fourier window."""
    hop: Positive = 288
    """Samples between two windows."""
    height: Positive = 224
    """Lowest frequency bins that are kept; more than n_fft / 2 + 1 are padded with silence."""
    width: Positive = 416
    """First frames that are kept; more than the clip has are padded with silence."""
    range_db: Annotated[float, Field(gt=0)] = 80.0
    """Decibels below the clip's maximum at which the rest is cut off. The inversion takes −1 to
    be so far below 1, for what a clip had itself is not kept."""
    loudness: float | None = -14.0
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level before and brings the peak to `peak_db` after."""
    peak_db: Annotated[float, Field(le=0)] = -1.0
    """Limit of the peak at twice the sample rate, dB of full scale."""

    span: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    row_scale: ClassVar[str] = "linear scale"

    @property
    def frames(self) -> int:
        """Frames of a centred transform of the clip, as far as they are kept."""
        return min(centred_frames(self.samples, self.n_fft, self.hop), self.width)

    @property
    def bins(self) -> int:
        """Frequency bins that are kept."""
        return min(self.n_fft // 2 + 1, self.height)

    @property
    def size(self) -> tuple[int, int]:
        """Frequency bins and frames."""
        return self.height, self.width

    @property
    def band(self) -> tuple[float, float]:
        """The rows' frequencies, whether they are kept or padding."""
        return 0.0, (self.height - 1) * self.sample_rate / self.n_fft

    @property
    def shown_seconds(self) -> float:
        """Up to the middle of the last frame that is kept."""
        return min(self.seconds, (self.frames - 1) * self.hop / self.sample_rate)

    @model_validator(mode="after")
    def _fits(self) -> "MaDdpm":
        if self.inversion.method:
            raise ValueError("inversion.method is not used: the spectrum is linear as it is")
        check_hop(self.hop, self.n_fft)
        check_memory(self, self.n_fft, self.hop)
        longest = self.width * self.hop / self.sample_rate + MOST_LOST
        if self.seconds > longest:
            raise ValueError(
                f"of {self.seconds:g} s more than {MOST_LOST:g} s lie beyond width {self.width}; "
                f"set seconds to at most {longest:g} or a larger width"
            )
        return self


CODEC = MaDdpm
