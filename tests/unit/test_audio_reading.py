"""Which part of a file is read, and why a file is set aside."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from melablate.audio.clip_settings import Clips
from melablate.audio.reading import Part, UnusableAudioError, read_clip

RAMP, FROM_2 = Part(sample_rate=8000, seconds=1), Clips(offset=2)


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
