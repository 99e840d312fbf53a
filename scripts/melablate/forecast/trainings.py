"""What trainings took: from the records that they leave, of this study and of others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..training.settings import Train
from .bases import Family, family_of
from .costs import PIXELS, Costs

CPU = "CPU"


@dataclass(frozen=True)
class Trained:
    """One finished training."""

    arm: str
    family: Family
    device: str
    settings: Train
    area: float
    loop: float
    """Seconds in the loop, over all tries."""
    built_in: float
    """What the built-in table gives for the loop."""
    start: float | None
    """Seconds before and after the loop; unknown where it went on from a saved state."""
    ended: float

    @property
    def ratio(self) -> float:
        """How much longer than built in."""
        return self.loop / self.built_in


def read_trained(costs: Costs, results: Path = Path("results")) -> list[Trained]:
    """All that are there, newest first; a file that is none is passed over."""
    paths = sorted(results.glob("*/arms/*/seed-*/train.json"))
    found = [t for path in paths for t in _read(path, costs)]
    return sorted(found, key=lambda trained: -trained.ended)


def _read(path: Path, costs: Costs) -> Iterator[Trained]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        loop, steps = float(record["loop_seconds"]), int(record["steps"])
        train = Train.model_validate(record["settings"])
        family = family_of(record["inputs"]["base"], costs.counts)
        area = _area(record["provenance"]["stages"], costs)
        cached = record["latents"].get("cached", True)
        clips = (int(record["images"]), int(record["images"]) // 3)
        start = None if record["resumed_at"] else float(record["job_seconds"]) - loop
        device = record["machine"].get("gpu", CPU)
        built_in = costs.loop(train, family, clips, area, cached, steps)
        ended = path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return
    if loop > 0 and built_in > 0:
        arm = path.parts[-3]
        yield Trained(arm, family, device, train, area, loop, built_in, start, ended)


def _area(stages: Mapping[str, Any], costs: Costs) -> float:
    """Of the images that it learned from; those of regularization are of one size with them."""
    codecs = (s["settings"]["codec"] for s in stages.values() if s["stage"] == "spectrograms")
    height, width = costs.counts.codec_of(next(codecs)).size
    return height * width / PIXELS
