"""Whether a track's audio can be used, told after decoding it once."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..files import sha256
from .settings import Rules

BLOCK = 1 << 17
CLIP_SECONDS = 120.0
"""Song Describer's clips are the first two minutes of a track."""
HEADER_SLACK_SECONDS = 0.1
"""The padding that encoders add and decoders may or may not cut."""
TABLE_SLACK = 0.05
"""The table's durations are the site's and not exact."""


@dataclass(frozen=True)
class Audio:
    """What decoding found; `fault` is empty when the audio can be used."""

    fault: str = ""
    sha256: str = ""
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0


@dataclass(frozen=True)
class Decoded:
    """One pass over all samples."""

    promised: float
    seconds: float
    sample_rate: int
    channels: int
    peak: float
    finite: bool


def check(path: Path, duration: float, rules: Rules) -> Audio:
    """Decode the whole file and compare it with the rules and with the table's `duration`."""
    if not path.is_file():
        return Audio(fault="missing: no such file")
    if path.stat().st_size == 0:
        return Audio(fault="empty: 0 bytes")
    digest = ""
    try:
        digest = sha256(path)
        found = _decode(path)
    except OSError as error:
        return Audio(fault=f"unreadable: {error.strerror}")
    except soundfile.LibsndfileError:
        return Audio(fault="undecodable: not an audio file, or damaged", sha256=digest)
    return Audio(
        fault=_fault(found, duration, rules),
        sha256=digest,
        seconds=found.seconds,
        sample_rate=found.sample_rate,
        channels=found.channels,
    )


def _decode(path: Path) -> Decoded:
    frames, peak, finite = 0, 0.0, True
    with soundfile.SoundFile(path) as file:
        rate, channels, promised = file.samplerate, file.channels, file.frames / file.samplerate
        while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
            frames += len(block)
            top = float(np.abs(block).max())  # NaN and infinity survive max
            finite = finite and math.isfinite(top)
            peak = max(peak, top)
    return Decoded(promised, frames / rate, rate, channels, peak, finite)


def _fault(found: Decoded, duration: float, rules: Rules) -> str:
    if not found.finite:
        return "not finite: NaN or infinity among the samples"
    # The header tells the length where there is one; else only the table knows it.
    from_table = min(duration, CLIP_SECONDS) * (1 - TABLE_SLACK) - HEADER_SLACK_SECONDS
    promised = max(found.promised, min(duration, CLIP_SECONDS))
    if found.seconds < max(found.promised - HEADER_SLACK_SECONDS, from_table):
        return f"truncated: decoded {found.seconds:.1f} s of {promised:.1f} s"
    if found.seconds < rules.min_seconds:
        return f"too short: {found.seconds:.1f} s, needed are {rules.min_seconds:g} s"
    peak_db = 20 * math.log10(found.peak) if found.peak else -math.inf
    if peak_db < rules.silence_db:
        return f"silent: peak {peak_db:.1f} dB, needed are {rules.silence_db:g} dB"
    return ""
