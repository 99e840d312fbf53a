"""The clips of a corpus as sound: the same parts of the same tracks that images are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..parquet_errors import whole_parquet
from .clip_settings import Clips
from .heard_settings import Heard
from .loudness import normalize, silent
from .reading import Part, UnusableAudioError, read_clips


@dataclass(frozen=True)
class HeardClip:
    """A mono clip at its level."""

    clip_id: str
    captions: tuple[str, ...]
    audio: NDArray[np.float32]


def heard_clips(
    manifest: Path, folder: Path, split: str, heard: Heard, what: str
) -> Iterator[HeardClip]:
    """Every clip of a split that can be heard, by track; says which are left out, and why."""
    with whole_parquet(manifest):
        rows = pq.read_table(manifest).to_pylist()
    used = [row for row in rows if row["split"] == split and not row["excluded"]]
    part = Part(heard.sample_rate, heard.seconds)
    for row in sorted(used, key=lambda row: f"{row['track_id']}-"):
        track = str(row["track_id"])
        try:
            for clip in read_clips(folder / row["path"], part, heard.clips, track):
                level, measured = normalize(
                    clip.audio[0], heard.sample_rate, heard.loudness, heard.peak_db
                )
                if silent(measured, heard.seconds):
                    print(f"{what}: clip {track}-{clip.number} left out: silent")
                    continue
                captions = tuple(row.get("captions") or ())
                audio = np.asarray(level, np.float32)
                yield HeardClip(f"{track}-{clip.number}", captions, audio)
        except UnusableAudioError as error:
            print(f"{what}: track {track} left out: {error}")


def clip_audio(path: Path, clip_id: str, part: Part, clips: Clips) -> NDArray[np.float32]:
    """One clip [channels, samples], told by its id `<track>-<number>`."""
    track, _, number = clip_id.rpartition("-")
    try:
        for clip in read_clips(path, part, clips, track):
            if clip.number == int(number):
                return clip.audio
        reason = f"has no clip {number}"
    except UnusableAudioError as error:
        reason = str(error)
    raise SystemExit(
        f"{path}: {reason}, though an image was made of it before: the file has changed since. "
        "Run the workflow again, so that the corpus is checked anew."
    )
