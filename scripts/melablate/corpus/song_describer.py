"""The caption table in Song Describer's layout: one row a caption, here one `Track` a track."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .layout import COLUMNS, audio_file

SAME_IN_A_TRACK = ("artist_id", "album_id", "path", "duration")
VALID = {"true": True, "false": False, "": False}
"""`is_valid_subset` is blank where nobody has checked the caption."""


@dataclass(frozen=True)
class Caption:
    """One sentence that somebody wrote of a track."""

    id: str
    text: str
    valid: bool


@dataclass(frozen=True)
class Track:
    """A track with every caption of it, in the order of the table."""

    id: str
    path: str
    """Of its audio, relative to the corpus' `audio/`."""
    captions: tuple[Caption, ...]
    artist_id: str
    album_id: str
    duration: float
    """Seconds of the original, which may be longer than the clip."""


def read_table(path: Path) -> list[Track]:
    """Read the tracks, sorted by id; a fault of the table stops with its line and a mend."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    lines: dict[str, int] = {}
    for line, row in _read_rows(path):
        caption_id = row["caption_id"]
        if caption_id in lines:
            raise _fault(
                path,
                line,
                f"caption_id {caption_id} stands in line {lines[caption_id]} already",
                "give every caption an id of its own",
            )
        lines[caption_id] = line
        _check_row(path, line, row, rows[row["track_id"]])
        rows[row["track_id"]].append(row)
    if not rows:
        raise SystemExit(f"{path} has no captions. Check that this is the whole table.")
    return [_track(rows[track]) for track in sorted(rows)]


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise SystemExit(
                    f"{path}: no column {', '.join(missing)} in its first line. "
                    f"Needed are {', '.join(COLUMNS)}, separated by commas."
                )
            # The line number is where the row ends: captions may hold newlines.
            return [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise SystemExit(
            f"{path} does not exist. Put the data set's caption table there, "
            "or correct the corpus' `path`."
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SystemExit(
            f"{path} cannot be read as a CSV table in UTF-8 ({error}). "
            "Fetch it again or save it as UTF-8."
        ) from None


def _check_row(path: Path, line: int, row: dict[str, str], earlier: list[dict[str, str]]) -> None:
    if None in row or None in row.values():
        raise _fault(
            path,
            line,
            "the number of fields differs from the first line's",
            "quote captions that hold commas or newlines",
        )
    for name in ("caption_id", "track_id", "caption", "path"):
        if not row[name].strip():
            raise _fault(path, line, f"{name} is blank", "fill it in or remove the row")
    if row["is_valid_subset"].strip().lower() not in VALID:
        raise _fault(
            path,
            line,
            f"is_valid_subset is {row['is_valid_subset']!r}",
            "write True, False or nothing",
        )
    pure = PurePosixPath(row["path"])
    if pure.is_absolute() or ".." in pure.parts:
        raise _fault(path, line, f"path {pure} leads out of audio/", "write it as NN/id.mp3")
    try:
        float(row["duration"])
    except ValueError:
        raise _fault(
            path, line, f"duration {row['duration']!r} is no number", "write seconds"
        ) from None
    for name in SAME_IN_A_TRACK if earlier else ():
        if row[name] != earlier[0][name]:
            raise _fault(
                path,
                line,
                f"{name} of track {row['track_id']} is {row[name]}, before it was "
                f"{earlier[0][name]}",
                "make them the same",
            )


def _fault(path: Path, line: int, what: str, mend: str) -> SystemExit:
    return SystemExit(f"{path}, line {line}: {what}. To mend: {mend}.")


def _track(rows: list[dict[str, str]]) -> Track:
    first = rows[0]
    captions = tuple(
        Caption(r["caption_id"], r["caption"], VALID[r["is_valid_subset"].strip().lower()])
        for r in rows
    )
    return Track(
        id=first["track_id"],
        path=audio_file(first["path"]),
        captions=captions,
        artist_id=first["artist_id"].strip(),
        album_id=first["album_id"].strip(),
        duration=float(first["duration"]),
    )
