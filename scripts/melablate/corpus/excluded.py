"""What was set aside and why: as a table, and as a text for people that says how to mend it."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import write_text, writing
from .filters import BY_WORDS, LISTED, NOT_VALID, kind_of
from .manifest import Row

SHOWN = 20
MENDS = {
    NOT_VALID: "nothing is wrong with them; rules.valid_only: false uses them too",
    LISTED: "rules.only and rules.without name the lists",
    BY_WORDS: "rules.words says which words",
    "too short": "rules.min_seconds is the limit",
    "too long": "rules.max_seconds is the limit",
    "duplicate": "of tracks with the same sound only the first by id is used",
    "no caption": "add rows to the table, or texts beside the files",
    "table": "correct the rows of the table",
    "caption too long": "shorten them, or raise rules.max_caption_words",
    "missing": "fetch the files, or correct the paths in the table",
    "name": "rename the files",
    "cyclic link": "replace the links by the files",
    "empty": "fetch the files again",
    "unreadable": "check who may read the files, and the disk",
    "undecodable": "fetch the files again, or convert them to FLAC",
    "no decoder": "install ffmpeg, or convert the files to FLAC",
    "sample rate": "resample the files",
    "channels": "mix the files down",
    "truncated": "fetch the files again",
    "not finite": "make the files anew; samples are no numbers",
    "silent": "rules.silence_db is the limit",
    "clipped": "rules.max_clipped is the limit; make the files anew with more headroom",
}


def write_excluded(path: Path, rows: Sequence[Row]) -> None:
    """A row for each track set aside, and for each unused caption of a track in use."""
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("track_id", "path", "reason", "caption_id"))
        writer.writerows(_told(rows))


def write_excluded_text(path: Path, rows: Sequence[Row]) -> None:
    """The same by kinds of reasons, the most frequent first, each with what can be done."""
    write_text(path, excluded_text(rows))


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


def excluded_text(rows: Sequence[Row]) -> str:
    """For people."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for track_id, path, reason, caption_id in _told(rows):
        what = f"caption {caption_id} of track {track_id}" if caption_id else path or track_id
        kinds[kind_of(reason)].append(f"{what}: {reason}")
    lines = [summary(rows)]
    for kind, told in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        mend = MENDS.get(kind)
        lines += ["", f"{kind} ({len(told)})" + (f": {mend}." if mend else "")]
        lines += [f"  {line}" for line in told[:SHOWN]]
        if len(told) > SHOWN:
            lines.append(f"  … and {len(told) - SHOWN} more, all of them in excluded.csv")
    return "\n".join(lines) + "\n"


def _told(rows: Sequence[Row]) -> Iterator[tuple[str, str, str, str]]:
    for row in rows:
        if row.excluded:
            yield row.track_id, row.path, row.excluded, ""
        for caption_id, reason in zip(row.dropped_caption_ids, row.dropped_reasons, strict=True):
            yield row.track_id, row.path, reason, caption_id
