"""An image as PNG, with the codec's parameters in a text chunk, and in EXIF where others do so."""

import io
import struct
import warnings
import zlib
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile, PngInfo

from .codec_settings import CodecSettings
from .codec_text import CODEC_KEY, codec_json, parse_codec

MOST_PIXELS = 2**26
"""8192 × 8192, which is more than any codec makes of minutes of music."""
TOO_LARGE = "it is far larger than any spectrogram"
MODES = {1: "L", 2: "RGB"}
"""How a picture of so many planes is stored."""


def image_to_png(image: NDArray[Any], settings: CodecSettings) -> bytes:
    """PNG of an image [planes, height, width], its first row on top; a tensor is shown in bytes.

    One plane is grey; two, of stereo, are the green and the blue of a picture without red.
    """
    text = PngInfo()
    text.add_text(CODEC_KEY, codec_json(settings))
    grey = to_bytes(image, settings)
    picture = grey[0] if len(grey) == 1 else np.stack([np.zeros_like(grey[0]), *grey], axis=-1)
    exif = Image.Exif()
    exif.update(settings.exif())
    out = io.BytesIO()
    # Spectrograms hold runs and few repeats: as small as zlib's default search, in half its time.
    Image.fromarray(picture).save(
        out, format="PNG", compress_type=zlib.Z_RLE, pnginfo=text, exif=exif
    )
    return out.getvalue()


def to_bytes(image: NDArray[Any], settings: CodecSettings) -> NDArray[np.uint8]:
    """The image itself, or a tensor's span in 256 steps."""
    if image.dtype == np.uint8:
        return image
    low, high = settings.span
    return np.rint(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def to_values(image: NDArray[np.uint8], settings: CodecSettings) -> NDArray[Any]:
    """What `to_bytes` was given, to a 255th of the span."""
    low, high = settings.span
    if (low, high) == (0.0, 255.0):
        return image
    return (image.astype(np.float32) / 255 * (high - low) + low).astype(np.float32)


def picture_to_planes(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[planes, height, width] of a grey picture, or of one with green and blue."""
    return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)[1:3]


def png_to_image(png: bytes) -> tuple[NDArray[np.uint8], CodecSettings]:
    """Image [planes, height, width] and parameters of a PNG that `image_to_png` made.

    Or of one of riffusion's own, which only has EXIF tags. ValueError for any other.
    """
    file, exif = read_png(png)
    if CODEC_KEY not in file.text:
        if not exif:
            raise ValueError(
                f"the PNG has neither the text chunk {CODEC_KEY!r} nor riffusion's EXIF tags, so "
                "its codec is unknown"
            )
        return _riffusions_own(file, exif)
    try:
        settings = parse_codec(str(file.text[CODEC_KEY]))
    except ValueError as error:
        raise ValueError(f"the PNG's text chunk {CODEC_KEY!r}: {error}") from None
    if file.mode != MODES[settings.channels]:
        raise ValueError(f"the PNG is of mode {file.mode}, not {MODES[settings.channels]}")
    image = picture_to_planes(np.asarray(file))
    expected = (settings.channels, *settings.size)
    if image.shape != expected:
        raise ValueError(f"the PNG is {image.shape}, but its codec says {expected}")
    return image, settings


def read_png(png: bytes) -> tuple[PngImageFile, dict[int, Any]]:
    """A picture with its EXIF tags; ValueError if it is none or broken."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(png), formats=["PNG"]) as file,
        ):
            assert isinstance(file, PngImageFile)
            if file.width * file.height > MOST_PIXELS:
                raise ValueError(TOO_LARGE)
            file.load()
            return file, dict(file.getexif())
    except UnidentifiedImageError:
        raise ValueError("it is no PNG") from None
    except (OSError, SyntaxError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(f"the PNG cannot be read: {error}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"the PNG cannot be read: {TOO_LARGE}") from None


def _riffusions_own(
    file: PngImageFile, exif: dict[int, Any]
) -> tuple[NDArray[np.uint8], CodecSettings]:
    """Grey or colour, as it may come; mono is the same in all colours."""
    # By name: what is made by this workflow never comes here, so it must not run again for it.
    foreign = import_module(".codecs.riffusion.foreign", __package__)
    settings: CodecSettings = foreign.settings_of(exif, file.width, file.height)
    colours = np.moveaxis(np.asarray(file.convert("RGB")), -1, 0)
    return (colours[1:3] if settings.channels == 2 else colours[:1]), settings


def upright(image: NDArray[np.uint8], settings: CodecSettings) -> NDArray[np.uint8]:
    """The columns that hold sound, lowest row first, loud is light; the mean of all planes."""
    grey: NDArray[np.uint8] = image.mean(axis=0).round().astype(np.uint8)[:, : settings.frames]
    grey = grey if settings.lowest_first else grey[::-1]
    return grey if settings.loud_is_light else 255 - grey
