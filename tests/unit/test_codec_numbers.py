"""Images of every codec against its definition, written here in librosa's calls."""

from typing import Any

import librosa
import numpy as np
import pytest
from audio_signals import music
from codec_kinds import codec_of, small
from melablate.audio.codec import encoder
from melablate.audio.codec_settings import CodecSettings
from melablate.audio.codecs.audio_diffusion import encode as audio_diffusion
from melablate.audio.codecs.bigvgan import encode as bigvgan
from melablate.audio.codecs.dual_diffusion import encode as dual_diffusion
from melablate.audio.codecs.ma_ddpm import encode as ma_ddpm
from melablate.audio.codecs.riffusion import encode as riffusion
from melablate.audio.mel import MelBands, filterbank
from numpy.typing import NDArray

Array = NDArray[np.floating]
NOT_LEVELED = {"loudness": None, "peak_db": 0.0}


def sound(codec: CodecSettings) -> NDArray[np.float64]:
    """Music below full scale, in double precision."""
    audio = music(codec).astype(np.float64)
    return audio / np.abs(audio).max() / 2


def spectrum(audio: Array, codec: Any, win_length: int | None = None, **more: Any) -> Array:
    return np.abs(
        librosa.stft(audio, n_fft=codec.n_fft, hop_length=codec.hop, win_length=win_length, **more)
    )


def htk(codec: Any) -> Array:
    return librosa.filters.mel(
        sr=codec.sample_rate,
        n_fft=codec.n_fft,
        n_mels=codec.n_mels,
        fmin=codec.fmin,
        fmax=codec.fmax,
        htk=True,
        norm=None,
        dtype=np.float64,
    )


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("equal_area", [True, False])
@pytest.mark.parametrize("n_fft", [17640, 2048])
def test_filterbanks_are_librosas(scale: Any, equal_area: bool, n_fft: int) -> None:
    expected = librosa.filters.mel(
        sr=44100,
        n_fft=n_fft,
        n_mels=128,
        fmin=20,
        fmax=10000,
        htk=scale == "htk",
        norm="slaney" if equal_area else None,
        dtype=np.float64,
    )
    ours = filterbank(MelBands(44100, n_fft, 128, 20, 10000, scale, equal_area))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-9 * expected.max())


@pytest.mark.parametrize("codec", [codec_of(kind="riffusion"), small("riffusion-stereo")])
def test_riffusion(codec: Any) -> None:
    """`image_from_spectrogram` of torchaudio's `MelScale(Spectrogram(power=None).abs())`."""
    audio = sound(codec)
    mel = np.stack(
        [htk(codec) @ spectrum(a, codec, codec.win_length, pad_mode="reflect") for a in audio]
    )
    ours = np.stack([riffusion.mel_magnitude(a, codec) for a in audio])
    np.testing.assert_allclose(ours, mel, rtol=1e-5, atol=1e-9 * mel.max())
    data = 255 - (mel / mel.max()) ** codec.power * 255
    image = encoder(codec)(audio, codec).image
    assert np.abs(image[:, ::-1] - np.floor(data)).max() <= 1
    assert (image[:, ::-1] == np.floor(data)).mean() > 0.999


def test_riffusions_own_numbers() -> None:
    codec: Any = codec_of(kind="riffusion")
    assert (codec.hop, codec.win_length, codec.n_fft) == (441, 4410, 17640)
    assert codec.size == (512, 512) == (codec.n_mels, codec.frames)


@pytest.mark.parametrize("codec", [codec_of(kind="audio_diffusion"), small("audio_diffusion")])
def test_audio_diffusion(codec: Any) -> None:
    """`Mel.audio_slice_to_image`."""
    codec = codec.model_copy(update=NOT_LEVELED)
    audio = sound(codec)
    mel = librosa.feature.melspectrogram(
        y=audio[0],
        sr=codec.sample_rate,
        n_fft=codec.n_fft,
        hop_length=codec.hop,
        n_mels=codec.n_mels,
    )
    ours = audio_diffusion.mel_power(audio[0], codec)
    np.testing.assert_allclose(ours, mel, rtol=1e-5, atol=1e-9 * mel.max())
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=codec.range_db)
    grey = (((decibels + codec.range_db) * 255 / codec.range_db).clip(0, 255) + 0.5).astype(
        np.uint8
    )
    image = encoder(codec)(audio, codec).image[0]
    assert image.shape == (codec.n_mels, codec.width) == grey.shape
    assert (image == grey).mean() > 0.999 and np.abs(image - grey.astype(int)).max() <= 1


@pytest.mark.parametrize(
    "codec", [codec_of(kind="ma_ddpm"), codec_of(kind="ma_ddpm", height=256, width=448)]
)
def test_ma_ddpm(codec: Any) -> None:
    """`dimension_for_VAE(normalize_filewise(audio_splits_to_spectrograms(…)))`."""
    codec = codec.model_copy(update=NOT_LEVELED)
    audio = sound(codec)
    decibels = librosa.amplitude_to_db(spectrum(audio[0], codec), top_db=codec.range_db)
    low, high = decibels.min(), decibels.max()
    expected = (decibels - low) / (high - low) * 2 - 1
    assert expected.shape == (241, 445)
    bins, frames = min(241, codec.height), min(445, codec.width)
    image = encoder(codec)(audio, codec).image[0]
    assert image.shape == codec.size and image.dtype == np.float32
    np.testing.assert_allclose(image[:bins, :frames], expected[:bins, :frames], atol=1e-5)
    assert (image[bins:] == -1).all() and (image[:, frames:] == -1).all()
    np.testing.assert_allclose(
        ma_ddpm.spectrum_to_tensor(spectrum(audio[0], codec), codec), image, atol=1e-5
    )


@pytest.mark.parametrize("codec", [codec_of(kind="dual_diffusion", seconds=1.0), small("bigvgan")])
def test_levels_of_tensors_are_those_of_the_sound(codec: Any) -> None:
    codec = codec.model_copy(update=NOT_LEVELED)
    audio = sound(codec)
    louder, quieter = (encoder(codec)(audio * gain, codec).image for gain in (1.0, 0.5))
    assert louder.mean() > quieter.mean()


@pytest.mark.parametrize("codec", [codec_of(kind="dual_diffusion"), small("dual_diffusion-mono")])
def test_dual_diffusion(codec: Any) -> None:
    """`FrequencyScale.scale(Spectrogram(window_fn=hann ** 32).abs()) ** 0.25`."""
    codec = codec.model_copy(update=NOT_LEVELED)
    audio = sound(codec)
    window = librosa.filters.get_window("hann", codec.n_fft) ** codec.window_exponent
    mel = np.stack(
        [htk(codec) @ spectrum(a, codec, window=window, pad_mode="reflect") for a in audio]
    )
    ours = np.stack([dual_diffusion.mel_magnitude(a, codec) for a in audio])
    np.testing.assert_allclose(ours, mel, rtol=1e-5, atol=1e-9 * mel.max())
    image = encoder(codec)(audio, codec).image
    assert image.shape == (codec.channels, *codec.size) and image.dtype == np.float32
    np.testing.assert_allclose(image[:, :, : codec.frames], mel**0.25, rtol=1e-5, atol=1e-4)
    assert image.min() >= 0 and image.max() < codec.span[1]


@pytest.mark.parametrize("codec", [codec_of(kind="bigvgan"), small("bigvgan")])
def test_bigvgan(codec: Any) -> None:
    """`mel_spectrogram` of meldataset.py: mirrored ends, not centred, root of |S|² + 1e-9."""
    codec = codec.model_copy(update=NOT_LEVELED)
    audio = sound(codec)
    padding = (codec.n_fft - codec.hop) // 2
    padded = np.pad(audio[0], padding, mode="reflect")
    root = np.sqrt(spectrum(padded, codec, center=False) ** 2 + 1e-9)
    bands = librosa.filters.mel(
        sr=codec.sample_rate, n_fft=codec.n_fft, n_mels=codec.n_mels, dtype=np.float64
    )
    expected = np.log(np.clip(bands @ root, 1e-5, None))
    assert expected.shape == (codec.n_mels, codec.width)
    np.testing.assert_allclose(bigvgan.log_mel(audio[0], codec), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(encoder(codec)(audio, codec).image[0], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["riffusion", "audio_diffusion", "ma_ddpm"])
def test_images_of_these_do_not_depend_on_the_level(kind: str) -> None:
    codec = small(kind)
    audio = music(codec)
    louder = encoder(codec)(audio * np.float32(4), codec).image.astype(float)
    low, high = codec.span
    assert np.abs(louder - encoder(codec)(audio, codec).image).max() <= (high - low) / 255
