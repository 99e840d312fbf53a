"""Whether a track's audio can be used, told after decoding it once."""

from dataclasses import dataclass
from pathlib import Path

from ..files import sha256
from .decoding import UndecodableError, open_audio
from .fingerprint import Fingerprint, FingerprintMaker
from .levels import LevelMeter, Levels
from .paths import file_fault
from .settings import Rules

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
    levels: Levels | None = None
    fingerprint: Fingerprint | None = None


def check(path: Path, duration: float | None, rules: Rules) -> Audio:
    """Decode the whole file and compare it with the rules and with the length it should have."""
    fault = file_fault(path)
    if fault:
        return Audio(fault)
    digest = ""
    try:
        digest = sha256(path)
        return _decode(path, digest, duration, rules)
    except OSError as error:
        return Audio(f"unreadable: {error.strerror}", digest)
    except UndecodableError as error:
        return Audio(str(error), digest)


def _decode(path: Path, digest: str, duration: float | None, rules: Rules) -> Audio:
    frames = 0
    with open_audio(path) as stream:
        meter = LevelMeter(stream.sample_rate, stream.channels, rules.silence_db)
        maker = FingerprintMaker(stream.sample_rate) if rules.same_sound else None
        for block in stream.blocks:
            frames += len(block)
            meter.add(block)
            if not meter.finite:
                break
            if maker:
                maker.add(block)
        seconds, levels = frames / stream.sample_rate, meter.result()
    return Audio(
        fault=_fault(seconds, stream.promised, duration, levels, rules),
        sha256=digest,
        seconds=seconds,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        levels=levels,
        fingerprint=maker.result() if maker else None,
    )


def _fault(
    seconds: float, promised: float | None, duration: float | None, levels: Levels, rules: Rules
) -> str:
    if not levels.finite:
        return "not finite: NaN or infinity among the samples"
    if not seconds:
        return "undecodable: not a single sample"
    truncated = _truncated(seconds, promised, duration)
    if truncated:
        return truncated
    if seconds < rules.min_seconds:
        return f"too short: {seconds:.1f} s, needed are {rules.min_seconds:g} s"
    if rules.max_seconds is not None and seconds > rules.max_seconds:
        return f"too long: {seconds:.1f} s, allowed are {rules.max_seconds:g} s"
    if levels.peak_db < rules.silence_db:
        return f"silent: peak {levels.peak_db:.1f} dB, needed are {rules.silence_db:g} dB"
    if levels.clipped_share > rules.max_clipped:
        return (
            f"clipped: {levels.clipped_share:.1%} of the samples, allowed are "
            f"{rules.max_clipped:.1%}"
        )
    return ""


def _truncated(seconds: float, promised: float | None, duration: float | None) -> str:
    """The header tells the length where there is one; else only the table knows it."""
    if promised == float("inf"):
        return f"truncated: decoded {seconds:.1f} s, and the end of the stream is missing"
    wanted = promised or 0.0
    least = wanted - HEADER_SLACK_SECONDS
    if duration is not None:
        clip = min(duration, CLIP_SECONDS)
        wanted = max(wanted, clip)
        least = max(least, clip * (1 - TABLE_SLACK) - HEADER_SLACK_SECONDS)
    return f"truncated: decoded {seconds:.1f} s of {wanted:.1f} s" if seconds < least else ""
