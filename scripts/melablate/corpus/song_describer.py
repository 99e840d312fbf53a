"""The caption table in Song Describer's layout: one row a caption, here one `Track` a track."""

from collections import defaultdict
from pathlib import Path

from .layout import COLUMNS, LICENSES, TABLE, audio_file
from .licenses import read_licenses
from .paths import path_fault, plain
from .table_file import Line, read_csv, stop
from .tracks import Caption, Track

SAME_IN_A_TRACK = ("artist_id", "album_id", "path", "duration")
VALID = {"true": True, "false": False, "": False}
"""`is_valid_subset` is blank where nobody has checked the caption."""


def read_song_describer(data: Path) -> list[Track]:
    """Tracks with captions and licences, sorted by id."""
    rows: dict[str, list[Line]] = defaultdict(list)
    for row in read_csv(data / TABLE, COLUMNS):
        track_id = row.values["track_id"].strip()
        if not track_id:
            raise stop(data / TABLE, row.number, "track_id is blank", "fill it in, or remove it")
        rows[track_id].append(row)
    if not rows:
        raise SystemExit(f"{data / TABLE} has no captions. Check that this is the whole table.")
    licenses = read_licenses(data / LICENSES, rows.keys())
    seen: dict[str, int] = {}
    tracks = []
    for track_id in sorted(rows):
        known = licenses.get(track_id)
        url, text = (known.url, known.text) if known else ("", "")
        tracks.append(_track(track_id, rows[track_id], seen, url, text))
    return tracks


def _track(
    track_id: str, rows: list[Line], seen: dict[str, int], url: str, license_text: str
) -> Track:
    first = rows[0].values
    fault = _fault(track_id, rows)
    return Track(
        id=track_id,
        path=first["path"] if path_fault(first["path"]) else audio_file(first["path"]),
        captions=tuple(_caption(row, seen) for row in rows),
        artists=(first["artist_id"].strip(),) if first["artist_id"].strip() else (),
        album_id=first["album_id"].strip(),
        duration=None if fault else float(first["duration"]),
        license=url,
        license_text=license_text,
        fault=fault,
    )


def _caption(row: Line, seen: dict[str, int]) -> Caption:
    """What is wrong with one row alone harms only its own caption."""
    values = row.values
    caption_id, mark = values["caption_id"].strip(), values["is_valid_subset"].strip().lower()
    fault = ""
    if not caption_id:
        fault = f"table: line {row.number}: caption_id is blank"
    elif seen.setdefault(caption_id, row.number) != row.number:
        fault = (
            f"table: line {row.number}: caption_id {caption_id} stands in line "
            f"{seen[caption_id]} already"
        )
    elif mark not in VALID:
        fault = (
            f"table: line {row.number}: is_valid_subset is {values['is_valid_subset']!r}, "
            "needed is True, False or nothing"
        )
    return Caption(caption_id, values["caption"], VALID.get(mark, False), fault)


def _fault(track_id: str, rows: list[Line]) -> str:
    """What leaves in doubt whose track it is, where its audio is, or how long."""
    first = rows[0]
    if not plain(track_id):
        return f"table: line {first.number}: track_id {track_id!r} cannot name a file"
    for row in rows[1:]:
        for name in SAME_IN_A_TRACK:
            if row.values[name].strip() != first.values[name].strip():
                return (
                    f"table: line {row.number}: {name} is {row.values[name]}, in line "
                    f"{first.number} it is {first.values[name]}"
                )
    wrong = (
        "path is blank" if not first.values["path"].strip() else path_fault(first.values["path"])
    )
    if wrong:
        return f"table: line {first.number}: {wrong}"
    try:
        positive = 0 < float(first.values["duration"]) < float("inf")
    except ValueError:
        positive = False
    if not positive:
        duration = first.values["duration"]
        return f"table: line {first.number}: duration {duration!r} is no number of seconds"
    return ""
