"""Where the music comes from, and which tracks count."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings

Share = Annotated[float, Field(ge=0, le=1)]


class Rules(Settings):
    """What a track must satisfy to be used; every other track is set aside with its reason."""

    valid_only: bool = True
    """Use only the rows whose `is_valid_subset` is True."""
    min_seconds: Annotated[float, Field(gt=0)] = 3.0
    """Set aside audio that is shorter than this."""
    silence_db: float = -60.0
    """Set aside audio whose peak is below this level (dB of full scale)."""
    heldout_share: Share = 0.2
    """Share of the artists (not tracks) that are held out of training."""
    max_set_aside: Share = 0.1
    """Stop when a larger share of the tracks has unusable audio."""


class MiniMidi(Settings):
    """The embedded corpus: composed and rendered by the workflow, in Song Describer's layout."""

    kind: Literal["minimidi"]
    part: Literal["broad", "style"]
    """`broad` teaches the tiny base; `style` has instruments and a manner of its own."""
    tracks: Annotated[int, Field(ge=4)] = 96
    """How many pieces to compose."""
    seconds: Annotated[float, Field(ge=2)] = 4.5
    """Length of a piece."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the composer."""
    rules: Rules = Rules()
    """What a track must satisfy to be used."""


class SongDescriber(Settings):
    """A folder in the layout of the Song Describer Dataset (Zenodo record 10072001)."""

    kind: Literal["song_describer"]
    path: str
    """The folder that holds `song_describer.csv` and `audio/`."""
    rules: Rules = Rules()
    """What a track must satisfy to be used."""


Corpus = Annotated[MiniMidi | SongDescriber, Field(discriminator="kind")]
