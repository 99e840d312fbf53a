"""Image → sound → image: the sound has the spectrum that the image shows, beside librosa's way."""

from importlib import import_module
from typing import Any, get_args

import librosa
import numpy as np
import pytest
import torch
from audio_signals import music
from codec_kinds import small
from melablate.audio.codec import decoder, encoder
from melablate.audio.codec_settings import Method
from melablate.audio.mel import filterbank
from numpy.typing import NDArray

Array = NDArray[np.floating]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def shown(image: Array, codec: Any) -> Array:
    """The magnitudes [channels, rows, frames] that an image stands for."""
    decode = import_module(f"melablate.audio.codecs.{codec.kind}.decode")
    planes = torch.from_numpy(image[None].copy()).float()
    if codec.kind == "dual_diffusion":
        found = planes[..., : codec.frames] ** (1 / codec.power)
    elif codec.kind == "ma_ddpm":
        found = decode.tensor_to_spectrum(planes, codec)
    elif codec.kind == "bigvgan":
        found = decode.tensor_to_mel(planes, codec)
    else:
        found = decode.image_to_mel(planes, codec)
    return found[0].numpy() ** (0.5 if codec.kind == "audio_diffusion" else 1.0)


def distance(audio: Array, image: Array, codec: Any) -> float:
    """Spectral convergence of what the sound's own image shows, at the best scale."""
    given, got = shown(image, codec), shown(encoder(codec)(audio, codec).image, codec)
    got = got * (got * given).sum() / (got**2).sum()
    return float(np.linalg.norm(got - given) / np.linalg.norm(given))


def librosas(image: Array, codec: Any) -> NDArray[np.float32]:
    """Non-negative least squares and fast Griffin-Lim, of one channel."""
    magnitude = shown(image, codec)[0]
    if codec.kind == "ma_ddpm":
        linear = np.pad(magnitude, ((0, codec.n_fft // 2 + 1 - len(magnitude)), (0, 0)))
    else:
        encode = import_module(f"melablate.audio.codecs.{codec.kind}.encode")
        power = 2.0 if codec.kind == "audio_diffusion" else 1.0
        bands = filterbank(encode.bands_of(codec))
        # At a scale of 1 its solver stops at once.
        linear = librosa.util.nnls(bands, magnitude**power * 1e4) ** (1 / power)
    audio = librosa.griffinlim(
        linear,
        n_iter=codec.inversion.iterations,
        hop_length=codec.hop,
        n_fft=codec.n_fft,
        win_length=getattr(codec, "win_length", None),
        random_state=0,
    )[: codec.samples]
    audio = np.pad(audio, (0, codec.samples - len(audio))) / np.abs(audio).max() / 2
    return audio[None].astype(np.float32)


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("riffusion", 0.12),
        ("riffusion-stereo", 0.14),
        ("audio_diffusion", 0.07),
        ("ma_ddpm", 0.04),
        ("dual_diffusion", 0.14),
        ("dual_diffusion-mono", 0.12),
        ("bigvgan", 0.09),
    ],
)
def test_the_sound_shows_the_image_again(name: str, bound: float) -> None:
    codec = small(name)
    image = encoder(codec)(music(codec), codec).image
    audio = decoder(codec)(image[None], codec, "cpu")[0]
    assert distance(audio, image, codec) < bound


@pytest.mark.slow
@pytest.mark.parametrize("name", ["riffusion", "audio_diffusion", "ma_ddpm", "bigvgan"])
def test_no_worse_than_librosa(name: str) -> None:
    codec: Any = small(name)
    ours, theirs = [], []
    for seed in range(3):
        image = encoder(codec)(music(codec, seed), codec).image
        audio = decoder(codec)(image[None], codec, "cpu")[0]
        ours.append(distance(audio, image, codec))
        theirs.append(distance(librosas(image, codec), image, codec))
    assert np.mean(ours) <= np.mean(theirs)


@pytest.mark.parametrize("name", ["mel_db", "riffusion-stereo"])
def test_every_method_and_momentum_can_be_chosen(name: str) -> None:
    """And each is another one; without a word it is as before."""
    usual = small(name)
    image = encoder(usual)(music(usual), usual).image
    choices: list[dict[str, Any]] = [{}, {"momentum": 0.0}]
    choices += [{"method": method} for method in get_args(Method)]
    codecs = [small(name, inversion={"iterations": 8} | choice) for choice in choices]
    sounds = [decoder(codec)(image[None], codec, "cpu")[0] for codec in codecs]
    assert all(distance(sound, image, usual) < 0.6 for sound in sounds)
    same = [choices[i] for i, sound in enumerate(sounds[1:], 1) if np.array_equal(sound, sounds[0])]
    assert same == ([{"method": "multiplicative"}] if usual.channels == 2 else [])


def test_a_method_that_is_not_used_is_told() -> None:
    with pytest.raises(ValueError, match=r"inversion.method is not used"):
        small("ma_ddpm", inversion={"method": "nnls"})
