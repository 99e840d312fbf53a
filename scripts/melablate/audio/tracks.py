"""Tracks of a manifest → rows of a shard; a track that fails is set aside with its reason."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .clip_settings import Clips
from .codec import encoder
from .codec_settings import CodecSettings
from .loudness import GATE_LUFS
from .png import image_to_png
from .reading import Part, UnusableAudioError, read_clip

# Below this, starting a second process costs more than it saves.
TRACKS_PER_POOL = 300


@dataclass(frozen=True)
class Track:
    """What the manifest says of a track that is used."""

    track_id: str
    path: str
    """Relative to the folder of the audio."""
    split: str
    captions: tuple[str, ...]
    audio_sha256: str

    @property
    def clip_id(self) -> str:
        """Name of the track's one clip."""
        return f"{self.track_id}-0"


@dataclass(frozen=True)
class Made:
    """A track's clip, or why there is none."""

    track: Track
    png: bytes = b""
    start_s: float = 0.0
    padded_s: float = 0.0
    loudness: float = 0.0
    """LUFS of the pre-emphasized clip before normalization."""
    peak_db: float = 0.0
    """Its peak at twice the sample rate, dB of full scale."""
    gain_db: float = 0.0
    reason: str = ""


def make_clips(
    tracks: Sequence[Track], folder: Path, codec: CodecSettings, clips: Clips, workers: int
) -> Iterator[Made]:
    """Clips in the order of the tracks; each track is decoded once, by one process."""
    make = partial(make_clip, folder=folder, codec=codec, clips=clips)
    if workers <= 1 or len(tracks) < TRACKS_PER_POOL:
        yield from map(make, tracks)
        return
    # Processes share the cores; threads of the linear algebra within each would only get in
    # each other's way. A spawned process reads this at its import of numpy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(make, tracks, chunksize=16)


def make_clip(track: Track, folder: Path, codec: CodecSettings, clips: Clips) -> Made:
    """Read and encode one track."""
    part = Part(codec.sample_rate, codec.seconds, codec.channels)
    try:
        clip = read_clip(folder / track.path, part, clips)
    except UnusableAudioError as error:
        return Made(track, reason=str(error))
    encoded = encoder(codec)(clip.audio, codec)
    levels = encoded.levels
    if levels.loudness is None:
        reason = f"silent: below {GATE_LUFS:.0f} LUFS from {clip.start_s:.1f} s on"
        return Made(track, reason=reason)
    return Made(
        track,
        png=image_to_png(encoded.image, codec),
        start_s=clip.start_s,
        padded_s=clip.padded_s,
        loudness=levels.loudness,
        peak_db=levels.peak_db,
        gain_db=levels.gain_db,
    )
