"""Any folder of music as a corpus: its table in one of several forms, or a text beside each file.

A file may stand in several rows: each is one of its captions.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .paths import audio_files, name_of, path_fault, plain, told
from .settings import Columns
from .sidecars import read_sidecars
from .table_file import Line, read_csv, read_jsonl, stop
from .tracks import Caption, Track

TABLES = ("metadata.jsonl", "metadata.csv", "metadata.tsv")
"""Hugging Face's names go before any other."""
TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv")
KNOWN: dict[str, tuple[str, ...]] = {
    "file": ("file_name", "filename", "file", "path", "audio", "audio_path", "audio_file"),
    "caption": ("caption", "captions", "text", "description", "prompt"),
    "caption_id": ("caption_id",),
    "track": ("track_id",),
    "artist": ("artist_id", "artist", "artists", "artist_name"),
    "album": ("album_id", "album"),
    "license": ("license", "licence", "license_url"),
    "valid": ("is_valid_subset", "valid"),
    "duration": (),
}
"""Names of columns, the likeliest first; durations are only read where the config names them."""
SHOWN = 3
ABSENT = "\0"
"""A name that no column has."""
VALID = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def find_table(folder: Path, table: str | None) -> Path | None:
    """The table of a folder, or None where captions lie beside the files."""
    if table is not None:
        return folder / table
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in TABLE_SUFFIXES)
    if len(found) > 1:
        raise SystemExit(
            f"{folder}: several tables: {', '.join(path.name for path in found)}. "
            "Say which one by the corpus' `table`."
        )
    return found[0] if found else None


def read_folder(folder: Path, table: str | None, columns: Columns) -> list[Track]:
    """Tracks with captions, and audio files that have none, sorted by id."""
    if not folder.is_dir():
        raise SystemExit(f"{folder} is no folder. Put the corpus there, or correct its `path`.")
    path = find_table(folder, table)
    tracks = read_sidecars(folder) if path is None else _read_table(path, columns)
    if path is None and not any(track.captions for track in tracks):
        _tell_tables_below(folder)
    if not tracks:
        raise SystemExit(
            f"{folder} holds no table ({', '.join(TABLES)}, or one other .csv, .tsv or .jsonl) "
            "and no audio file. Put the corpus there, or correct the corpus' `path`."
        )
    named = {str(PurePosixPath(track.path)) for track in tracks if track.path}
    for name in audio_files(folder):
        if name not in named:
            tracks.append(
                Track(name_of(name), told(name), (), fault="no caption: not in the table")
            )
    return sorted(tracks, key=lambda track: track.id)


def _tell_tables_below(folder: Path) -> None:
    """Hugging Face's data sets have one in each folder of a split."""
    found = sorted(path for name in TABLES for path in folder.glob(f"*/{name}"))
    if found:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found[:SHOWN])
        raise SystemExit(
            f"{folder} holds no table, but folders in it do: {names}. Name one of these folders "
            f"as the corpus' path ({found[0].parent}), or lay one table for all beside them, with "
            "paths from there; training and held-out music are split here, by artist."
        )


def named_files(table: Path, columns: Columns) -> frozenset[str]:
    """The files that a table names, whether or not they are there."""
    lines = _read_lines(table)
    column = _columns(table, lines, columns)["file"]
    return frozenset(name for line in lines if (name := _file(line, column)))


@dataclass
class _Found:
    """What the rows of one file say."""

    lines: list[Line] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)


def _read_table(path: Path, columns: Columns) -> list[Track]:
    lines = _read_lines(path)
    names = _columns(path, lines, columns)
    tracks: list[Track] = []
    files: dict[str, _Found] = defaultdict(_Found)
    for line in lines:
        file = _file(line, names["file"])
        if not file:
            said = line.fault or f"{names['file']} is blank"
            track = name_of(f"{path.name}:{line.number}")
            tracks.append(Track(track, "", (), fault=f"table: line {line.number}: {said}"))
        else:
            files[file].lines.append(line)
    taken: dict[str, int] = {}
    seen: dict[str, int] = {}
    for file, found in files.items():
        tracks.append(_track(file, found, names, taken, seen))
    return tracks


def _read_lines(path: Path) -> list[Line]:
    lines = read_jsonl(path) if path.suffix.lower() == ".jsonl" else read_csv(path)
    if not lines:
        raise SystemExit(f"{path} has no rows. Check that this is the whole table.")
    return lines


def _file(line: Line, column: str) -> str:
    """The file that a row names; empty where it names none."""
    file = None if line.fault else line.values.get(column)
    return str(PurePosixPath(file.strip())) if isinstance(file, str) and file.strip() else ""


def _columns(path: Path, lines: list[Line], columns: Columns) -> dict[str, str]:
    """Which column says what: as the config names it, else by its usual name."""
    # Sorted, so that of names that differ in case alone the one in small letters is taken.
    there = {name.casefold(): name for name in sorted({n for line in lines for n in line.values})}
    chosen: dict[str, str] = {}
    for role, usual in KNOWN.items():
        given: str | None = getattr(columns, role)
        found = [
            there[name.casefold()]
            for name in ((given,) if given else usual)
            if name.casefold() in there
        ]
        if given and not found:
            what = f"no column {given}; there are {', '.join(sorted(there.values()))}"
            raise stop(path, 1, what, f"correct columns.{role} of this corpus")
        if not found and role in ("file", "caption"):
            what = (
                f"no column tells the {role}: none of {', '.join(usual)} is among "
                f"{', '.join(sorted(there.values())) or 'its columns'}"
            )
            raise stop(path, 1, what, f"name it by columns.{role} of this corpus")
        chosen[role] = found[0] if found else ABSENT
    return chosen


def _track(
    file: str, found: _Found, names: dict[str, str], taken: dict[str, int], seen: dict[str, int]
) -> Track:
    first = found.lines[0]
    track_id = "".join(_words(first.values.get(names["track"]))[:1]) or name_of(file)
    track_id = track_id if plain(track_id) else name_of(track_id)
    clash = ""
    if taken.setdefault(track_id, first.number) != first.number:
        clash = f"{names['track']} {track_id} is that of line {taken[track_id]} already"
        track_id = name_of(file)
    duration, wrong = _seconds(first.values.get(names["duration"]))
    fault = path_fault(file) or clash or wrong
    return Track(
        id=track_id,
        path=file,
        captions=tuple(_captions(track_id, found, names, seen)),
        artists=_words(first.values.get(names["artist"])),
        album_id="; ".join(_words(first.values.get(names["album"]))),
        duration=duration,
        license="; ".join(_words(first.values.get(names["license"]))),
        fault=f"table: line {first.number}: {fault}" if fault else _contradiction(found, names),
    )


def _contradiction(found: _Found, names: dict[str, str]) -> str:
    """Whose track it is must be the same in all of its rows, or splits would leak."""
    first = found.lines[0]
    for role in ("track", "artist", "album", "license", "duration"):
        for line in found.lines[1:]:
            one, other = (_words(x.values.get(names[role])) for x in (first, line))
            if one != other:
                return (
                    f"table: line {line.number}: {names[role]} is {'; '.join(other)}, in line "
                    f"{first.number} it is {'; '.join(one)}"
                )
    return ""


def _captions(
    track_id: str, found: _Found, names: dict[str, str], seen: dict[str, int]
) -> list[Caption]:
    captions: list[Caption] = []
    texts: dict[str, int] = {}
    for line in found.lines:
        given = line.values.get(names["caption"])
        several = isinstance(given, list) and len(given) > 1
        for number, text in enumerate(given if isinstance(given, list) else [given]):
            ids = _words(line.values.get(names["caption_id"]))
            caption_id = f"{track_id}-{len(captions)}"
            if ids:
                caption_id = f"{ids[0]}-{number}" if several else ids[0]
            mark, known = _mark(line, names["valid"])
            captions.append(
                Caption(
                    caption_id,
                    text if isinstance(text, str) else "",
                    VALID.get(mark, False) if known else True,
                    _caption_fault(line, caption_id, text, texts, seen if ids else {})
                    or _mark_fault(line, mark, names["valid"]),
                )
            )
    return captions


def _mark(line: Line, column: str) -> tuple[str, bool]:
    """What a row says of its caption's validity, and whether there is such a column."""
    value = line.values.get(column)
    return "" if value is None else str(value).strip().lower(), column != ABSENT


def _mark_fault(line: Line, mark: str, column: str) -> str:
    """As in Song Describer's table: nothing is guessed."""
    if mark in VALID:
        return ""
    return f"table: line {line.number}: {column} is {mark!r}, needed is True, False or nothing"


def _caption_fault(
    line: Line, caption_id: str, text: Any, texts: dict[str, int], seen: dict[str, int]
) -> str:
    where = f"table: line {line.number}: "
    if text is not None and not isinstance(text, str):
        return f"{where}the caption is no text: {text!r}"
    if seen.setdefault(caption_id, line.number) != line.number:
        return f"{where}caption_id {caption_id} stands in line {seen[caption_id]} already"
    if text and texts.setdefault(text, line.number) != line.number:
        return f"{where}the same file and caption stand in line {texts[text]} already"
    return ""


def _words(value: Any) -> tuple[str, ...]:
    """A value, or each of a list, as text; nothing if it is blank."""
    values = value if isinstance(value, list) else [value]
    return tuple(str(v).strip() for v in values if v is not None and str(v).strip())


def _seconds(value: Any) -> tuple[float | None, str]:
    if value is None or value == "":
        return None, ""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    return (
        (seconds, "")
        if 0 < seconds < float("inf")
        else (None, f"duration {value!r} is no number of seconds")
    )
