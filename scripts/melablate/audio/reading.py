"""The clips of a track: one open, forward only, nothing decoded twice or for nothing.

A file gives all of its clips or, when it cannot be read, none and a reason.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ..corpus.ffmpeg import FFMPEG_SUFFIXES, decode_by_ffmpeg
from .clip_places import energies_of, loudest, places, region
from .clip_settings import Clips
from .piped import PipedFile

Float32 = NDArray[np.float32]
HEADER_SLACK_SECONDS = 0.1
"""Encoders pad, and decoders may or may not cut: the header's length is not exact."""
LARGEST_PEAK = 1e6
"""120 dB above full scale: no music, and squares of what is far above it are infinite."""
LOUDEST_SECONDS = 600.0
"""How far the loudest part is looked for, so that an hour of music is never in memory."""


@dataclass(frozen=True)
class Part:
    """What a clip must be: the codec's rate, length and channels."""

    sample_rate: int
    seconds: float
    channels: int = 1

    @property
    def samples(self) -> int:
        """Length in samples."""
        return round(self.seconds * self.sample_rate)


class UnusableAudioError(ValueError):
    """The file cannot give its clips; the message says why."""


@dataclass(frozen=True)
class Clip:
    """A part of a track."""

    number: int
    """Clips of a track are counted from 0, in the order of time."""
    audio: Float32
    """[channels, samples], exactly as long as the part."""
    start_s: float
    """Where in the file it begins."""
    padded_s: float
    """Silence added at the end because the track is shorter than the clip."""


def read_clips(path: Path, part: Part, clips: Clips, track_id: str) -> Iterator[Clip]:
    """All clips of a track in the order of time; UnusableAudioError says why there are none."""
    with _opened(path) as file:
        rate, length = file.samplerate, file.frames
        wanted = int(part.seconds * rate)
        _check_length(length, wanted, rate, clips)
        first, samples = region(length, wanted, int(clips.offset * rate))
        if clips.choose == "loudest":
            cut = _loudest(file, first, samples, wanted, clips.count, part.channels)
        else:
            starts = places(first, samples, wanted, clips, track_id)
            cut = ((start, _read(file, start, wanted, part.channels)) for start in starts)
        for number, (start, audio) in enumerate(cut):
            yield _clip(number, audio, rate, start, part)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A sound file, or what ffmpeg makes of one."""
    try:
        if not path.is_file():
            raise UnusableAudioError("missing")
        if path.suffix.lower() in FFMPEG_SUFFIXES:
            with decode_by_ffmpeg(path) as decoded:
                if isinstance(decoded, str):
                    raise UnusableAudioError(decoded)
                if decoded.promised is None:
                    raise UnusableAudioError("undecodable: its header tells no length")
                yield PipedFile(decoded, decoded.promised)
            return
        with soundfile.SoundFile(path) as file:
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        raise UnusableAudioError(f"undecodable: {_reason(error)}") from None


def _check_length(length: int, wanted: int, rate: int, clips: Clips) -> None:
    if length <= 0:
        raise UnusableAudioError("empty")
    if length < (1 - clips.max_padding) * wanted:
        raise UnusableAudioError(
            f"too short: {length / rate:.1f} s of a clip of {wanted / rate:.1f} s, and "
            f"clips.max_padding is {clips.max_padding:g}"
        )


def _read(file: Any, start: int, wanted: int, channels: int) -> Float32:
    """Samples [n, 1 or channels] from `start` on; fewer than wanted only at the end."""
    expected = min(wanted, file.frames - start)
    file.seek(start)
    samples = file.read(wanted, dtype="float32", always_2d=True)
    _check_whole(len(samples), expected, file.samplerate)
    peak = float(max(samples.max(initial=0), -samples.min(initial=0)))
    if not peak <= LARGEST_PEAK:  # NaN compares as false
        known = np.isfinite(samples).all()
        told = f"samples of {peak:.0e} times full scale" if known else "holds NaN or infinity"
        raise UnusableAudioError(f"not finite: {told}")
    return _mixed(samples, channels)


def _loudest(
    file: Any, first: int, samples: int, wanted: int, count: int, channels: int
) -> Iterator[tuple[int, Float32]]:
    """Clips by energy, from one pass over the region, which stays in memory mixed down."""
    hop = max(1, file.samplerate // 10)
    end = first + min(samples, max(wanted, int(LOUDEST_SECONDS * file.samplerate)))
    parts, energies, at, block = [], [], first, 100 * hop
    while at < end:
        # What is left after the last whole block is read with it.
        size = block if end - at >= 2 * block else end - at
        parts.append(_read(file, at, size, channels))
        energies.append(energies_of(_mixed(parts[-1], 1)[:, 0], hop))
        at += size
    audio = np.concatenate(parts)
    for start in loudest(np.concatenate(energies), hop, len(audio), wanted, count):
        yield first + start, audio[start : start + wanted]


def _check_whole(read: int, expected: int, rate: int) -> None:
    if read < max(1, expected - HEADER_SLACK_SECONDS * rate):
        raise UnusableAudioError(
            f"truncated: decoded {read / rate:.1f} s of {expected / rate:.1f} s"
        )


def _mixed(samples: Float32, channels: int) -> Float32:
    """Mono is the mean of all; for stereo, the first two, or the one that there is."""
    if channels > 1 or samples.shape[1] == 1:
        return samples[:, :2]
    # Adding columns is ten times as fast as numpy's mean over a short axis.
    total: Float32 = functools.reduce(np.add, samples.T)[:, None]
    return total / np.float32(samples.shape[1])


def _clip(number: int, audio: Float32, rate: int, start: int, part: Part) -> Clip:
    if rate != part.sample_rate:
        audio = soxr.resample(audio, rate, part.sample_rate, quality="HQ")
    audio = np.broadcast_to(audio[: part.samples].T, (part.channels, min(len(audio), part.samples)))
    missing = part.samples - audio.shape[1]
    # Resampling rounds lengths: a sample or two are not a track that is too short.
    padded_s = missing / part.sample_rate if missing > 2 else 0.0
    return Clip(number, np.pad(audio, ((0, 0), (0, missing))), start / rate, padded_s)


def _reason(error: Exception) -> str:
    """The decoder's own words, without the path (a result must not name a machine's folders)."""
    if isinstance(error, soundfile.LibsndfileError):
        words = str(error.error_string)
        # Its MP3 decoder says this of any file in which it finds no sound.
        return "no sound in it" if words.startswith("File does not exist") else words.rstrip(". ")
    return (getattr(error, "strerror", None) or str(error)).rstrip(". ")
