"""What a file's header promises where libsndfile hides it: it trims lengths to what it finds."""

import struct
from pathlib import Path

RIFF = (b"RIFF", b"RF64", b"RIFX")
UNKNOWN = (0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF)
"""Sizes that programs write when they do not know how much will follow."""
MOST_CHUNKS = 1000
LAST_PAGES = 1 << 17
END_OF_STREAM = 4


def promised_seconds(path: Path, kind: str, frames: int, rate: int) -> float | None:
    """Seconds that the header promises; infinity if the end of the file is certainly missing."""
    if kind in ("WAV", "WAVEX", "RF64"):
        return wav_seconds(path)
    if kind == "OGG":
        return frames / rate if ogg_ends(path) else float("inf")
    return (aiff_frames(path) if kind == "AIFF" else frames) / rate


def wav_seconds(path: Path) -> float | None:
    """From the sizes in a WAV header; None if it tells no length."""
    with path.open("rb") as file:
        head = file.read(12)
        order = ">" if head[:4] == b"RIFX" else "<"
        if len(head) < 12 or head[:4] not in RIFF or head[8:] != b"WAVE":
            return None
        bytes_per_second, long_size = 0, None
        for _ in range(MOST_CHUNKS):
            name, size_bytes = file.read(4), file.read(4)
            if len(size_bytes) < 4:
                return None
            (size,) = struct.unpack(f"{order}I", size_bytes)
            if name == b"ds64":
                long_size = struct.unpack("<Q", file.read(16)[8:16].ljust(8, b"\0"))[0]
                size -= 16
            if name == b"fmt ":
                bytes_per_second = struct.unpack(f"{order}I", file.read(12)[8:12].ljust(4, b"\0"))[
                    0
                ]
                size -= 12
            if name == b"data":
                if size == 0xFFFFFFFF and long_size:
                    size = long_size
                known = size not in UNKNOWN and bytes_per_second > 0
                return size / bytes_per_second if known else None
            file.seek(max(size, 0) + (size & 1), 1)
    return None


def aiff_frames(path: Path) -> int:
    """From the chunk COMM of an AIFF or AIFC file; 0 if it has none."""
    with path.open("rb") as file:
        file.seek(12)  # FORM, size, AIFF
        for _ in range(MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8:
                return 0
            if head[:4] == b"COMM":
                return int.from_bytes(file.read(6)[2:], "big")
            size = int.from_bytes(head[4:], "big")
            file.seek(size + (size & 1), 1)
    return 0


def ogg_ends(path: Path) -> bool:
    """Whether the last page has the mark of the end of its stream (RFC 3533)."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - LAST_PAGES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    return at >= 0 and len(tail) > at + 5 and bool(tail[at + 5] & END_OF_STREAM)
