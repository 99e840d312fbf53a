"""How long every arm was trained, from the records of its runs: steps and images, no times."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Training:
    """One run of an arm; all its seeds are alike in this."""

    steps: int
    images_seen: int
    """Images that its steps saw, regularization images among them."""
    steps_before: int = 0
    """Steps of the arms that it started from."""
    text_encoder: bool = False
    """Whether the text encoders were trained too."""


def read_trainings(root: Path, names: Sequence[str], seed: int) -> dict[str, Training]:
    """Of the arms that have a record."""
    records = {name: found for name in names if (found := _record(root, name, seed))}
    return {name: _training(record, records) for name, record in records.items()}


def _training(record: Mapping[str, Any], records: Mapping[str, Any]) -> Training:
    settings, steps = record["settings"], record["steps"]
    start, before = settings.get("warm_start"), 0
    while start and start.get("arm") in records:
        earlier = records[start["arm"]]
        before += earlier["steps"]
        start = earlier["settings"].get("warm_start")
    seen = steps * settings["batch_size"] * settings["accumulation"]
    return Training(steps, seen, before, settings.get("lr_text") is not None)


def _record(root: Path, name: str, seed: int) -> Any:
    path = root / name / f"seed-{seed}" / "train.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        _ = found["steps"], found["settings"]["batch_size"], found["settings"]["accumulation"]
    except (ValueError, KeyError, TypeError):
        raise SystemExit(
            f"{path} is not the record of a training; delete it and run again"
        ) from None
    return found
