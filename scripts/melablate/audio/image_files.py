"""Images as people have them: PNG files of several origins, and rows of shards."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .codec_settings import CodecSettings
from .png import png_to_image, to_values
from .shard_reading import read_batches


@dataclass(frozen=True)
class Picture:
    """An image, and what is needed to hear it."""

    name: str
    image: NDArray[Any]
    """[planes, height, width] in the codec's own values."""
    codec: CodecSettings


def read_pictures(source: str) -> Iterator[Picture]:
    """A PNG; or the rows of a shard or of a folder of them, or the one after `#`.

    OSError or ValueError if it is none of these.
    """
    path, clip_id = Path(source), ""
    if not path.exists():
        name, _, clip_id = source.rpartition("#")
        path = Path(name or source)
    if not path.exists():
        raise ValueError("no such file")
    if path.is_dir() or path.suffix == ".parquet":
        yield from _rows(path, clip_id)
        return
    if not path.is_file():  # a pipe would be waited for without end
        raise ValueError("it is no plain file")
    image, codec = png_to_image(path.read_bytes())
    yield Picture(path.stem, to_values(image, codec), codec)


def _rows(path: Path, clip_id: str) -> Iterator[Picture]:
    found = False
    for table in read_batches(path, 1, {clip_id} if clip_id else None):
        found = True
        yield Picture(table.clip_ids[0], table.images[0], table.codec)
    if not found:
        raise ValueError(f"there is no clip {clip_id} in it" if clip_id else "no clip is in it")
