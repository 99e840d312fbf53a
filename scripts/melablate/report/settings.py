"""How the table judges."""

from typing import Annotated

from pydantic import Field

from ..metrics.settings import Metric
from ..settings import Settings


class Table(Settings):
    """Effects against the baseline, their intervals and verdicts."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence of the intervals; 1 − confidence is also the chance of any false verdict among
    all arms, for each metric (Holm)."""
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """Chance of a verdict at the stated smallest effect."""
    primary: Metric = "text_audio_similarity"
    """The metric that the table shows first and in full."""
