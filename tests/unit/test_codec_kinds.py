"""What every codec promises: orientation, silence, round trips, odd sounds and odd images."""

from typing import Any

import numpy as np
import pytest
import torch
from audio_signals import music
from codec_kinds import KINDS, SMALL_SETTINGS, codec_of, small
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from melablate.audio.codec import decoder, encoder
from melablate.audio.codec_settings import CodecSettings
from melablate.audio.codec_text import codec_json, parse_codec
from melablate.audio.loudness import measure
from melablate.audio.png import image_to_png, png_to_image, to_bytes, to_values, upright
from numpy.typing import NDArray
from pydantic import ValidationError

EACH = pytest.mark.parametrize("name", SMALL_SETTINGS)
Image = NDArray[Any]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def encoded(codec: CodecSettings, audio: NDArray[np.floating]) -> Image:
    return encoder(codec)(audio, codec).image


def decoded(codec: CodecSettings, image: Image) -> NDArray[np.float32]:
    return decoder(codec)(image[None], codec, "cpu")[0]


def tone(codec: CodecSettings, hertz: float) -> NDArray[np.float32]:
    t = np.arange(codec.samples) / codec.sample_rate
    one = 0.3 * np.sin(2 * np.pi * hertz * t)
    return np.tile(one, (codec.channels, 1)).astype(np.float32)


def loudness_of(image: Image, codec: CodecSettings) -> Image:
    """Larger is louder, the lowest frequency first, 0 … 1."""
    low, high = codec.span
    share = (image.astype(float) - low) / (high - low)
    share = share if codec.loud_is_light else 1 - share
    return share if codec.lowest_first else share[:, ::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_of_a_kind_fits(kind: str) -> None:
    codec = codec_of(kind=kind)
    image = encoded(codec, music(codec))
    assert image.shape == (codec.channels, *codec.size)
    assert codec.frames <= codec.size[1]
    is_bytes = codec.span == (0.0, 255.0)
    assert image.dtype == (np.uint8 if is_bytes else np.float32)
    assert codec.span[0] <= image.min() and image.max() <= codec.span[1]
    assert parse_codec(codec_json(codec)) == codec


@EACH
def test_rows_are_frequencies_and_columns_time(name: str) -> None:
    codec = small(name)
    low, high = codec.band
    rows = []
    for hertz in (max(low, 150), high * 0.4, high * 0.9):
        image = loudness_of(encoded(codec, tone(codec, hertz)), codec)
        rows.append(int(image[:, :, : codec.frames].mean(axis=(0, 2)).argmax()))
    assert rows == sorted(rows) and rows[0] < rows[1] < rows[2]
    assert rows[0] < 0.3 * codec.size[0] and rows[2] > 0.85 * codec.size[0]
    late = tone(codec, 500)
    late[:, : codec.samples // 2] = 0
    columns = loudness_of(encoded(codec, late), codec)[:, :, : codec.frames].mean(axis=(0, 1))
    middle = codec.samples // 2 * codec.frames // codec.samples
    assert columns[: middle // 2].mean() < 0.2 * columns[middle * 3 // 2 :].mean()


@EACH
def test_silence_is_what_the_codec_says_it_is_and_is_silent_again(name: str) -> None:
    codec = small(name)
    image = encoded(codec, np.zeros((codec.channels, codec.samples), np.float32))
    assert (image == np.asarray(codec.silence, image.dtype)).all()
    assert not decoded(codec, image).any()
    audio = music(codec)
    audio[:, codec.samples // 3 :] = 0
    rest = encoded(codec, audio)[:, :, codec.frames :]
    assert (rest == np.asarray(codec.silence, rest.dtype)).all()


SOUNDS = {
    "constant": lambda n, rng: np.full(n, 0.5),
    "impulse": lambda n, rng: np.eye(1, n, n // 2)[0],
    "clipped": lambda n, rng: np.clip(20 * rng.standard_normal(n), -1, 1),
    "beyond full scale": lambda n, rng: 100 * rng.standard_normal(n),
    "tiny": lambda n, rng: 1e-20 * rng.standard_normal(n),
    "least": lambda n, rng: np.full(n, 1e-45),
    "one sample": lambda n, rng: np.eye(1, n)[0] * 1e-3,
    "noise": lambda n, rng: 0.1 * rng.standard_normal(n),
}


@EACH
@pytest.mark.parametrize("sound", SOUNDS)
def test_odd_sounds(name: str, sound: str) -> None:
    codec = small(name, inversion={"iterations": 2})
    rng = np.random.default_rng(0)
    channel = SOUNDS[sound](codec.samples, rng).astype(np.float32)
    image = encoded(codec, np.tile(channel, (codec.channels, 1)))
    assert np.isfinite(image).all()
    audio = decoded(codec, image)
    assert audio.shape == (codec.channels, codec.samples) and audio.dtype == np.float32
    assert np.isfinite(audio).all() and np.abs(audio).max() <= 1


@EACH
@pytest.mark.parametrize("value", [-1e6, "low", "middle", "high", 1e6])
def test_odd_images(name: str, value: Any) -> None:
    codec = small(name, inversion={"iterations": 2})
    low, high = codec.span
    bytes_only = (low, high) == (0.0, 255.0)
    filled = {"low": low, "middle": (low + high) / 2, "high": high}.get(value, value)
    shape = (codec.channels, *codec.size)
    image = np.full(shape, np.clip(filled, low, high) if bytes_only else filled)
    audio = decoded(codec, image.astype(np.uint8 if bytes_only else np.float32))
    assert np.isfinite(audio).all() and np.abs(audio).max() <= 1


@EACH
def test_images_of_another_size_are_refused_and_none_make_none(name: str) -> None:
    codec = small(name)
    height, width = codec.size
    with pytest.raises(ValueError, match="images are"):
        decoder(codec)(np.zeros((1, codec.channels, width + 1, height)), codec, "cpu")
    none = decoder(codec)(np.zeros((0, codec.channels, height, width), np.uint8), codec, "cpu")
    assert none.shape == (0, codec.channels, codec.samples)


@EACH
def test_no_clip_depends_on_its_neighbours(name: str) -> None:
    codec = small(name, inversion={"iterations": 2})
    images = np.stack([encoded(codec, music(codec, seed)) for seed in range(2)])
    both = decoder(codec)(images, codec, "cpu")
    np.testing.assert_array_equal(both[1], decoded(codec, images[1]))
    np.testing.assert_array_equal(both, decoder(codec)(images, codec, "cpu"))


@EACH
def test_the_sound_is_as_loud_as_asked(name: str) -> None:
    codec = small(name)
    audio = decoded(codec, encoded(codec, music(codec)))
    measured = measure(audio, codec.sample_rate)
    assert measured is not None and codec.loudness is not None
    at_peak = np.abs(audio).max() > 0.8 * 10 ** (codec.peak_db / 20)
    assert abs(measured - codec.loudness) < 0.2 or (measured < codec.loudness and at_peak)


@EACH
def test_png_carries_image_and_codec(name: str) -> None:
    codec = small(name)
    image = encoded(codec, music(codec))
    png = image_to_png(image, codec)
    again, found = png_to_image(png)
    assert found == codec and image_to_png(again, codec) == png
    np.testing.assert_array_equal(again, to_bytes(image, codec))
    low, high = codec.span
    values = to_values(again, codec)
    assert values.dtype == image.dtype
    if image.dtype == np.uint8:
        np.testing.assert_array_equal(values, image)
    else:
        assert np.abs(values - image).max() <= 0.51 * (high - low) / 255
    assert upright(again, codec).shape == (codec.size[0], codec.frames)


@pytest.mark.parametrize("name", ["riffusion-stereo", "dual_diffusion"])
def test_left_stays_left(name: str) -> None:
    codec = small(name)
    audio = np.concatenate([tone(codec, 400)[:1], tone(codec, 2500)[:1] / 2])
    result = decoded(codec, encoded(codec, audio))
    spectra = np.abs(np.fft.rfft(result * np.hanning(codec.samples)))
    bins = np.fft.rfftfreq(codec.samples, 1 / codec.sample_rate)
    left, right = (np.abs(bins - hertz) < 150 for hertz in (400, 2500))
    assert spectra[0, left].max() > 10 * spectra[0, right].max()
    assert spectra[1, right].max() > 10 * spectra[1, left].max()
    # One gain for both: the balance stays.
    assert 1.5 < np.abs(spectra[0]).max() / np.abs(spectra[1]).max() < 2.7


HERTZ = {"sample_rate": st.sampled_from([8000, 16000, 22050, 32000, 44100, 48000])}
WINDOWS = {"n_fft": st.integers(64, 2048), "hop": st.integers(16, 512)}
SIZES = {"n_mels": st.integers(1, 200)}
WILD: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "mel_db": HERTZ | WINDOWS | SIZES | {"fmax": st.integers(200, 4000)},
    "riffusion": HERTZ
    | SIZES
    | {
        "stereo": st.booleans(),
        "step_ms": st.integers(3, 20),
        "window_ms": st.integers(10, 100),
        "padded_ms": st.integers(100, 200),
        "power": st.floats(0.1, 1),
    },
    "audio_diffusion": HERTZ | WINDOWS | SIZES | {"range_db": st.floats(20, 120)},
    "ma_ddpm": HERTZ | WINDOWS | {"height": st.integers(1, 300), "range_db": st.floats(20, 120)},
    "dual_diffusion": HERTZ
    | WINDOWS
    | SIZES
    | {
        "stereo": st.booleans(),
        "window_exponent": st.floats(0.5, 32),
        "fmax": st.integers(200, 4000),
    },
    "bigvgan": HERTZ
    | SIZES
    | {
        "n_fft": st.integers(512, 2048),
        "hop": st.integers(16, 512),
        "fmax": st.integers(200, 4000),
    },
}


def test_bands_too_narrow_for_any_bin_are_silent() -> None:
    codec = codec_of(
        sample_rate=16000, seconds=0.5, n_fft=64, hop=16, n_mels=1, fmax=200, width=501
    )
    image = encoded(codec, music(codec))
    assert not image.any() and not decoded(codec, image).any()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_parameters(kind: str, data: st.DataObject) -> None:
    """Whatever fits together encodes and decodes in the shapes that the settings say."""
    seconds = data.draw(st.floats(0.01, 0.5), label="seconds")
    values = {name: data.draw(strategy, label=name) for name, strategy in WILD[kind].items()}
    if "hop" in values:
        assume(values["hop"] <= values["n_fft"] // 2)
    width = {} if kind == "ma_ddpm" else {"width": 4096}
    try:
        codec = codec_of(kind=kind, seconds=seconds, inversion={"iterations": 1}, **width, **values)
    except ValidationError:
        reject()  # such as a hop that is longer than its window
    if width:
        codec = codec_of(**codec.model_dump() | {"width": codec.frames + 3})
    image = encoded(codec, music(codec))
    assert image.shape == (codec.channels, *codec.size) and np.isfinite(image).all()
    audio = decoded(codec, image)
    assert audio.shape == (codec.channels, codec.samples) and np.isfinite(audio).all()
