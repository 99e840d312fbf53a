"""Which parts of a track become clips."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Neutral, Settings


class Clips(Settings):
    """Which parts of a track become clips; a clip is as long as the codec's `seconds`."""

    choose: Literal["fixed", "spread", "random", "loudest"] = "fixed"
    """Where clips lie; they never overlap. `fixed`: one after the other from `offset` on.
    `spread`: evenly from `offset` to the end; one alone is in the middle. `random`: at places
    drawn from `seed` and the track's id. `loudest`: the clip of the largest mean square (of the
    mean of its channels), then the next; looked for in the ten minutes after `offset`."""
    count: Annotated[int, Field(ge=1), Neutral(1)] = 1
    """Clips of a track; one that is too short for so many gives as many as fit."""
    offset: Annotated[float, Field(ge=0)] = 15.0
    """Second before which no clip starts; a track too short for it gives its last `seconds`."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Another number draws other `random` places."""
    max_padding: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Largest share of a clip that may be silence added at the end of a track shorter than it;
    a track that would need more is set aside."""
