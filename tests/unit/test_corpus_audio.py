"""What the scan finds in audio: levels against other implementations, and hostile files."""

import math
import os
import shutil
import stat
import struct
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.corpus.integrity import Audio, check
from melablate.corpus.levels import FULL_SCALE, SHORTEST_RUN, LevelMeter
from melablate.corpus.minimidi_render import render
from melablate.corpus.minimidi_score import compose
from melablate.corpus.settings import Rules

RULES = Rules(min_seconds=0.5)
RNG = np.random.default_rng(0)


def noise(seconds: float = 2.0, rate: int = 22050, channels: int = 1) -> np.ndarray:
    return RNG.uniform(-0.5, 0.5, (int(seconds * rate), channels)).astype(np.float32)


def checked(path: Path, samples: np.ndarray, rate: int = 22050, **how: str) -> Audio:
    soundfile.write(path, samples, rate, **how)
    return check(path, None, RULES)


def measured(samples: np.ndarray, rate: int, hops: int = 7) -> LevelMeter:
    meter = LevelMeter(rate, samples.shape[1], -60.0)
    step = hops * meter.hop
    for first in range(0, len(samples), step):
        meter.add(samples[first : first + step])
    return meter


def music(seconds: float) -> np.ndarray:
    mono = render(compose(0, "broad", 3, seconds), seconds)
    return np.stack([mono, 0.5 * np.roll(mono, 200)], axis=1)


t = np.arange(22050 * 8) / 22050
SIGNALS = {
    "music": music(8),
    "bass in bursts": (np.sin(2 * np.pi * 45 * t) * (np.sin(2 * np.pi * 1.7 * t) > 0.6))[:, None],
    "gated": (RNG.normal(size=len(t)) * np.where(t % 4 < 2, 0.1, 1e-3))[:, None],
    "fading": np.stack([RNG.normal(size=len(t)) * np.exp(-t)] * 5, axis=1) * 0.1,
    "offset": (0.5 + 0.01 * RNG.normal(size=len(t)))[:, None],
}


@pytest.mark.parametrize("name", SIGNALS)
def test_loudness_is_pyloudnorms(name: str) -> None:
    samples = SIGNALS[name].astype(np.float32)
    expected = pyloudnorm.Meter(22050).integrated_loudness(samples.astype(np.float64))
    found = measured(samples, 22050).result().loudness_lufs
    assert found == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("rate", [4000, 11025, 44100, 96000, 384000])
def test_loudness_at_every_sample_rate(rate: int) -> None:
    samples = noise(2, rate, 2)
    expected = pyloudnorm.Meter(rate).integrated_loudness(samples.astype(np.float64))
    assert measured(samples, rate).result().loudness_lufs == pytest.approx(expected, abs=0.05)


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=60)
def test_levels_do_not_depend_on_the_blocks(channels: int, hops: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = np.where(
        rng.random((1000, channels)) < 0.6, 1.0, rng.normal(0, 1e-3, (1000, channels))
    ).astype(np.float32)
    found = measured(samples, 200, hops).result()
    clipped = 0
    for channel in samples.T:
        run = 0
        for sample in [*channel, 0.0]:
            if abs(sample) >= FULL_SCALE:
                run += 1
            else:
                clipped += run if run >= SHORTEST_RUN else 0
                run = 0
    assert found.clipped_share == pytest.approx(clipped / samples.size)
    whole = samples[: len(samples) // 20 * 20].reshape(-1, 20 * channels)
    assert found.silence_share == pytest.approx((np.abs(whole).max(axis=1) < 1e-3).mean())
    assert found.peak == np.abs(samples).max()


def test_memory_of_the_meter_does_not_grow() -> None:
    meter = LevelMeter(8000, 1, -60.0)
    held = []
    for _ in range(3):
        for _ in range(50):
            meter.add(noise(1, 8000))
        held.append(sum(v.nbytes for v in vars(meter.loudness).values() if hasattr(v, "nbytes")))
    assert held[0] == held[1] == held[2]


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "opus"])
def test_whole_files_pass_and_halves_are_truncated(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    how = {"opus": {"format": "OGG", "subtype": "OPUS"}}.get(kind, {})
    found = checked(path, noise(4, 48000, 2), 48000, **how)
    assert (found.fault, found.sample_rate, found.channels) == ("", 48000, 2)
    assert found.seconds == pytest.approx(4, abs=0.1)
    half(path)
    assert check(path, None, RULES).fault.split(":")[0] in ("truncated", "undecodable")


def wav(data: bytes, channels: int = 1, rate: int = 22050, bits: int = 16, **lies: int) -> bytes:
    align = channels * bits // 8 % 65536
    fmt = struct.pack(
        "<HHIIHH",
        lies.get("kind", 1),
        channels,
        rate,
        rate * align % 2**32,
        lies.get("align", align),
        bits,
    )
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    body += b"data" + struct.pack("<I", lies.get("size", len(data))) + data
    return b"RIFF" + struct.pack("<I", lies.get("riff", len(body))) + body


PCM = (noise(1)[:, 0] * 32767).astype("<i2").tobytes()
BYTES: dict[str, tuple[bytes, str]] = {
    "0 bytes": (b"", "empty: 0 bytes"),
    "text": (b"no music at all\n" * 50, "undecodable: not an audio file"),
    "one byte": (b"R", "undecodable"),
    "header alone": (wav(b""), "undecodable: not a single sample"),
    "one sample": (wav(PCM[:2]), "too short: 0.0 s"),
    "8 Hz": (wav(PCM, rate=8), "sample rate: 8 Hz"),
    "768 kHz": (wav(PCM, rate=768_000), "sample rate: 768000 Hz"),
    "0 Hz": (wav(PCM, rate=0), "undecodable"),
    "12 channels": (wav(PCM * 6, channels=12), "channels: 12, needed are 1 to 8"),
    "no channel": (wav(PCM, channels=0), "undecodable"),
    "65535 channels": (wav(PCM, channels=65535), "undecodable"),
    "promises too much": (wav(PCM, size=len(PCM) * 3), "truncated: decoded 1.0 s of 3.0 s"),
    "promises 2 GB": (wav(PCM, size=0x7F000000), "truncated: decoded 1.0 s of"),
    "wrong RIFF size": (wav(PCM, riff=12), ""),
    "size not known": (wav(PCM, size=0xFFFFFFFF), ""),
    "unknown coding": (wav(PCM, kind=0x1234), "undecodable"),
    "silence": (wav(bytes(44100)), "silent: peak -inf dB"),
    "only an ID3 tag": (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10), "undecodable"),
    "Ogg without pages": (b"OggS" + bytes(200), "undecodable"),
    "FLAC head": (b"fLaC" + bytes(60), "undecodable"),
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_hostile_bytes_are_reasons(tmp_path: Path, name: str, suffix: str) -> None:
    data, told = BYTES[name]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    found = check(path, None, RULES)
    assert found.fault.startswith(told)
    assert bool(found.fault) == bool(told)
    assert str(tmp_path) not in found.fault


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    for bad in (math.nan, math.inf, -math.inf):
        samples = noise()
        samples[-5] = bad
        found = checked(tmp_path / "a.wav", samples, subtype="FLOAT")
        assert found.fault.startswith("not finite")


def test_clipped_and_loud(tmp_path: Path) -> None:
    square = np.sign(np.sin(2 * np.pi * 100 * t[:44100]))
    assert checked(tmp_path / "a.wav", square).fault.startswith("clipped: 100")
    assert checked(tmp_path / "b.wav", np.clip(3 * noise(), -1, 1)).fault.startswith("clipped")
    assert checked(tmp_path / "c.wav", noise() * 2).fault == ""
    allowed = check(tmp_path / "a.wav", None, Rules(min_seconds=0.5, max_clipped=1.0))
    assert allowed.fault == ""
    assert allowed.levels and allowed.levels.clipped_share > 0.9


def test_too_long(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(2), 22050)
    found = check(tmp_path / "a.wav", None, Rules(min_seconds=0.5, max_seconds=1.5))
    assert found.fault == "too long: 2.0 s, allowed are 1.5 s"


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    found = {path.name: check(path, None, RULES).fault for path in tmp_path.iterdir()}
    assert found == {
        "folder.wav": "missing: a folder, no file",
        "pipe.wav": "unreadable: no plain file",
        "loop.wav": "cyclic link: the link leads to itself",
    }


@given(st.binary(max_size=400), st.sampled_from(["wav", "mp3", "flac", "ogg"]))
@settings(max_examples=150)
def test_any_bytes_end_as_a_reason(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a.{kind}"
    path.write_bytes(data)
    assert check(path, None, RULES).fault


@given(st.integers(0, 43), st.binary(min_size=1, max_size=8))
@settings(max_examples=150)
def test_any_damage_to_a_header_is_survived(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.wav"
    whole = bytearray(wav(PCM[:9000]))
    whole[at : at + len(damage)] = damage
    path.write_bytes(whole)
    assert isinstance(check(path, None, RULES), Audio)


FAKE = """#!/bin/sh
for word do case "$word" in file:*) source="${word#file:}";; esac; done
echo "  Duration: 00:00:02.00, start: 0.000000" >&2
case "$source" in *bad*) echo "$source: Invalid data found when processing input" >&2; exit 1;; esac
cat "$source"
"""


def test_m4a_through_ffmpeg_or_a_clear_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.m4a"
    soundfile.write(path, noise(2, 8000, 2), 8000, format="WAV", subtype="FLOAT")
    shutil.copy(path, tmp_path / "bad.m4a")
    soundfile.write(tmp_path / "short.m4a", noise(1, 8000), 8000, format="WAV", subtype="FLOAT")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check(path, None, RULES).fault.startswith("no decoder: .m4a needs ffmpeg")
    program = tmp_path / "ffmpeg"
    program.write_text(FAKE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = check(path, None, RULES)
    assert (found.fault, found.channels, found.sample_rate, found.seconds) == ("", 2, 8000, 2.0)
    fault = check(tmp_path / "bad.m4a", None, RULES).fault
    assert fault == "undecodable: ffmpeg: bad.m4a: Invalid data found when processing input"
    assert check(tmp_path / "short.m4a", None, RULES).fault.startswith("truncated")
