"""Tracks of a manifest → images of their clips; what fails is set aside with its reason."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .clip_settings import Clips
from .codec import encoder
from .codec_settings import CodecSettings
from .loudness import GATE_LUFS, Levels, silent
from .png import image_to_png
from .reading import Clip, Part, UnusableAudioError, read_clips

AHEAD = 4
"""Tracks a thread that may wait, made or not, so that memory does not grow with the tracks."""


@dataclass(frozen=True)
class Track:
    """What the manifest says of a track that is used."""

    track_id: str
    path: str
    """Relative to the folder of the audio."""
    split: str
    captions: tuple[str, ...]
    audio_sha256: str


@dataclass(frozen=True)
class Made:
    """A clip of a track, or why there is none."""

    track: Track
    number: int = 0
    png: bytes = b""
    tensor: NDArray[Any] | None = None
    """The image itself, where the codec makes no bytes."""
    start_s: float = 0.0
    padded_s: float = 0.0
    levels: Levels | None = None
    reason: str = ""

    @property
    def clip_id(self) -> str:
        """`<track>-<number>`."""
        return f"{self.track.track_id}-{self.number}"


def make_clips(
    tracks: Sequence[Track], folder: Path, codec: CodecSettings, clips: Clips, workers: int
) -> Iterator[Made]:
    """Clips in the order of the tracks; each track is decoded once, by one thread.

    Threads suffice: decoder, resampler, filter, transform, matrix product and PNG all let go of
    the interpreter, and other processes would each pay for the imports.
    """
    waiting: deque[Future[list[Made]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for track in tracks:
            waiting.append(pool.submit(make_track, track, folder, codec, clips))
            if len(waiting) >= AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def make_track(track: Track, folder: Path, codec: CodecSettings, clips: Clips) -> list[Made]:
    """Read and encode the clips of one track; a file that cannot be read gives none."""
    part = Part(codec.sample_rate, codec.seconds, codec.channels)
    try:
        return [
            _encoded(track, clip, codec)
            for clip in read_clips(folder / track.path, part, clips, track.track_id)
        ]
    except UnusableAudioError as error:
        return [Made(track, reason=str(error))]


def _encoded(track: Track, clip: Clip, codec: CodecSettings) -> Made:
    encoded = encoder(codec)(clip.audio, codec)
    if silent(encoded.levels, codec.seconds):
        reason = f"silent: below {GATE_LUFS:.0f} LUFS from {clip.start_s:.1f} s on"
        return Made(track, clip.number, reason=reason)
    is_tensor = encoded.image.dtype.kind == "f"
    return Made(
        track,
        clip.number,
        png=image_to_png(encoded.image, codec),
        tensor=encoded.image if is_tensor else None,
        start_s=clip.start_s,
        padded_s=clip.padded_s,
        levels=encoded.levels,
    )
