"""Which parts of a track become clips."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings


class Clips(Settings):
    """Which parts of a track become clips; a clip is as long as the codec's `seconds`."""

    choose: Literal["fixed"] = "fixed"
    """`fixed` takes the part from `offset` on."""
    offset: Annotated[float, Field(ge=0)] = 15.0
    """Second at which the clip starts; a track too short for it gives its last `seconds`."""
