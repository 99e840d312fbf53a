"""What libsndfile cannot read, through an ffmpeg that is installed (none is bundled)."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
FFMPEG_SUFFIXES = frozenset({".m4a", ".mp4"})
DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
FAILED = re.compile(r"(?im)^.*\b(?:error|invalid|corrupt|partial file|moov atom not found).*$")


@dataclass
class Decoded:
    """A running ffmpeg; `fault` is known when its samples have been read."""

    sample_rate: int
    channels: int
    promised: float | None
    pipe: IO[bytes]
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    path: Path
    ended: bool = False

    def blocks(self, frames: int) -> Iterator[Float32]:
        """Samples [frames, channels]."""
        size = 4 * self.channels
        while data := self.pipe.read(frames * size):
            whole = len(data) // size * size
            if whole:
                yield np.frombuffer(data[:whole], "<f4").reshape(-1, self.channels).copy()
        self.ended = True

    @property
    def fault(self) -> str:
        """What ffmpeg complained of; empty if nothing, or if its samples were not all wanted."""
        if not self.ended:
            return ""
        code = self.process.wait()
        said = _said(self.log, self.path)
        failed = FAILED.search(said)
        if code == 0 and not failed:
            return ""
        return _tidy(failed[0]) if failed else f"it ended with code {code}"


@contextmanager
def decode_by_ffmpeg(path: Path) -> Iterator[Decoded | str]:
    """The stream of a file, or the reason why there is none."""
    program = shutil.which("ffmpeg")
    if program is None:
        yield (
            f"no decoder: {path.suffix.lower()} needs ffmpeg, and none is on PATH; install it, "
            "or convert the file to FLAC"
        )
        return
    # The path with ./ before it is never an option or a protocol.
    source = f"file:{path}"
    command = [program, "-nostdin", "-hide_banner", "-nostats", "-i", source, "-map", "0:a:0"]
    command += ["-f", "wav", "-c:a", "pcm_f32le", "pipe:1"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            head = _read_head(process.stdout)
            said = _said(log, path)
            if head is None:
                process.wait()
                said = _said(log, path)
                failed = FAILED.search(said)
                yield f"undecodable: ffmpeg: {_tidy(failed[0]) if failed else 'no sound in it'}"
            else:
                yield Decoded(*head, _duration(said), process.stdout, process, log, path)
        finally:
            process.kill()


def _read_head(pipe: IO[bytes]) -> tuple[int, int] | None:
    """Sample rate and channels of a WAV stream; the pipe is left at its samples."""
    if len(pipe.read(12)) < 12:
        return None
    rate = channels = 0
    while len(chunk := pipe.read(8)) == 8:
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            return (rate, channels) if channels else None
        body = pipe.read(size + (size & 1))
        if chunk[:4] == b"fmt ":
            channels, rate = (
                int.from_bytes(body[2:4], "little"),
                int.from_bytes(body[4:8], "little"),
            )
    return None


def _said(log: IO[bytes], path: Path) -> str:
    """Its words so far, without the path, which names a folder of one machine."""
    # Not by seek: ffmpeg writes at the place that both share.
    size = os.fstat(log.fileno()).st_size
    return os.pread(log.fileno(), size, 0).decode("utf-8", "replace").replace(str(path), path.name)


def _duration(said: str) -> float | None:
    found = DURATION.search(said)
    if not found or "Estimating duration from bitrate" in said:
        return None
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])


def _tidy(line: str) -> str:
    """Without the parts in brackets, which hold addresses in memory."""
    return re.sub(r"\[[^\]]*\]\s*", "", line).strip()[:120]
