"""An audio file as a stream of blocks, decoded once, with what its header promises.

libsndfile reads WAV, FLAC, MP3, Ogg and Opus; ffmpeg the rest (m4a), where it is installed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from .ffmpeg import FFMPEG_SUFFIXES, decode_by_ffmpeg
from .headers import promised_seconds

Float32 = NDArray[np.float32]
SAMPLES_PER_BLOCK = 1 << 18
LOWEST_RATE, HIGHEST_RATE, MOST_CHANNELS = 4_000, 384_000, 8
NO_SOUND = "not an audio file, or damaged"


class UndecodableError(ValueError):
    """The file is no audio that can be used; the message is the reason."""


@dataclass(frozen=True)
class Stream:
    """Sample rate, channels, what the header promises (None if nothing), and the samples."""

    sample_rate: int
    channels: int
    promised: float | None
    blocks: Iterator[Float32]
    """[frames, channels]; all but the last hold a whole number of tenths of a second."""


@contextmanager
def open_audio(path: Path) -> Iterator[Stream]:
    """Open a file; raises UndecodableError here or while its blocks are read."""
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        with decode_by_ffmpeg(path) as decoded:
            if isinstance(decoded, str):
                raise UndecodableError(decoded)
            _check(decoded.sample_rate, decoded.channels)
            frames = block_frames(decoded.sample_rate, decoded.channels)
            blocks = decoded.blocks(frames)
            yield Stream(decoded.sample_rate, decoded.channels, decoded.promised, blocks)
            if decoded.fault:
                raise UndecodableError(f"undecodable: ffmpeg: {decoded.fault}")
        return
    try:
        with soundfile.SoundFile(path) as file:
            rate, channels = file.samplerate, file.channels
            _check(rate, channels)
            frames = block_frames(rate, channels)
            promised = promised_seconds(path, file.format, file.frames, rate)
            yield Stream(rate, channels, promised, _blocks(file, frames))
    except soundfile.SoundFileError as error:
        raise UndecodableError(f"undecodable: {_words(error)}") from None
    except OSError as error:
        raise UndecodableError(f"unreadable: {error.strerror}") from None


def block_frames(sample_rate: int, channels: int) -> int:
    """Whole tenths of a second, about as many samples for any format."""
    hop = round(sample_rate / 10)
    return hop * max(1, SAMPLES_PER_BLOCK // (hop * channels))


def _blocks(file: soundfile.SoundFile, frames: int) -> Iterator[Float32]:
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        yield block


def _check(rate: int, channels: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise UndecodableError(
            f"sample rate: {rate} Hz, needed are {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise UndecodableError(f"channels: {channels}, needed are 1 to {MOST_CHANNELS}")


def _words(error: soundfile.SoundFileError) -> str:
    """The decoder's own words, without the path, which names a folder of one machine."""
    said = str(getattr(error, "error_string", "")).rstrip(". ")
    # Its MP3 decoder says that the file does not exist when it finds no sound in it.
    if not said or said.startswith(("File does not exist", "Format not recognised", "Unspecified")):
        return NO_SOUND
    return f"{NO_SOUND} ({said})"
