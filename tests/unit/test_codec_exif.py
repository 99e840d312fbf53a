"""PNGs that riffusion made decode here, ours decode there, and tags that lie are told."""

import io
from typing import Any

import numpy as np
import pytest
from audio_signals import music
from codec_kinds import codec_of, small
from melablate.audio.codec import encoder
from melablate.audio.png import image_to_png, png_to_image
from PIL import Image
from PIL.PngImagePlugin import PngInfo

# `SpectrogramParams.ExifTags` of riffusion-hobby, and `to_exif()` of its defaults.
TAGS: dict[int, Any] = {
    11000: 44100,  # SAMPLE_RATE
    11005: False,  # STEREO
    11007: False,  # TRIPLE_RES_MONO
    11010: 10,  # STEP_SIZE_MS
    11020: 100,  # WINDOW_DURATION_MS
    11030: 400,  # PADDED_DURATION_MS
    11040: 512,  # NUM_FREQUENCIES
    11050: 0,  # MIN_FREQUENCY
    11060: 10000,  # MAX_FREQUENCY
    11070: 0.25,  # POWER_FOR_IMAGE
    11080: 31.5e6,  # MAX_VALUE
}


def foreign(mode: str = "RGB", size: tuple[int, int] = (512, 512), **changes: Any) -> bytes:
    """As riffusion's command line saves it: `save(image, exif=image.getexif(), format="PNG")`."""
    rng = np.random.default_rng(0)
    shape = (size[1], size[0])
    grey = rng.integers(0, 256, shape, np.uint8)
    picture = Image.fromarray(grey).convert(mode)
    if changes.get("tag_11005"):
        blue = rng.integers(0, 256, shape, np.uint8)
        picture = Image.fromarray(np.stack([np.zeros_like(grey), grey, blue], axis=-1))
    tags = TAGS | {int(name[4:]): value for name, value in changes.items()}
    exif = picture.getexif()
    exif.update({tag: value for tag, value in tags.items() if value is not None})
    out = io.BytesIO()
    picture.save(out, exif=exif, format="PNG")
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_riffusions_mono_image(mode: str) -> None:
    image, codec = png_to_image(foreign(mode))
    assert codec == codec_of(kind="riffusion")
    assert image.shape == (1, 512, 512) and image.std() > 50
    np.testing.assert_array_equal(image, png_to_image(foreign("L"))[0])


def test_riffusions_stereo_image_of_another_length() -> None:
    image, codec = png_to_image(foreign(tag_11005=True, size=(300, 512)))
    assert codec == codec_of(kind="riffusion", stereo=True, seconds=2.99, width=300)
    assert image.shape == (2, 512, 300) and not np.array_equal(image[0], image[1])


def test_riffusions_other_parameters() -> None:
    values = {"tag_11000": 48000, "tag_11010": 5, "tag_11050": 20, "tag_11060": 20000}
    codec: Any = png_to_image(foreign(tag_11070=0.5, **values))[1]
    assert (codec.sample_rate, codec.hop, codec.fmin, codec.fmax) == (48000, 240, 20, 20000)
    assert codec.power == 0.5 and codec.frames == codec.width == 512


def test_an_older_image_without_the_stereo_tag_is_mono() -> None:
    assert png_to_image(foreign(tag_11005=None))[1].channels == 1


@pytest.mark.parametrize("name", ["riffusion", "riffusion-stereo"])
def test_riffusion_reads_ours(name: str) -> None:
    """By `SpectrogramParams.from_exif` and `spectrogram_from_image`, told here again."""
    codec: Any = small(name)
    audio = music(codec)
    png = image_to_png(encoder(codec)(audio, codec).image, codec)
    with Image.open(io.BytesIO(png)) as file:
        exif = dict(file.getexif())
        data = np.asarray(file.convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    assert exif == {
        11000: 16000,
        11005: codec.stereo,
        11010: 10,
        11020: 100,
        11030: 200,
        11040: 64,
        11050: 0,
        11060: 8000,
        11070: 0.25,
    }
    planes = data.transpose(2, 0, 1)[[1, 2] if exif[11005] else [0]].astype(np.float32)
    amplitudes = ((255 - planes) / 255) ** (1 / exif[11070])
    from melablate.audio.codecs.riffusion.encode import mel_magnitude

    mel = np.stack([mel_magnitude(channel, codec) for channel in audio])
    relative = mel / mel.max()
    assert np.abs(amplitudes[:, :, : codec.frames] - relative).max() < 0.02
    assert np.corrcoef(amplitudes[:, :, : codec.frames].ravel(), relative.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tag_11040": 256}, "says 256 bands, but the image has 512 rows"),
        ({"tag_11007": True}, "three bands to a pixel"),
        ({"tag_11000": 0}, "EXIF: sample_rate: Input should be greater than 0"),
        ({"tag_11000": 4_000_000_000}, "EXIF: sample_rate: Input should be less than"),
        ({"tag_11010": 0}, "EXIF: step_ms: Input should be greater than 0"),
        ({"tag_11010": 1000}, "hop of 44100 samples is longer than a window of 4410"),
        ({"tag_11010": 1000, "tag_11020": 1000}, "window_ms 1000 is above padded_ms 400"),
        ({"tag_11020": 500}, "window_ms 500 is above padded_ms 400"),
        ({"tag_11030": 70_000}, "EXIF: padded_ms: Input should be less than"),
        ({"tag_11060": 0}, "EXIF: fmax"),
        ({"tag_11050": 10000}, "fmin 10000 is not below fmax 10000"),
        ({"tag_11070": 0.0}, "EXIF: power: Input should be greater than 0"),
        ({"tag_11070": float("nan")}, "EXIF: power: Input should be"),
        ({"tag_11070": "much"}, "EXIF: power: Input should be a valid number"),
        ({"tag_11000": "44 kHz"}, "EXIF: sample_rate: Input should be a valid integer"),
        ({"tag_11070": None, "tag_11010": None}, r"no tag 11010 \(step_ms\), 11070 \(power\)"),
        ({"size": (1, 512)}, "stands for 0 s"),
        ({"size": (6200, 8), "tag_11040": 8, "tag_11010": 100}, "stands for 619.9 s, not up to"),
    ],
)
def test_exif_that_lies(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        png_to_image(foreign(**changes))


def test_exif_of_a_camera_is_none_of_riffusions() -> None:
    picture = Image.new("RGB", (8, 8))
    exif = picture.getexif()
    exif[271] = "A camera"
    out = io.BytesIO()
    picture.save(out, exif=exif, format="PNG")
    with pytest.raises(ValueError, match="EXIF is not riffusion's: no tag 11000"):
        png_to_image(out.getvalue())


def plain(mode: str = "L", size: tuple[int, int] = (128, 64), text: str | None = None) -> bytes:
    info = PngInfo()
    if text is not None:
        info.add_text("melablate.codec", text)
    out = io.BytesIO()
    Image.new(mode, size).save(out, format="PNG", pnginfo=info)
    return out.getvalue()


WHOLE = image_to_png(np.zeros((1, 64, 128), np.uint8), codec_of(n_mels=64, width=128, seconds=4))
TEXT = '{"kind":"mel_db","n_mels":64,"width":128,"seconds":4}'


@pytest.mark.parametrize(
    ("png", "words"),
    [
        (b"", "it is no PNG"),
        (b"RIFF....WAVE", "it is no PNG"),
        (WHOLE[:100], "cannot be read|it is no PNG"),
        (WHOLE[:-30], "cannot be read"),
        (WHOLE.replace(b"IHDR", b"IHDX"), "cannot be read|it is no PNG"),
        (plain(), "neither the text chunk"),
        (plain(text="{"), "no JSON object"),
        (plain(text='{"kind": "opus"}'), "there is no codec 'opus'; known: audio_diffusion"),
        (plain(text='{"kind": "../x"}'), "there is no codec"),
        (plain(text='{"kind": "mel_db", "fmax": 9000}'), "wrong parameters of the codec mel_db"),
        (plain("RGB", text=TEXT), "of mode RGB, not L"),
        (plain("1", text=TEXT), "of mode 1, not L"),
        (plain("L", (129, 64), TEXT), r"\(1, 64, 129\), but its codec says \(1, 64, 128\)"),
    ],
)
def test_broken_pngs(png: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        png_to_image(png)


def test_our_parameters_count_more_than_exif() -> None:
    codec: Any = small("riffusion")
    png = image_to_png(np.full((1, *codec.size), 255, np.uint8), codec)
    assert png_to_image(png)[1].seconds == codec.seconds
