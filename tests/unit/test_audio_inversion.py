"""Image → audio: what was in the sound is in it again."""

import librosa
import numpy as np
import pyloudnorm
import pytest
import torch
from audio_signals import SMALL, mel_db, music
from melablate.audio.codecs.mel_db.decode import decode, image_to_mel
from melablate.audio.codecs.mel_db.encode import (
    encode,
    mel_power,
    mel_to_image,
    pre_emphasize,
)
from melablate.audio.codecs.mel_db.settings import MelDb


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def mel_of(image: np.ndarray, codec: MelDb) -> np.ndarray:
    """The mel power that the image stands for."""
    return image_to_mel(torch.from_numpy(image).float(), codec)[0].numpy()


def convergence(audio: np.ndarray, image: np.ndarray, codec: MelDb) -> float:
    """Distance of the result's mel magnitudes to those of the image, at the best scale."""
    given = np.sqrt(mel_of(image, codec))
    got = np.sqrt(mel_power(pre_emphasize(audio, codec.pre_emphasis), codec))
    got *= (got * given).sum() / (got**2).sum()
    return float(np.linalg.norm(got - given) / np.linalg.norm(given))


def test_image_to_mel_undoes_mel_to_image() -> None:
    image = encode(music(SMALL), SMALL).image
    np.testing.assert_array_equal(mel_to_image(mel_of(image, SMALL), SMALL), image[0])


@pytest.mark.slow
def test_no_worse_than_librosa() -> None:
    """On the mean of clips: a single one scatters by a fifth with its first phase, in both."""
    codec = mel_db(seconds=1, n_mels=64, width=32)
    ours, theirs = [], []
    for seed in range(5):
        image = encode(music(codec, seed), codec).image
        ours.append(convergence(decode(image[None], codec, "cpu")[0, 0], image, codec))
        linear = librosa.feature.inverse.mel_to_stft(
            mel_of(image, codec) * 1e4,  # at a scale of 1 its solver stops at once
            sr=codec.sample_rate,
            n_fft=codec.n_fft,
            fmax=codec.fmax,
        )
        for phase in range(3):
            audio = librosa.griffinlim(
                linear,
                n_iter=codec.inversion.iterations,
                hop_length=codec.hop,
                length=codec.samples,
                random_state=phase,
            )
            audio = librosa.effects.deemphasis(audio, coef=codec.pre_emphasis)
            theirs.append(convergence(audio, image, codec))
    assert np.mean(ours) <= np.mean(theirs)


@pytest.mark.parametrize("frequencies", [(440.0,), (262.0, 330.0, 392.0), (1500.0, 3100.0)])
@pytest.mark.parametrize("hop", [512, 300])
def test_tones_keep_their_frequency(frequencies: tuple[float, ...], hop: int) -> None:
    codec = mel_db(seconds=2, n_mels=256, width=128, hop=hop)
    t = np.arange(codec.samples) / codec.sample_rate
    audio = sum(0.1 * np.sin(2 * np.pi * f * t) for f in frequencies)
    result = decode(encode(np.asarray(audio)[None], codec).image[None], codec, "cpu")[0, 0]
    spectrum = np.abs(np.fft.rfft(result * np.hanning(result.size)))
    bins = np.fft.rfftfreq(result.size, 1 / codec.sample_rate)
    width = codec.sample_rate / codec.n_fft
    energy = sum((spectrum[np.abs(bins - f) <= 2 * width] ** 2).sum() for f in frequencies)
    assert energy > 0.9 * (spectrum**2).sum()
    mels_a_band = (15 + 27 * np.log(8) / np.log(6.4)) / (codec.n_mels + 1)
    for f in frequencies:
        near = np.abs(bins - f) <= 4 * width
        # An image cannot tell frequencies within half a band (or within a bin) apart.
        band = 0.5 * f * np.log(6.4) / 27 * mels_a_band if f > 1000 else 0.0
        assert abs(bins[near][spectrum[near].argmax()] - f) <= max(width, band)


def test_shape_loudness_and_determinism() -> None:
    images = np.stack([encode(music(SMALL, seed), SMALL).image for seed in range(3)])
    audio = decode(images, SMALL, "cpu")
    assert audio.shape == (3, 1, SMALL.samples) and audio.dtype == np.float32
    np.testing.assert_array_equal(audio, decode(images, SMALL, "cpu"))
    # A clip sounds the same whatever its neighbours are.
    np.testing.assert_array_equal(audio[1:2], decode(images[1:2], SMALL, "cpu"))
    for clip in audio[:, 0]:
        loudness = pyloudnorm.Meter(SMALL.sample_rate).integrated_loudness(clip)
        assert loudness == pytest.approx(SMALL.loudness, abs=0.1) or (
            loudness < SMALL.loudness and np.abs(clip).max() > 0.8
        )


@pytest.mark.parametrize("grey", [0, 1, 255])
def test_odd_images_give_finite_sound(grey: int) -> None:
    audio = decode(np.full((1, 1, 64, 128), grey, np.uint8), SMALL, "cpu")
    assert np.isfinite(audio).all() and np.abs(audio).max() <= 1
    assert audio.any() == (grey > 0)


def test_no_images_and_wrong_images() -> None:
    assert decode(np.zeros((0, 1, 64, 128), np.uint8), SMALL, "cpu").shape == (0, 1, SMALL.samples)
    with pytest.raises(ValueError, match=r"\(1, 1, 128, 64\)"):
        decode(np.zeros((1, 1, 128, 64), np.uint8), SMALL, "cpu")
