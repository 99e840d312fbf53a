"""Real clips as sound: what an embedder or a listener hears of a track."""

from typing import Annotated

from pydantic import Field

from ..settings import Settings
from .clip_settings import Clips


class Heard(Settings):
    """Which part of a track, at which rate and level; none of it depends on the image."""

    sample_rate: Annotated[int, Field(gt=0)]
    """Samples per second."""
    seconds: Annotated[float, Field(gt=0)]
    """Length of a clip."""
    clips: Clips
    """Which parts of a track."""
    loudness: float | None = None
    """Integrated loudness in LUFS; null leaves the level as it is."""
    peak_db: float = 0.0
    """Limit of the peak, dB of full scale."""
