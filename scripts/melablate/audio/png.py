"""A grey mel image as PNG, with the codec's parameters in a text chunk."""

import io
import json

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo
from pydantic import ValidationError

from .settings import Spectrogram

CODEC_KEY = "melablate.codec"


def codec_json(settings: Spectrogram) -> str:
    """The parameters as one canonical line of JSON."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def image_to_png(image: NDArray[np.uint8], settings: Spectrogram) -> bytes:
    """PNG of an image [n_mels, width]; row 0, the lowest frequency, is the top row."""
    text = PngInfo()
    text.add_text(CODEC_KEY, codec_json(settings))
    out = io.BytesIO()
    Image.fromarray(image, mode="L").save(out, format="PNG", compress_level=6, pnginfo=text)
    return out.getvalue()


def png_to_image(png: bytes) -> tuple[NDArray[np.uint8], Spectrogram]:
    """Image and parameters of a PNG that `image_to_png` made."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as file:
        assert isinstance(file, PngImageFile)
        if file.mode != "L":
            raise ValueError(f"the PNG is of mode {file.mode}; a spectrogram is 8-bit grey (L)")
        if CODEC_KEY not in file.text:
            raise ValueError(f"the PNG has no text chunk {CODEC_KEY!r}, so its codec is unknown")
        codec = str(file.text[CODEC_KEY])
        image = np.asarray(file)
    try:
        settings = Spectrogram.model_validate_json(codec)
    except ValidationError as error:
        raise ValueError(f"the PNG's text chunk {CODEC_KEY!r} is no codec: {error}") from None
    expected = (settings.n_mels, settings.width)
    if image.shape != expected:
        raise ValueError(f"the PNG is {image.shape}, but its codec says {expected}")
    return image, settings
