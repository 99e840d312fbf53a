"""How images become latents: cached or not, with SpecAugmented variants or not."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class SpecAugment(Settings):
    """Bands and stretches of the image blanked out (Park et al. 2019).

    Widths are shares of the image, so that they mean the same for every codec; by default the
    seed's 12 of 256 rows and 40 of 472 columns.
    """

    variants: Annotated[int, Field(ge=1)] = 4
    """Augmented variants of each image, beside the clean one."""
    frequency_masks: Count = 2
    """Bands to blank."""
    frequency_width: Share = 0.047
    """Most rows of a band, as a share of all; each is drawn from 0 … this."""
    time_masks: Count = 2
    """Stretches to blank."""
    time_width: Share = 0.085
    """Most columns of a stretch, as a share of all; each is drawn from 0 … this."""
    fill: Literal["0", "mean"] = "0"
    """What the blanked parts hold: 0 is silence (grey 0 of the seed's codec, white of riffusion's),
    or the image's mean."""


class Bucketing(Settings):
    """Images are trained on at the size of a bucket, as kohya's trainer has it, not at their own.

    Of all buckets of about one area it is the one of the nearest aspect ratio: the image is resized
    (bicubic) until it covers the bucket, and what sticks out is cut off on both sides. Images of a
    study are of one size, so they share a bucket. Samples keep the image's own size.
    """

    resolution: Annotated[int, Field(ge=8)] = 512
    """Its square is the most pixels of a bucket; SDXL was trained at 1024."""
    min_size: Annotated[int, Field(ge=8)] = 256
    """Smallest side of a bucket."""
    max_size: Annotated[int, Field(ge=8)] = 1024
    """Largest side of a bucket."""
    step: Annotated[int, Field(ge=8)] = 64
    """Sides are multiples of this."""
    upscale: bool = True
    """Enlarge images that are smaller than their bucket. Otherwise (kohya's `bucket_no_upscale`)
    the bucket is the image, shrunk if its area is larger, cut to multiples of `step`."""

    @model_validator(mode="after")
    def _sides(self) -> "Bucketing":
        if not self.step <= self.min_size <= self.resolution <= self.max_size:
            raise ValueError(
                "step ≤ min_size ≤ resolution ≤ max_size must hold, but they are "
                f"{self.step}, {self.min_size}, {self.resolution}, {self.max_size}"
            )
        return self


class Latents(Settings):
    """Settings of the latents stage."""

    cached: bool = True
    """Encode every image once, before training; otherwise at every step: slower, and the same
    latents, to the bit where both are encoded on the same kind of device."""
    specaugment: SpecAugment | None = None
    """Encode SpecAugmented variants too; `train.augment_share` says how often they are used."""
    bucketing: Bucketing | None = None
    """Resize and cut images to a bucket; none: they are encoded as they are."""

    @property
    def variants(self) -> int:
        """Images to encode for each clip: the clean one and its augmented ones."""
        return 1 + (self.specaugment.variants if self.specaugment else 0)
