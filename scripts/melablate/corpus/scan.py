"""From a folder in Song Describer's layout to the rows of its manifest."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..progress import Progress
from .integrity import Audio, check
from .layout import LICENSES, TABLE
from .licenses import read_licenses
from .manifest import Row
from .settings import Rules
from .song_describer import Track, read_table
from .splits import split_of

NOT_VALID = "not in the valid subset"
DUPLICATE = "duplicate"
SHOWN_REASONS = 5


def scan(data: Path, rules: Rules) -> list[Row]:
    """Check every track, set aside what cannot be used, and split the rest by artist."""
    tracks = read_table(data / TABLE)
    licenses = read_licenses(data / LICENSES, {track.id for track in tracks})
    wanted = [track for track in tracks if _valid(track) or not rules.valid_only]
    audio = _check_all(wanted, data / "audio", rules)
    rows = [_row(track, licenses, audio.get(track.id), rules) for track in tracks]
    _stop_if_too_many(rows, len(wanted), data, rules)
    rows = [_with_split(row, rules) for row in _without_duplicates(rows)]
    _stop_if_a_split_is_empty(rows, data, rules)
    return rows


def summary(rows: Sequence[Row]) -> str:
    """One line: how many are used, held out, and set aside for which reason."""
    splits = Counter(row.split for row in rows if not row.excluded)
    reasons = Counter(_kind(row.excluded) for row in rows if row.excluded)
    aside = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    captions = sum(len(row.captions) for row in rows if not row.excluded)
    return (
        f"{len(rows)} tracks: {splits.total()} used with {captions} captions "
        f"({splits['train']} to train, {splits['heldout']} held out), "
        f"{reasons.total()} set aside" + (f" ({aside})" if aside else "")
    )


def _valid(track: Track) -> bool:
    return any(caption.valid for caption in track.captions)


def _check_all(tracks: Sequence[Track], folder: Path, rules: Rules) -> dict[str, Audio]:
    """Threads suffice: decoding and hashing let go of the interpreter."""
    progress = Progress("checking audio", len(tracks))
    found: dict[str, Audio] = {}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda t: check(folder / t.path, t.duration, rules), tracks)
        for track, audio in zip(tracks, results, strict=True):
            found[track.id] = audio
            progress.step(len(found))
    return found


def _row(track: Track, licenses: dict[str, str], audio: Audio | None, rules: Rules) -> Row:
    """The captions of a track in use are its valid ones; one set aside keeps all."""
    kept = [c for c in track.captions if c.valid or not rules.valid_only] or track.captions
    row = Row(
        track_id=track.id,
        path=track.path,
        captions=tuple(caption.text for caption in kept),
        caption_ids=tuple(caption.id for caption in kept),
        artist_id=track.artist_id,
        album_id=track.album_id,
        license=licenses.get(track.id, ""),
    )
    if audio is None:
        return replace(row, excluded=NOT_VALID)
    return replace(
        row,
        audio_sha256=audio.sha256,
        seconds=audio.seconds,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        excluded=audio.fault,
    )


def _without_duplicates(rows: Sequence[Row]) -> list[Row]:
    """Of tracks with the same bytes the first by id is kept, so none is in two splits."""
    first: dict[str, str] = {}
    kept = []
    for row in rows:
        if not row.excluded and first.setdefault(row.audio_sha256, row.track_id) != row.track_id:
            same = first[row.audio_sha256]
            row = replace(row, excluded=f"{DUPLICATE}: the same audio as track {same}")
        kept.append(row)
    return kept


def _with_split(row: Row, rules: Rules) -> Row:
    if row.excluded:
        return row
    return replace(row, split=split_of(row.artist_id, row.track_id, rules.heldout_share))


def _stop_if_too_many(rows: Sequence[Row], checked: int, data: Path, rules: Rules) -> None:
    """Only unusable audio counts; doubles and rows that are not valid are no fault."""
    bad = [row for row in rows if row.excluded not in ("", NOT_VALID)]
    if len(bad) <= rules.max_set_aside * checked:
        return
    shown = "".join(f"\n  {row.path}: {row.excluded}" for row in bad[:SHOWN_REASONS])
    more = f"\n  … and {len(bad) - SHOWN_REASONS} more" if len(bad) > SHOWN_REASONS else ""
    raise SystemExit(
        f"{data / 'audio'}: the audio of {len(bad)} of {checked} tracks cannot be used, "
        f"more than the share rules.max_set_aside = {rules.max_set_aside:g} allows:{shown}{more}\n"
        "Fetch the files again, or raise rules.max_set_aside of this corpus."
    )


def _stop_if_a_split_is_empty(rows: Sequence[Row], data: Path, rules: Rules) -> None:
    counts = Counter(row.split for row in rows if not row.excluded)
    artists = len({row.artist_id for row in rows if not row.excluded})
    if not counts:
        raise SystemExit(
            f"{data}: no track is left to use ({summary(rows)}). "
            "Check the table's is_valid_subset, or set rules.valid_only to false."
        )
    for split, word in (("train", "to train on"), ("heldout", "held out")):
        if not counts[split]:
            raise SystemExit(
                f"{data}: no track is {word}: {artists} artists were split with "
                f"rules.heldout_share = {rules.heldout_share:g}. "
                "Change rules.heldout_share of this corpus, or add tracks of more artists."
            )


def _kind(reason: str) -> str:
    """`truncated: decoded 1.2 s of 4.5 s` → `truncated`."""
    return reason.split(":")[0]
