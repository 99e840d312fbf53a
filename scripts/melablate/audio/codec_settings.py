"""What every codec has: audio → image or tensor → audio."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ..settings import Neutral, Settings

LARGEST = 2**19
"""Of any number: more than the sample rates, lengths and frequencies of music."""
MOST_SAMPLES, MOST_VALUES = 2**26, 2**27
"""Of a clip (25 minutes at 44.1 kHz); of its spectrum or of the bands' matrix (half a gigabyte)."""
Method = Literal["pseudo_inverse", "nnls", "multiplicative", "lobes"]
"""From mel bands to a linear spectrum; modules of `mel_inverse`."""
Positive = Annotated[int, Field(gt=0)]


class Inversion(Settings):
    """How an image becomes sound again; no part of the identity of images."""

    iterations: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Iterations of fast Griffin-Lim."""
    momentum: Annotated[float, Field(ge=0, lt=1), Neutral(0.99)] = 0.99
    """Its momentum; 0 is plain Griffin-Lim."""
    method: Method | None = None
    """From mel bands to the linear spectrum that Griffin-Lim is given. Null is what
    benchmarks/inversion.md found best: `lobes` with last iterations that hold the mel alone,
    for stereo `multiplicative`."""


class CodecSettings(Settings):
    """The part of a codec that the rest of the workflow knows."""

    kind: str
    """Names the codec."""
    sample_rate: Positive
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)]
    """Length of the clip."""
    loudness: float | None
    """Integrated loudness (BS.1770, LUFS) before the transform and after the inversion; null
    leaves the level as it is."""
    peak_db: Annotated[float, Field(le=0)]
    """Limit of the peak at twice the sample rate, dB of full scale."""
    inversion: Inversion = Inversion()
    """Image to sound."""

    span: ClassVar[tuple[float, float]] = (0.0, 255.0)
    """Image values that a model sees as −1 and 1; (0, 255) are the bytes of a PNG, any other
    span is of a tensor of 32-bit floats."""
    lowest_first: ClassVar[bool] = True
    """Whether row 0 of the image is the lowest frequency."""
    loud_is_light: ClassVar[bool] = True
    """Whether larger values are louder."""

    keeps_level: ClassVar[bool] = False
    """Whether the image says how loud the clip is, rather than what is louder than what."""
    row_scale: ClassVar[str] = "mel scale"
    """Where the rows of the image are evenly spaced."""

    @model_validator(mode="after")
    def _no_absurd_number(self) -> "CodecSettings":
        """An image may come from anywhere: what it says must not take all memory."""
        for name, value in self:
            if isinstance(value, int | float) and not abs(value) <= LARGEST:
                raise ValueError(f"{name} {value:g} is no sensible number (at most {LARGEST})")
        return self

    @property
    def samples(self) -> int:
        """Length of the clip in samples."""
        return round(self.seconds * self.sample_rate)

    @property
    def channels(self) -> int:
        """Channels of the audio, and planes of the image: 1 is mono, 2 stereo."""
        return 1

    @property
    def frames(self) -> int:
        """Columns of the image that hold sound; what follows is padding."""
        raise NotImplementedError

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        raise NotImplementedError

    @property
    def band(self) -> tuple[float, float]:
        """Frequencies of the lowest and the highest row, Hz."""
        raise NotImplementedError

    @property
    def shown_seconds(self) -> float:
        """Seconds that the image shows of the clip."""
        return self.seconds

    @property
    def silence(self) -> float:
        """Value of the image where nothing sounds."""
        return self.span[0] if self.loud_is_light else self.span[1]

    def exif(self) -> dict[int, int | float]:
        """EXIF tags of a PNG, for codecs whose own project reads them."""
        return {}


def centred_frames(samples: int, n_fft: int, hop: int) -> int:
    """Frames of a transform that sees `n_fft // 2` samples before and after the clip."""
    return (samples + 2 * (n_fft // 2) - n_fft) // hop + 1


def check_band(fmin: float, fmax: float, sample_rate: int) -> None:
    """A band that is there."""
    if fmin >= fmax:
        raise ValueError(f"fmin {fmin} is not below fmax {fmax}")
    if fmax > sample_rate / 2:
        raise ValueError(f"fmax {fmax} is above half the sample rate ({sample_rate / 2})")


def check_hop(hop: int, window: int) -> None:
    """Windows without gaps between them, in which sound would be lost."""
    if hop > window:
        raise ValueError(f"a hop of {hop} samples is longer than a window of {window}")


def check_width(codec: CodecSettings, width: int, longest: int) -> None:
    """An image that is wide enough; `longest` is the most samples whose frames it holds."""
    if codec.frames > width:
        raise ValueError(
            f"{codec.seconds:g} s make {codec.frames} frames, more than width {width}; set width "
            f"to at least {codec.frames} or seconds to at most {longest / codec.sample_rate:.4f}"
        )


def check_memory(codec: CodecSettings, n_fft: int, hop: int, n_mels: int = 0) -> None:
    """What one clip takes: an image of a few bytes may say that it stands for hours."""
    bins, columns = n_fft // 2 + 1, codec.samples // hop + 1
    for what, size, most in (
        ("the clip has", codec.channels * codec.samples, MOST_SAMPLES),
        ("its spectrum has", codec.channels * columns * bins, MOST_VALUES),
        ("the matrix of its bands has", n_mels * bins, MOST_VALUES),
    ):
        if size > most:
            raise ValueError(
                f"{codec.seconds:g} s, windows of {n_fft} samples every {hop}: {what} {size} "
                f"values, more than {most}"
            )
