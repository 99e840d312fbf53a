"""An image as PNG, with the codec's parameters in a text chunk."""

import io
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from .codec import parse_codec
from .codec_settings import CodecSettings

CODEC_KEY = "melablate.codec"


def codec_json(settings: CodecSettings) -> str:
    """The parameters as one canonical line of JSON."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def image_to_png(image: NDArray[Any], settings: CodecSettings) -> bytes:
    """PNG of an image [planes, height, width], its first row on top; a tensor is shown in bytes.

    One plane is grey; two, of stereo, are the green and the blue of a picture without red.
    """
    text = PngInfo()
    text.add_text(CODEC_KEY, codec_json(settings))
    grey = to_bytes(image, settings)
    picture = grey[0] if len(grey) == 1 else np.stack([np.zeros_like(grey[0]), *grey], axis=-1)
    out = io.BytesIO()
    # Spectrograms hold runs and few repeats: as small as zlib's default search, in half its time.
    Image.fromarray(picture).save(out, format="PNG", compress_type=zlib.Z_RLE, pnginfo=text)
    return out.getvalue()


def to_bytes(image: NDArray[Any], settings: CodecSettings) -> NDArray[np.uint8]:
    """The image itself, or a tensor's span in 256 steps."""
    if image.dtype == np.uint8:
        return image
    low, high = settings.span
    return np.rint(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def picture_to_planes(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[planes, height, width] of a grey picture, or of one with green and blue."""
    return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)[1:3]


def png_to_image(png: bytes) -> tuple[NDArray[np.uint8], CodecSettings]:
    """Image [planes, height, width] and parameters of a PNG that `image_to_png` made."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as file:
        assert isinstance(file, PngImageFile)
        if file.mode not in ("L", "RGB"):
            raise ValueError(f"the PNG is of mode {file.mode}; a spectrogram is grey (L) or RGB")
        if CODEC_KEY not in file.text:
            raise ValueError(f"the PNG has no text chunk {CODEC_KEY!r}, so its codec is unknown")
        codec = str(file.text[CODEC_KEY])
        image = picture_to_planes(np.asarray(file))
    try:
        settings = parse_codec(codec)
    except ValueError as error:
        raise ValueError(f"the PNG's text chunk {CODEC_KEY!r}: {error}") from None
    expected = (settings.channels, *settings.size)
    if image.shape != expected:
        raise ValueError(f"the PNG is {image.shape}, but its codec says {expected}")
    return image, settings


def upright(image: NDArray[np.uint8], settings: CodecSettings) -> NDArray[np.uint8]:
    """The columns that hold sound, lowest row first, loud is light; the mean of all planes."""
    grey: NDArray[np.uint8] = image.mean(axis=0).round().astype(np.uint8)[:, : settings.frames]
    grey = grey if settings.lowest_first else grey[::-1]
    return grey if settings.loud_is_light else 255 - grey
