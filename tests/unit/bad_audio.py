"""Sounds, and files that only look like sounds: small, made anew, the same each time."""

import functools
import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000


def noise(seed: int, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> NDArray:
    """Noise at −12 dB [frames, channels]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.25, 0.25, (round(seconds * rate), channels)).astype(np.float32)


@functools.cache  # an Ogg stream has a number of its own each time it is written
def encoded(
    kind: str, subtype: str, seed: int = 0, seconds: float = 1.0, rate: int = RATE
) -> bytes:
    """Noise as libsndfile writes it."""
    out = io.BytesIO()
    soundfile.write(out, noise(seed, seconds, rate), rate, format=kind, subtype=subtype)
    return out.getvalue()


def flac(seed: int = 0) -> bytes:
    return encoded("FLAC", "PCM_16", seed)


def mp3(seed: int = 0) -> bytes:
    return encoded("MP3", "MPEG_LAYER_III", seed)


def ogg(seed: int = 0) -> bytes:
    return encoded("OGG", "VORBIS", seed)


def opus(seed: int = 0) -> bytes:
    return encoded("OGG", "OPUS", seed)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk of RIFF, with its own size or another."""
    size = len(body) if size is None else size
    return name + struct.pack("<I", size) + body + b"\0" * (len(body) % 2)


def wav(
    samples: NDArray | None = None,
    rate: int = RATE,
    channels: int = 1,
    tag: int = 1,
    bits: int = 16,
    align: int | None = None,
    data_size: int | None = None,
    before: bytes = b"",
    fmt_size: int | None = None,
    riff: bytes = b"RIFF",
    form: bytes = b"WAVE",
) -> bytes:
    """A WAV file; whatever its header says wrong is given."""
    if samples is None:
        samples = pcm(noise(1, channels=min(channels, 16)))
    body = samples.tobytes()
    align = channels * bits // 8 if align is None else align
    rate_bytes = min(rate * align, 2**32 - 1)
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate_bytes, align % 65536, bits)
    chunks = form + chunk(b"fmt ", fmt, fmt_size) + before + chunk(b"data", body, data_size)
    return riff + struct.pack("<I", min(len(chunks), 2**32 - 1)) + chunks


def pcm(samples: NDArray) -> NDArray:
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")


def floats(samples: NDArray, kind: str = "<f4") -> bytes:
    """A WAV file of floating point numbers."""
    made = samples.astype(kind)
    return wav(made, tag=3, bits=8 * made.itemsize, channels=samples.shape[1])


def with_value(value: float, places: slice = slice(None)) -> NDArray:
    samples = noise(2).astype(np.float64)
    samples[places] = value
    return samples


def flac_that_says(rate: int = RATE, samples: int = RATE) -> bytes:
    """Its STREAMINFO changed: 20 bits of rate, 3 of channels, 5 of word length, 36 of samples."""
    data = bytearray(flac())
    data[18:26] = struct.pack(">Q", rate << 44 | 0 << 41 | 15 << 36 | samples)
    return bytes(data)


def mp3_that_says(frames: int) -> bytes:
    """Its Xing header tells another number of frames."""
    data = bytearray(mp3())
    at = max(data.find(b"Xing"), data.find(b"Info"))
    data[at + 8 : at + 12] = struct.pack(">I", frames)
    return bytes(data)


def id3(size: int, body: bytes) -> bytes:
    """An ID3v2 tag that claims a size."""
    sizes = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + body


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def flipped(data: bytes, first: int, count: int) -> bytes:
    return (
        data[:first] + bytes(b ^ 0x5A for b in data[first : first + count]) + data[first + count :]
    )


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.wav"), wav())
    return out.getvalue()


def random_bytes(count: int, seed: int = 3) -> bytes:
    return np.random.default_rng(seed).bytes(count)


def one(rate: int) -> NDArray:
    return pcm(noise(4, 1, rate)[: 2 * RATE])


Bytes = Callable[[], bytes]
HTML = b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n" * 20
UNDECODABLE = "undecodable"
FILES: dict[str, tuple[Bytes, str]] = {
    # no sound at all
    "no bytes.wav": (lambda: b"", "empty"),
    "no bytes.mp3": (lambda: b"", "empty"),
    "no bytes.m4a": (lambda: b"", "empty"),
    "one byte.flac": (lambda: b"f", UNDECODABLE),
    "text.mp3": (lambda: b"This is no music.\n" * 50, UNDECODABLE),
    "text.wav": (lambda: b"This is no music.\n" * 50, UNDECODABLE),
    "text.aiff": (lambda: b"This is no music.\n" * 50, UNDECODABLE),
    "text.m4a": (lambda: b"This is no music.\n" * 50, "no decoder|undecodable"),
    "page of an error.mp3": (lambda: HTML, UNDECODABLE),
    "message.flac": (lambda: b'{"error": "quota"}', UNDECODABLE),
    "archive.wav": (zipped, UNDECODABLE),
    "gzip.mp3": (lambda: gzip.compress(random_bytes(5000), mtime=0), UNDECODABLE),
    "random.ogg": (lambda: random_bytes(5000), UNDECODABLE),
    "random.aac": (lambda: random_bytes(5000), "no decoder|undecodable"),
    "zeros.opus": (lambda: bytes(20_000), UNDECODABLE),
    "samples without a header.wav": (lambda: pcm(noise(5)).tobytes(), UNDECODABLE),
    # cut short
    "cut.mp3": (lambda: cut(mp3(), 0.4), "truncated"),
    "cut.flac": (lambda: cut(flac(), 0.5), "truncated|undecodable"),
    "cut.ogg": (lambda: cut(ogg(), 0.7), "truncated|undecodable"),
    "cut.opus": (lambda: cut(opus(), 0.6), "truncated|undecodable"),
    "cut.wav": (lambda: cut(wav(), 0.5), "truncated"),
    "cut.aiff": (lambda: cut(encoded("AIFF", "PCM_16"), 0.5), "truncated"),
    "half a header.wav": (lambda: wav()[:20], UNDECODABLE),
    "a header alone.wav": (lambda: wav(np.zeros(0, "<i2")), UNDECODABLE),
    "a header alone.flac": (lambda: flac()[:42], "truncated|undecodable"),
    "headers alone.ogg": (lambda: ogg()[: ogg().find(b"OggS", 60)], "truncated|undecodable"),
    "a tag alone.mp3": (lambda: id3(500, bytes(500)), UNDECODABLE),
    "one sample.wav": (lambda: wav(pcm(noise(6)[:1])), "too short"),
    "a tenth of a second.flac": (lambda: encoded("FLAC", "PCM_16", 7, 0.1), "too short"),
    # absurd formats
    "0 Hz.wav": (lambda: wav(rate=0), "undecodable|sample rate"),
    "8 Hz.wav": (lambda: wav(one(8), rate=8), "sample rate"),
    "768 kHz.wav": (lambda: wav(one(768_000), rate=768_000), "sample rate"),
    "4 GHz.wav": (lambda: wav(rate=2**32 - 1), "undecodable|sample rate"),
    "0 channels.wav": (lambda: wav(channels=0), UNDECODABLE),
    "12 channels.wav": (lambda: wav(channels=12), "channels"),
    "65535 channels.wav": (lambda: wav(channels=65535), "undecodable|channels"),
    "0 bits.wav": (lambda: wav(bits=0), UNDECODABLE),
    "7000 bits.wav": (lambda: wav(bits=7000), UNDECODABLE),
    "unknown codec.wav": (lambda: wav(tag=0x9999), UNDECODABLE),
    "0 Hz.flac": (lambda: flac_that_says(rate=0), UNDECODABLE),
    # lying headers
    "an hour, it says.wav": (lambda: wav(data_size=3600 * 2 * RATE), "truncated"),
    "4 GB, it says.wav": (lambda: wav(data_size=2**32 - 9), "truncated"),
    "ten samples, it says.wav": (lambda: wav(data_size=20), "too short"),
    "format of 4 GB, it says.wav": (lambda: wav(fmt_size=2**32 - 1), UNDECODABLE),
    "list of 4 GB, it says.wav": (
        lambda: wav(before=chunk(b"LIST", b"", 2**32 - 1)),
        "undecodable|truncated",
    ),
    "no format.wav": (
        lambda: b"RIFF\0\1\0\0WAVE" + chunk(b"data", pcm(noise(8)).tobytes()),
        UNDECODABLE,
    ),
    "film.wav": (lambda: wav(form=b"AVI "), UNDECODABLE),
    "900 chunks.wav": (lambda: wav(before=chunk(b"junk", b"") * 900, data_size=10**8), "truncated"),
    "months, it says.flac": (lambda: flac_that_says(samples=2**36 - 1), "truncated|undecodable"),
    "a year, it says.mp3": (lambda: mp3_that_says(2**31), "truncated|undecodable"),
    "a tag of 256 MB, it says.mp3": (lambda: id3(2**28 - 1, mp3()), UNDECODABLE),
    "an hour, it says.aiff": (
        lambda: encoded("AIFF", "PCM_16").replace(
            struct.pack(">HIH", 1, RATE, 16), struct.pack(">HIH", 1, 3600 * RATE, 16), 1
        ),
        "truncated",
    ),
    # damaged within
    "damaged.flac": (lambda: flipped(flac(), 9000, 400), "truncated|undecodable"),
    "from a pipe.flac": (lambda: flac_that_says(samples=0), UNDECODABLE),
    "damaged.ogg": (lambda: flipped(ogg(), 30, 400), "truncated|undecodable"),
    "damaged.opus": (lambda: flipped(opus(), 30, 30), "truncated|undecodable"),
    # samples that are none
    "not a number.wav": (lambda: floats(with_value(np.nan)), "not finite"),
    "infinite.wav": (lambda: floats(with_value(np.inf)), "not finite"),
    "minus infinite.wav": (lambda: floats(with_value(-np.inf), "<f8"), "not finite"),
    "last not a number.wav": (lambda: floats(with_value(np.nan, slice(-1, None))), "not finite"),
    "too large for 32 bits.wav": (lambda: floats(with_value(1e300), "<f8"), "not finite"),
    "1e38.wav": (lambda: floats(noise(9) * np.float32(1e38) * 13), "clipped"),
    "silent.wav": (lambda: wav(np.zeros(RATE, "<i2")), "silent"),
    "silent.mp3": (lambda: _silent_mp3(), "silent"),
    "denormal.wav": (lambda: floats(noise(10) * 1e-40, "<f8"), "silent"),
    "clipped.wav": (lambda: wav(pcm(np.sign(noise(11)))), "clipped"),
}
"""Name of a file, its bytes, and the kinds of reasons that may be told."""


def _silent_mp3() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(RATE), RATE, format="MP3")
    return out.getvalue()


def _make_fifo(path: Path) -> None:
    os.mkfifo(path)


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cyclic link.wav": (lambda path: path.symlink_to(path.name), "cyclic link"),
    "link there.wav": (lambda path: path.symlink_to("link back.wav"), "cyclic link"),
    "link back.wav": (lambda path: path.symlink_to("link there.wav"), "cyclic link"),
    "link to nothing.wav": (lambda path: path.symlink_to("nothing.wav"), "missing"),
    "link to zeros without end.wav": (lambda path: path.symlink_to("/dev/zero"), "unreadable"),
    "folder.wav": (lambda path: path.mkdir(), "missing"),
    "pipe.wav": (_make_fifo, "unreadable"),
    "pipe.m4a": (_make_fifo, "unreadable"),
    "absent.wav": (lambda path: None, "missing"),
    "good 0.wav/below a file.wav": (lambda path: None, "missing"),
    "z copy.wav": (lambda path: path.write_bytes(GOOD["good 0.wav"]()), "duplicate"),
    "n" * 300 + ".wav": (lambda path: None, "unreadable"),
    "../outside.wav": (lambda path: path.write_bytes(wav(pcm(noise(12)))), "table"),
    "deep/../../outside.wav": (lambda path: None, "table"),
    "..\\outside.wav": (lambda path: None, "table"),
    "/etc/hostname": (lambda path: None, "table"),
    "C:\\outside.wav": (lambda path: None, "table"),
    "nul\0byte.wav": (lambda path: None, "table"),
    "new\nline.wav": (lambda path: None, "table"),
    "half a pair \ud800.wav": (lambda path: None, "table"),
    "   ": (lambda path: None, "table"),
    ".": (lambda path: None, "table"),
    "~/outside.wav": (lambda path: None, "missing"),
    "https://example.org/a.wav": (lambda path: None, "missing"),
    "file:good 0.wav": (lambda path: None, "missing"),
    "-i.m4a": (lambda path: path.write_bytes(b"-f lavfi"), "no decoder|undecodable"),
}
"""Name of a file in the table, what lies there, and the kinds of reasons."""
BYTES_NAME = b"n\xe4me in Latin-1.wav"
"""No UTF-8: a table in UTF-8 cannot name it, so it is found in the folder alone."""

GOOD: dict[str, Bytes] = {
    "good 0.wav": lambda: wav(pcm(noise(100))),
    "good 1.flac": lambda: flac(101),
    "good 2.mp3": lambda: mp3(102),
    "good 3.ogg": lambda: ogg(103),
    "good 4.opus": lambda: opus(104),
    "good 5.aiff": lambda: encoded("AIFF", "PCM_24", 105, rate=8000),
    "good 6, floats.wav": lambda: floats(noise(106)),
    "good 7, ü 日本.WAV": lambda: wav(pcm(noise(107))),
    "good 8, of no told length.wav": lambda: wav(pcm(noise(108)), data_size=2**32 - 1),
    "good 9, named wrongly.mp3": lambda: wav(pcm(noise(109))),
    "good 10, named wrongly.wav": lambda: mp3(110),
    "good 11, with a picture.mp3": lambda: id3(70_000, bytes(70_000)) + mp3(111),
    "good 12, with notes.wav": lambda: wav(pcm(noise(112)), before=chunk(b"note", bytes(999))),
    "good 13, of odd size.wav": lambda: wav(pcm(noise(113))) + b"\0",
    "good 14, 8 channels.wav": lambda: wav(pcm(noise(114, channels=8)), channels=8),
    "good 15, ADPCM.wav": lambda: encoded("WAV", "MS_ADPCM", 115),
    "good 17, a block of 0 bytes.wav": lambda: wav(pcm(noise(117)), align=0),
    "a/b/good 16.flac": lambda: flac(116),
}
