"""What is trained towards: the parts of an arm's `train` section that are models of their own."""

from typing import Annotated

from pydantic import Field, model_validator

from ..settings import Settings


class MultiresNoise(Settings):
    """Noise of several resolutions (Whitaker 2023), as kohya's trainer mixes it.

    Coarser noise, enlarged, is added to white noise, and the sum is brought back to std 1. Level i
    is the latent's size over r^i, with r drawn from 2 … 4 for each, and counts discount^i.
    """

    iterations: Annotated[int, Field(ge=1)] = 6
    """Most levels; a level whose height or width is 1 is the last."""
    discount: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share that a level keeps of the one before it."""


class SpectrogramLoss(Settings):
    """Error of the mel image, added to the loss of the latents; docs/losses.md says why.

    What the latents would be by the prediction is decoded, on a crop, by the frozen autoencoder,
    and compared with the decoded crop of the true latents.
    """

    weight: Annotated[float, Field(gt=0)] = 10.0
    """Of this error beside that of the latents, times ᾱ: the more noise, the less it counts."""
    slopes: Annotated[float, Field(ge=0)] = 1.0
    """How much errors of the image's slopes count, from band to band and from frame to frame:
    harmonics and onsets."""
    scales: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 4)
    """Slopes are taken between blocks of so many pixels' side."""
    crop: Annotated[int, Field(ge=8)] = 64
    """Side of the crop, in pixels of the image."""

    @model_validator(mode="after")
    def _blocks_fit(self) -> "SpectrogramLoss":
        if self.slopes and not self.scales:
            raise ValueError(
                "slopes are taken at scales, and there are none: give some, or slopes: 0"
            )
        if self.scales and 2 * max(self.scales) > self.crop:
            raise ValueError(
                f"scales: two blocks of {max(self.scales)} do not fit a crop of {self.crop}"
            )
        return self
