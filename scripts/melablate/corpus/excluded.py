"""What was set aside and why, as a table and in one line."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import writing
from .filters import kind_of
from .manifest import Row


def write_excluded(path: Path, rows: Sequence[Row]) -> None:
    """A row for each track set aside, and for each unused caption of a track in use."""
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("track_id", "path", "reason", "caption_id"))
        writer.writerows(told(rows))


def summary(rows: Sequence[Row]) -> str:
    """One line: how many are used, held out, and set aside for which reason."""
    splits = Counter(row.split for row in rows if not row.excluded)
    reasons = Counter(kind_of(row.excluded) for row in rows if row.excluded)
    aside = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    captions = sum(len(row.captions) for row in rows if not row.excluded)
    return (
        f"{len(rows)} tracks: {splits.total()} used with {captions} captions "
        f"({splits['train']} to train, {splits['heldout']} held out), "
        f"{reasons.total()} set aside" + (f" ({aside})" if aside else "")
    )


def told(rows: Sequence[Row]) -> Iterator[tuple[str, str, str, str]]:
    """Track, path, reason, and the caption where it is one of a track in use."""
    for row in rows:
        if row.excluded:
            yield row.track_id, row.path, row.excluded, ""
            continue
        for caption_id, reason in zip(row.dropped_caption_ids, row.dropped_reasons, strict=True):
            yield row.track_id, row.path, reason, caption_id
