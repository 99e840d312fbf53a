"""Tracks with the same sound: of each group the first by id is used, the others set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .fingerprint import Fingerprint
from .manifest import Row
from .same_sound import same_sound

DUPLICATE = "duplicate"
Links = list[tuple[str, str]]


def without_duplicates(
    rows: Sequence[Row], prints: Mapping[str, Fingerprint]
) -> tuple[list[Row], Links]:
    """The rows with their reasons, and every pair of tracks that share a sound."""
    links = _same_bytes(rows)
    same = {later: f"the same audio as track {first}" for first, later in links}
    rest = [row.track_id for row in rows if _usable(row) and row.track_id not in same]
    compared = [track for track in rest if track in prints]
    found = same_sound([prints[track] for track in compared]) if compared else []
    for one, other in found:
        links.append((compared[one], compared[other]))
        # A copy of a copy names what both are copies of, if that is in use.
        if compared[one] not in same:
            same.setdefault(compared[other], f"sounds the same as track {compared[one]}")
    for one, other in found:
        if compared[one] in same and compared[other] not in same:
            same[compared[other]] = f"sounds the same as track {compared[one]}"
    told = [
        replace(row, excluded=f"{DUPLICATE}: {same[row.track_id]}")
        if row.track_id in same and _usable(row)
        else row
        for row in rows
    ]
    return told, links


def _usable(row: Row) -> bool:
    return not row.excluded


def _same_bytes(rows: Sequence[Row]) -> Links:
    first: dict[str, str] = {}
    links = []
    for row in rows:
        if _usable(row) and first.setdefault(row.audio_sha256, row.track_id) != row.track_id:
            links.append((first[row.audio_sha256], row.track_id))
    return links
