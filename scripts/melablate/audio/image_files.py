"""Images as people have them: PNG files of several origins."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .codec_settings import CodecSettings
from .png import png_to_image, to_values


@dataclass(frozen=True)
class Picture:
    """An image, and what is needed to hear it."""

    name: str
    image: NDArray[Any]
    """[planes, height, width] in the codec's own values."""
    codec: CodecSettings


def read_pictures(source: str) -> Iterator[Picture]:
    """A PNG. OSError or ValueError if it is none."""
    path = Path(source)
    if not path.is_file():
        raise ValueError("no such file")
    image, codec = png_to_image(path.read_bytes())
    yield Picture(path.stem, to_values(image, codec), codec)
