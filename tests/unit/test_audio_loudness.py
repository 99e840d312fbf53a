"""Loudness and the peak limit, measured by pyloudnorm and another resampler."""

import math

import numpy as np
import pyloudnorm
import pytest
from melablate.audio.loudness import measure, normalize, oversampled_peak
from scipy.signal import resample_poly

RATE = 16000


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


@pytest.mark.parametrize("level", [1e-3, 0.02, 3.0])
@pytest.mark.parametrize("target", [-30.0, -23.0])
def test_loudness_after_is_the_target(level: float, target: float) -> None:
    audio, levels = normalize(noise(4, level), RATE, target, -1.0)
    assert pyloudnorm.Meter(RATE).integrated_loudness(audio) == pytest.approx(target, abs=0.1)
    assert levels.loudness is not None
    assert levels.gain_db == pytest.approx(target - levels.loudness)


@pytest.mark.parametrize("peak_db", [-1.0, -6.0])
def test_peak_limit_holds_between_samples(peak_db: float) -> None:
    # At a quarter of the rate, 45° off: the samples stay 3 dB below the wave's peak.
    wave = np.sin(np.pi / 2 * np.arange(4 * RATE) + np.pi / 4)
    wave[RATE : 3 * RATE] *= 0.01
    for audio in (wave, noise(4, 0.5) ** 3):
        limited, _ = normalize(audio, RATE, 0.0, peak_db)
        peak = np.abs(resample_poly(limited, 2, 1)).max()
        assert 20 * math.log10(peak) <= peak_db + 0.15
        assert 20 * math.log10(oversampled_peak(limited)) <= peak_db + 0.01


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.4, 0.449, 0.47, 1.0, 3.333, 5.05])
def test_loudness_is_pyloudnorms(rate: int, channels: int, seconds: float) -> None:
    rng = np.random.default_rng(round(rate * seconds))
    samples = math.ceil(rate * seconds)
    # Loud and quiet parts, so that both gates count.
    level = 10 ** rng.uniform(-4, 0, samples // 1000 + 1).repeat(1000)[:samples]
    audio = (level * rng.standard_normal((channels, samples))).astype(np.float32)
    expected = pyloudnorm.Meter(rate).integrated_loudness(audio.T.astype(np.float64))
    assert measure(audio, rate) == pytest.approx(expected, abs=1e-6)
    if channels == 1:
        assert measure(audio[0], rate) == measure(audio, rate)


def test_oversampling_sees_more_than_the_samples() -> None:
    wave = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)
    assert np.abs(wave).max() == pytest.approx(math.sqrt(0.5))
    assert oversampled_peak(wave) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "audio",
    [noise(0.3, 0.1), noise(4, 1e-6), np.zeros(RATE), np.zeros(0), np.ones(1) * 0.1],
    ids=["too short", "too quiet", "silent", "empty", "one sample"],
)
def test_what_cannot_be_measured_keeps_its_level(audio: np.ndarray) -> None:
    assert measure(audio, RATE) is None
    leveled, levels = normalize(audio, RATE, -14.0, -1.0)
    assert levels.loudness is None and levels.gain_db == 0
    np.testing.assert_array_equal(leveled, audio)


def test_the_peak_limit_holds_for_a_clip_too_short_to_measure() -> None:
    leveled, _ = normalize(noise(0.1, 5.0), RATE, -14.0, -1.0)
    assert np.abs(leveled).max() <= 10 ** (-1 / 20)
