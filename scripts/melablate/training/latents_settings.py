"""How images become latents: cached or not, with SpecAugmented variants or not."""

from typing import Annotated, Literal

from pydantic import Field

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


class Latents(Settings):
    """Settings of the latents stage."""

    cached: bool = True
    """Encode every image once, before training; otherwise at every step: slower, and the same
    latents, to the bit where both are encoded on the same kind of device."""
    specaugment: SpecAugment | None = None
    """Encode SpecAugmented variants too; `train.augment_share` says how often they are used."""

    @property
    def variants(self) -> int:
        """Images to encode for each clip: the clean one and its augmented ones."""
        return 1 + (self.specaugment.variants if self.specaugment else 0)
