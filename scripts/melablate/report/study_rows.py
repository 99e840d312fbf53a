"""What the table must know of a study: its rows in order, their names and claims."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ..settings import Settings
from .claim_settings import Claim

Kind = Literal["fixed", "baseline", "arm"]
FLOOR = "untuned-base"
FIXED_LABELS = {
    FLOOR: "Untuned base (floor)",
    "codec-ceiling": "Codec ceiling",
    "autoencoder-ceiling": "Autoencoder ceiling",
    "real-audio": "Real held-out audio",
}


class Row(Settings):
    """A row of the table."""

    name: str
    """Name of its folder below `arms/`."""
    label: str
    """Name for people."""
    claim: Claim = Claim()
    """What was claimed of it."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """How it differs from the baseline."""


class StudyRows(Settings):
    """A study's rows."""

    name: str
    """Name of the study."""
    seeds: tuple[int, ...] = Field(min_length=1)
    """Training seeds."""
    baseline: str
    """The arm that all others are compared with."""
    arms: tuple[Row, ...]
    """The arms, the baseline among them."""
    fixed: tuple[str, ...] = ()
    """Names of the fixed rows; the untuned base has every seed, the others seed 0 alone."""

    @model_validator(mode="after")
    def _has_baseline(self) -> "StudyRows":
        if self.baseline not in {arm.name for arm in self.arms}:
            raise ValueError(f"the baseline {self.baseline!r} is not among the arms")
        return self

    def rows(self) -> list[tuple[Row, Kind]]:
        """Fixed rows, the baseline, then the arms."""
        fixed = [Row(name=name, label=FIXED_LABELS.get(name, name)) for name in self.fixed]
        baseline = [arm for arm in self.arms if arm.name == self.baseline]
        others = [arm for arm in self.arms if arm.name != self.baseline]
        return [
            *((row, "fixed") for row in fixed),
            *((row, "baseline") for row in baseline),
            *((row, "arm") for row in others),
        ]

    def seeds_of(self, name: str) -> tuple[int, ...]:
        """The seeds with which a row was made."""
        return (0,) if name in self.fixed and name != FLOOR else self.seeds
