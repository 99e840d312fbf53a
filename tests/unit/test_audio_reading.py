"""Which part of a file is read, and why a file is set aside."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from melablate.audio import reading
from melablate.audio.clip_settings import Clips
from melablate.audio.reading import Clip, Part, UnusableAudioError, read_clips

RAMP, FROM_2 = Part(sample_rate=8000, seconds=1), Clips(offset=2)


def read_clip(path: Path, part: Part, clips: Clips) -> Clip:
    """The only one."""
    (clip,) = read_clips(path, part, clips, "track")
    return clip


def ramp(path: Path, seconds: float, rate: int = 8000, channels: int = 1) -> Path:
    """A file whose samples tell their own time: one tenth a second."""
    time = np.arange(round(seconds * rate)) / rate / 10
    soundfile.write(path, np.stack([time] * channels, 1), rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("seconds", "start", "padded"), [(5, 2, 0), (3, 2, 0), (2.5, 1.5, 0), (1, 0, 0), (0.5, 0, 0.5)]
)
def test_offset_rule(tmp_path: Path, seconds: float, start: float, padded: float) -> None:
    clip = read_clip(ramp(tmp_path / "a.wav", seconds), RAMP, FROM_2)
    assert (clip.start_s, clip.padded_s) == (start, padded)
    assert clip.audio.shape == (1, RAMP.samples) and clip.audio.dtype == np.float32
    assert clip.audio[0, 0] == pytest.approx(start / 10)
    sounding = round((1 - padded) * 8000)
    assert clip.audio[0, sounding - 1] == pytest.approx((start + 1 - padded) / 10, abs=1e-3)
    assert not clip.audio[0, sounding:].any()


@pytest.mark.parametrize("rate", [11025, 44100])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_resampled_to_mono(tmp_path: Path, rate: int, channels: int) -> None:
    clip = read_clip(ramp(tmp_path / "a.wav", 5, rate, channels), RAMP, FROM_2)
    expected = (2 + np.arange(8000) / 8000) / 10
    assert clip.padded_s == 0
    np.testing.assert_allclose(clip.audio[0, 200:-200], expected[200:-200], atol=1e-3)


def test_mp3_is_read_from_its_offset(tmp_path: Path) -> None:
    rate = 44100
    time = np.arange(rate * 6) / rate
    tone = 0.3 * np.sin(2 * np.pi * np.where(time < 3, 500, 2000) * time)
    soundfile.write(tmp_path / "a.mp3", tone, rate)
    clip = read_clip(tmp_path / "a.mp3", Part(16000, 4.0), Clips(offset=1))
    for part, frequency in ((clip.audio[0, :30000], 500), (clip.audio[0, 34000:], 2000)):
        spectrum = np.abs(np.fft.rfft(part))
        assert np.fft.rfftfreq(part.size, 1 / 16000)[spectrum.argmax()] == pytest.approx(
            frequency, abs=2
        )


def test_reasons(tmp_path: Path) -> None:
    ramp(tmp_path / "ok.wav", 5)
    (tmp_path / "text.mp3").write_text("no music")
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 8000)
    nan = np.full(40000, np.nan, np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, 8000, subtype="FLOAT")
    reasons = {}
    for name in ("text.mp3", "empty.wav", "nothing.wav", "nan.wav", "gone.wav"):
        with pytest.raises(UnusableAudioError) as caught:
            read_clip(tmp_path / name, RAMP, FROM_2)
        reasons[name] = str(caught.value)
        assert str(tmp_path) not in reasons[name]
    assert reasons["text.mp3"] == "undecodable: no sound in it"
    assert reasons["empty.wav"].startswith("undecodable: ")
    assert reasons["nothing.wav"] == "empty"
    assert reasons["nan.wav"].startswith("not finite")
    assert reasons["gone.wav"] == "missing"


def test_a_track_that_would_be_mostly_padding_is_set_aside(tmp_path: Path) -> None:
    part = Part(8000, 15.0)
    path = ramp(tmp_path / "a.wav", 4)
    with pytest.raises(UnusableAudioError, match=r"too short: 4.0 s of a clip of 15.0 s.*0.5"):
        read_clip(path, part, Clips())
    assert read_clip(path, part, Clips(max_padding=0.75)).padded_s == 11
    assert read_clip(ramp(tmp_path / "b.wav", 7.5), part, Clips()).padded_s == 7.5


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.ogg"])
def test_clips_are_the_parts_of_the_whole_file(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((44100 * 8, 2)) * 0.1
    soundfile.write(tmp_path / name, noise, 44100)
    whole = soundfile.read(tmp_path / name, dtype="float32")[0].mean(axis=1)
    clips = list(read_clips(tmp_path / name, Part(44100, 1.5), Clips(offset=1.1, count=4), "track"))
    assert [clip.start_s for clip in clips] == [1.1, 2.6, 4.1, 5.6]
    for clip in clips:
        start = round(clip.start_s * 44100)
        np.testing.assert_allclose(clip.audio[0], whole[start : start + 66150], atol=1e-4)


@pytest.mark.parametrize("choose", ["fixed", "spread", "random", "loudest"])
def test_a_track_is_opened_once_and_read_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: str
) -> None:
    opened: list[Path] = []
    spans: list[tuple[int, int]] = []

    class Watched(soundfile.SoundFile):  # type: ignore[misc]
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

        def read(self, frames: int = -1, **how: object) -> np.ndarray:
            spans.append((self.tell(), self.tell() + frames))
            return np.asarray(super().read(frames, **how))

    path = ramp(tmp_path / "a.wav", 30)
    monkeypatch.setattr(reading.soundfile, "SoundFile", Watched)
    where = Clips.model_validate({"choose": choose, "count": 5, "offset": 2})
    clips = list(read_clips(path, RAMP, where, "track"))
    assert [clip.number for clip in clips] == [0, 1, 2, 3, 4]
    assert opened == [path]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    decoded = sum(end - start for start, end in spans)
    assert decoded == (28 if choose == "loudest" else 5) * 8000
    for clip in clips:
        assert clip.audio[0, 0] == pytest.approx(clip.start_s / 10, abs=1e-4)


def test_a_file_cut_short_gives_no_clip(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", np.random.default_rng(0).uniform(-0.1, 0.1, 80000), 8000)
    data = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UnusableAudioError, match="truncated"):
        list(read_clips(tmp_path / "a.mp3", RAMP, Clips(offset=0, count=10), "track"))


def test_the_loudest_parts_are_heard_in_the_first_ten_minutes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LOUDEST_SECONDS", 10.0)
    clip = read_clip(ramp(tmp_path / "a.wav", 30), RAMP, Clips(choose="loudest", offset=2))
    assert clip.start_s == 11


@pytest.mark.parametrize("choose", ["fixed", "random", "loudest"])
def test_m4a_through_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: str) -> None:
    """A stand-in for ffmpeg: it sends the WAV file that the path names to its output."""
    where = Clips.model_validate({"choose": choose, "count": 3, "offset": 2})
    wav, m4a = ramp(tmp_path / "a.wav", 20, channels=2), tmp_path / "a.m4a"
    m4a.write_bytes(wav.read_bytes())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnusableAudioError, match="needs ffmpeg"):
        read_clips_list(m4a, where)
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\necho "  Duration: 00:00:20.00, start" >&2\n'
        'for word do case "$word" in file:*) source="${word#file:}"; esac; done\n'
        'exec /bin/cat "$source"\n'
    )
    program.chmod(0o755)
    for one, other in zip(read_clips_list(m4a, where), read_clips_list(wav, where), strict=True):
        assert one.start_s == other.start_s
        np.testing.assert_array_equal(one.audio, other.audio)


def read_clips_list(path: Path, clips: Clips) -> list[Clip]:
    return list(read_clips(path, RAMP, clips, "track"))
