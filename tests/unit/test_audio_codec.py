"""The codec against librosa's numbers, and the settings' own errors."""

import librosa
import numpy as np
import pytest
from audio_signals import SMALL, mel_db, music
from melablate.audio.codecs.mel_db.encode import (
    bands_of,
    encode,
    mel_power,
    mel_to_image,
    pre_emphasize,
)
from melablate.audio.codecs.mel_db.settings import MelDb
from melablate.audio.mel import filterbank
from melablate.audio.png import image_to_png, png_to_image
from numpy.typing import NDArray
from pydantic import ValidationError

SEED = mel_db()
OTHER = mel_db(
    sample_rate=22050, seconds=2, n_fft=1024, hop=300, n_mels=80, width=160, fmin=40, fmax=10000
)
CODECS = pytest.mark.parametrize("codec", [SEED, SMALL, OTHER], ids=["seed", "small", "other"])


def librosa_mel(audio: NDArray[np.floating], codec: MelDb) -> NDArray[np.floating]:
    return librosa.feature.melspectrogram(
        y=audio,
        sr=codec.sample_rate,
        n_fft=codec.n_fft,
        hop_length=codec.hop,
        n_mels=codec.n_mels,
        fmin=codec.fmin,
        fmax=codec.fmax,
    )


@CODECS
def test_filterbank_is_librosas(codec: MelDb) -> None:
    expected = librosa.filters.mel(
        sr=codec.sample_rate,
        n_fft=codec.n_fft,
        n_mels=codec.n_mels,
        fmin=codec.fmin,
        fmax=codec.fmax,
        dtype=np.float64,
    )
    np.testing.assert_allclose(filterbank(bands_of(codec)), expected, rtol=1e-5, atol=1e-12)


@CODECS
def test_mel_power_is_librosas(codec: MelDb) -> None:
    audio = music(codec)[0].astype(np.float64)
    np.testing.assert_allclose(mel_power(audio, codec), librosa_mel(audio, codec), rtol=1e-5)


@CODECS
def test_image_is_librosas_to_a_grey_level(codec: MelDb) -> None:
    audio = music(codec)
    mel = librosa_mel(librosa.effects.preemphasis(audio[0], coef=codec.pre_emphasis), codec)
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=None)
    grey = np.clip(decibels / codec.range_db + 1, 0, 1) * 255
    image = encode(audio, codec).image[0]
    assert image.dtype == np.uint8 and image.shape == (codec.n_mels, codec.width)
    assert np.abs(image[:, : codec.frames] - grey).max() <= 1
    assert not image[:, codec.frames :].any()


def test_pre_emphasis_is_librosas() -> None:
    audio = music(SMALL)[0]
    np.testing.assert_allclose(pre_emphasize(audio, 0.97), librosa.effects.preemphasis(audio))
    np.testing.assert_array_equal(pre_emphasize(audio, 0), audio)


def test_image_does_not_depend_on_the_level() -> None:
    audio = music(SMALL)
    louder = encode(audio * np.float32(4), SMALL).image.astype(int)
    assert np.abs(louder - encode(audio, SMALL).image).max() <= 1


def test_row_0_is_the_lowest_frequency() -> None:
    t = np.arange(SMALL.samples) / SMALL.sample_rate
    low, high = (
        encode(np.sin(2 * np.pi * f * t)[None], SMALL).image[0].mean(1) for f in (100, 7000)
    )
    assert low.argmax() < 5 and high.argmax() > 55


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_silence_and_a_constant_make_an_image(level: float) -> None:
    image = encode(np.full((1, SMALL.samples), level, np.float32), SMALL).image
    assert image.max() == (0 if level == 0 else 255)


def test_an_image_of_nothing_is_black() -> None:
    assert not mel_to_image(np.zeros((SMALL.n_mels, SMALL.frames)), SMALL).any()


def test_png_carries_image_and_codec() -> None:
    image = encode(music(SMALL), SMALL).image
    png = image_to_png(image, SMALL)
    again, codec = png_to_image(png)
    np.testing.assert_array_equal(again, image)
    assert codec == SMALL
    assert image_to_png(image, SMALL) == png


def test_png_whose_size_contradicts_its_codec_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 64, 100\).*\(1, 64, 128\)"):
        png_to_image(image_to_png(np.zeros((1, 64, 100), np.uint8), SMALL))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fmin": 9000.0}, r"fmin 9000.0 is not below fmax 8000.0"),
        ({"fmax": 8001.0}, r"above half the sample rate"),
        ({"width": 400}, r"469 frames, more than width 400; set width to at least 469"),
        ({"n_mel": 64}, r"n_mel"),
        ({"hop": 0}, r"hop"),
    ],
)
def test_settings_that_cannot_be(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        mel_db(**values)
