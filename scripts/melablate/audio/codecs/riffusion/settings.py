"""Parameters of riffusion's codec, in riffusion's own units, as its EXIF tags have them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...codec_settings import (
    CodecSettings,
    Positive,
    centred_frames,
    check_hop,
    check_memory,
    check_width,
)

MOST_MS = 1000
EXIF_TAGS = {
    "sample_rate": 11000,
    "stereo": 11005,
    "step_ms": 11010,
    "window_ms": 11020,
    "padded_ms": 11030,
    "n_mels": 11040,
    "fmin": 11050,
    "fmax": 11060,
    "power": 11070,
}
"""Settings and their tags (`SpectrogramParams.ExifTags` of riffusion-hobby). It writes two more:
11007, whether three bands share a pixel, and 11080, the maximum, which it never reads."""


class Riffusion(CodecSettings):
    """Fourth root of HTK mel magnitudes, inverted: white is silence, low frequencies are below.

    512×512 pixels, which Stable Diffusion takes as they are.
    """

    kind: Literal["riffusion"]
    sample_rate: Annotated[int, Field(gt=0, le=192_000)] = 44100
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)] = 5.11
    """Length of the clip."""
    stereo: bool = False
    """Two channels: left is the image's green, right its blue, and red is 0."""
    step_ms: Annotated[int, Field(gt=0, le=MOST_MS)] = 10
    """Milliseconds between two windows."""
    window_ms: Annotated[int, Field(gt=0, le=MOST_MS)] = 100
    """Milliseconds of a window."""
    padded_ms: Annotated[int, Field(gt=0, le=MOST_MS)] = 400
    """Milliseconds of a window with the zeros around it: the length of the Fourier transform."""
    n_mels: Annotated[int, Field(gt=0, le=4096)] = 512
    """Mel bands: the height of the image."""
    width: Positive = 512
    """Frames: the width of the image; clips with fewer frames are padded with silence."""
    fmin: Annotated[int, Field(ge=0)] = 0
    """Lowest frequency in Hz."""
    fmax: Positive = 10000
    """Highest frequency in Hz; bands above half the sample rate stay silent."""
    power: Annotated[float, Field(gt=0)] = 0.25
    """Exponent of the magnitudes, relative to the clip's maximum."""
    loudness: float | None = -14.0
    """Integrated loudness (BS.1770, LUFS) after the inversion; null brings the peak to `peak_db`.
    The image does not depend on it."""
    peak_db: Annotated[float, Field(le=0)] = -1.0
    """Limit of the peak at twice the sample rate, dB of full scale."""

    lowest_first: ClassVar[bool] = False
    loud_is_light: ClassVar[bool] = False

    # Truncated and in this order, as riffusion computes them: 400 / 1000.0 * 44100 → 17640.
    @property
    def n_fft(self) -> int:
        """Samples of the Fourier transform."""
        return int(self.padded_ms / 1000.0 * self.sample_rate)

    @property
    def win_length(self) -> int:
        """Samples of a window."""
        return int(self.window_ms / 1000.0 * self.sample_rate)

    @property
    def hop(self) -> int:
        """Samples between two windows."""
        return int(self.step_ms / 1000.0 * self.sample_rate)

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
        return float(self.fmin), float(self.fmax)

    def exif(self) -> dict[int, int | float]:
        """Riffusion's tags."""
        return {tag: getattr(self, name) for name, tag in EXIF_TAGS.items()}

    @model_validator(mode="after")
    def _fits(self) -> "Riffusion":
        if self.fmin >= self.fmax:
            raise ValueError(f"fmin {self.fmin} is not below fmax {self.fmax}")
        if self.window_ms > self.padded_ms:
            raise ValueError(f"window_ms {self.window_ms} is above padded_ms {self.padded_ms}")
        if self.hop < 1 or self.win_length < 2:
            raise ValueError(
                f"step_ms {self.step_ms} and window_ms {self.window_ms} are less than a sample "
                f"at {self.sample_rate} Hz"
            )
        check_hop(self.hop, self.win_length)
        check_width(self, self.width, (self.width - 1) * self.hop)
        check_memory(self, self.n_fft, self.hop, self.n_mels)
        return self


CODEC = Riffusion
