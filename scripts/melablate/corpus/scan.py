"""From a folder of music to the rows of its manifest."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..progress import Progress
from .duplicates import without_duplicates
from .excluded import summary
from .filters import FILTERED, Left, caption_filter, kind_of, left
from .folder import read_folder
from .integrity import Audio, check
from .lists import IdList
from .manifest import Row
from .settings import Rules, Scan
from .song_describer import read_song_describer
from .splits import split_groups
from .tracks import Track

SHOWN_REASONS = 5


class Unusable(SystemExit):
    """A corpus of which too much is set aside; `rows` tells of all tracks."""

    def __init__(self, said: str, rows: Sequence[Row]) -> None:
        super().__init__(said)
        self.rows = rows


def scan(
    data: Path,
    settings: Scan,
    only: IdList | None = None,
    without: IdList | None = None,
    threads: int | None = None,
) -> list[Row]:
    """Check every track, set aside what cannot be used, and split the rest by artist."""
    if settings.layout == "song_describer":
        tracks, folder = read_song_describer(data), data / "audio"
    else:
        tracks, folder = read_folder(data, settings.table, settings.columns), data
    for listed in (only, without):
        _tell_unknown(listed, tracks)
    reason = caption_filter(settings.rules, only, without)
    lefts = {track.id: left(track, reason) for track in tracks}
    wanted = [track for track in tracks if not track.fault and lefts[track.id].used]
    audio = check_all(wanted, folder, settings.rules, threads)
    rows = [_row(track, lefts[track.id], audio.get(track.id)) for track in tracks]
    _stop_if_too_many(rows, len(wanted), folder, settings.rules)
    prints = {name: found.fingerprint for name, found in audio.items() if found.fingerprint}
    rows, links = without_duplicates(rows, prints)
    artists = {track.id: track.artists for track in wanted}
    splits = split_groups(artists, links, settings.rules.heldout_share)
    rows = [row if row.excluded else replace(row, split=splits[row.track_id]) for row in rows]
    _stop_if_a_split_is_empty(rows, data, settings.rules)
    return rows


def check_all(
    tracks: Sequence[Track], folder: Path, rules: Rules, threads: int | None = None
) -> dict[str, Audio]:
    """Threads suffice: decoding, hashing and measuring let go of the interpreter."""
    progress = Progress("checking audio", len(tracks))
    found: dict[str, Audio] = {}
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda t: check(folder / t.path, t.duration, rules), tracks)
        for track, audio in zip(tracks, results, strict=True):
            found[track.id] = audio
            progress.step(len(found))
    return found


def _row(track: Track, left: Left, audio: Audio | None) -> Row:
    """The captions of a track in use are those left; one set aside for its captions keeps all."""
    kept = left.used or track.captions
    row = Row(
        track_id=track.id,
        path=track.path,
        captions=tuple(caption.text for caption in kept),
        caption_ids=tuple(caption.id for caption in kept),
        artist_id=track.artist_id,
        album_id=track.album_id,
        license=track.license,
        license_text=track.license_text,
        excluded=track.fault or left.reason,
    )
    if audio is None:
        return row
    levels = audio.levels
    return replace(
        row,
        audio_sha256=audio.sha256,
        seconds=audio.seconds,
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        excluded=audio.fault,
        loudness_lufs=levels.loudness_lufs if levels else None,
        peak_db=levels.peak_db if levels and levels.peak else None,
        silence_share=levels.silence_share if levels else None,
        clipped_share=levels.clipped_share if levels else None,
        dropped_caption_ids=tuple(caption.id for caption, _ in left.dropped),
        dropped_reasons=tuple(why for _, why in left.dropped),
    )


def _tell_unknown(listed: IdList | None, tracks: Sequence[Track]) -> None:
    """A list of another data set matches nothing; one of another version matches in part."""
    if listed is None:
        return
    captions: Mapping[str, None] = {c.id: None for track in tracks for c in track.captions}
    unknown = listed.unknown({track.id for track in tracks}, captions)
    if len(unknown) == len(listed.ids):
        raise SystemExit(
            f"{listed.name}: none of its {len(unknown)} ids ({listed.column}) is in this corpus; "
            f"the first is {unknown[0]}. Check rules.only and rules.without of this corpus."
        )
    if unknown:
        shown = ", ".join(unknown[:SHOWN_REASONS])
        print(f"{listed.name}: {len(unknown)} ids are not in this corpus, such as {shown}")


def _stop_if_too_many(rows: Sequence[Row], checked: int, folder: Path, rules: Rules) -> None:
    """Only what is broken counts; what the rules leave out is no fault."""
    bad = [row for row in rows if row.excluded and kind_of(row.excluded) not in FILTERED]
    unread = sum(not row.audio_sha256 and kind_of(row.excluded) == "table" for row in bad)
    if len(bad) <= rules.max_set_aside * (checked + unread):
        return
    raise Unusable(
        f"{folder}: {len(bad)} of {checked + unread} tracks cannot be used, "
        f"more than the share rules.max_set_aside = {rules.max_set_aside:g} allows:{_shown(bad)}\n"
        "Mend the files (fetch them again), or raise rules.max_set_aside of this corpus.",
        rows,
    )


def _shown(bad: Sequence[Row]) -> str:
    """The first few, with their reasons."""
    lines = [f"\n  {row.path or row.track_id}: {row.excluded}" for row in bad[:SHOWN_REASONS]]
    more = f"\n  … and {len(bad) - SHOWN_REASONS} more" if len(bad) > SHOWN_REASONS else ""
    return "".join(lines) + more


def _stop_if_a_split_is_empty(rows: Sequence[Row], data: Path, rules: Rules) -> None:
    counts = Counter(row.split for row in rows if not row.excluded)
    artists = len({row.artist_id for row in rows if not row.excluded})
    if not counts:
        raise Unusable(
            f"{data}: no track is left to use ({summary(rows)}):{_shown(rows)}\n"
            "Mend the files and captions, or change the rules of this corpus; rules.valid_only: "
            "false also uses captions that are not in the valid subset.",
            rows,
        )
    for split, word in (("train", "to train on"), ("heldout", "held out")):
        if not counts[split]:
            raise SystemExit(
                f"{data}: no track is {word}: {artists} artists were split with "
                f"rules.heldout_share = {rules.heldout_share:g}. "
                "Change rules.heldout_share of this corpus, or add tracks of more artists."
            )
