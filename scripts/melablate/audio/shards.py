"""Image shards: Parquet that Hugging Face `datasets` opens with its images shown.

The codec's parameters travel in the schema and in each PNG, so that an image can be turned
back into sound without the config.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from ..files import writing
from .codec_settings import CodecSettings
from .codec_text import CODEC_KEY, codec_json, parse_codec
from .png import picture_to_planes

ROW_GROUP = 256


@dataclass(frozen=True)
class ClipRow:
    """One row of a shard."""

    clip_id: str
    track_id: str
    split: str
    captions: tuple[str, ...]
    png: bytes
    audio_sha256: str
    start_s: float

    def as_record(self) -> dict[str, Any]:
        """The row as Parquet holds it, the image in the layout of `datasets.Image`."""
        return {
            "clip_id": self.clip_id,
            "track_id": self.track_id,
            "split": self.split,
            "captions": list(self.captions),
            "image": {"bytes": self.png, "path": f"{self.clip_id}.png"},
            "audio_sha256": self.audio_sha256,
            "start_s": self.start_s,
        }


@dataclass(frozen=True)
class ClipTable:
    """A shard in memory; every tuple and `images` are in the order of the rows."""

    clip_ids: tuple[str, ...]
    track_ids: tuple[str, ...]
    splits: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    images: NDArray[np.uint8]
    """[clips, planes, height, width]."""
    codec: CodecSettings

    def __len__(self) -> int:
        return len(self.clip_ids)


def write_images(path: Path, rows: Iterable[ClipRow], settings: CodecSettings) -> int:
    """Write rows as they come, a row group at a time; returns their number."""
    schema, written, rest = _schema(settings), 0, iter(rows)
    with writing(path) as aside, pq.ParquetWriter(aside, schema) as writer:
        while group := list(islice(rest, ROW_GROUP)):
            records = [row.as_record() for row in group]
            writer.write_table(pa.Table.from_pylist(records, schema=schema))
            written += len(group)
    return written


def read_images(path: Path) -> ClipTable:
    """All rows of a shard with their images decoded."""
    with pq.ParquetFile(path) as file:
        metadata = file.schema_arrow.metadata or {}
        if CODEC_KEY.encode() not in metadata:
            raise ValueError(f"{path} has no codec in its schema; make it with make_spectrograms")
        codec = parse_codec(metadata[CODEC_KEY.encode()])
        shape = (codec.channels, *codec.size)
        images = np.empty((file.metadata.num_rows, *shape), np.uint8)
        columns: dict[str, list[Any]] = {name: [] for name in _TEXT_COLUMNS}
        for i, record in enumerate(_records(file)):
            images[i] = _decode(record["image"]["bytes"], path, record["clip_id"], shape)
            for name, values in columns.items():
                values.append(record[name])
    return ClipTable(
        clip_ids=tuple(columns["clip_id"]),
        track_ids=tuple(columns["track_id"]),
        splits=tuple(columns["split"]),
        captions=tuple(tuple(captions) for captions in columns["captions"]),
        images=images,
        codec=codec,
    )


_TEXT_COLUMNS = ("clip_id", "track_id", "split", "captions")


def _records(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(ROW_GROUP, columns=[*_TEXT_COLUMNS, "image"]):
        yield from batch.to_pylist()


def _decode(png: bytes, path: Path, clip_id: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as file:
        image = picture_to_planes(np.asarray(file))
    if image.shape != shape or image.dtype != np.uint8:
        raise ValueError(
            f"{path}: image of {clip_id} is {image.dtype} {image.shape}, not bytes {shape}"
        )
    return image


def _schema(settings: CodecSettings) -> pa.Schema:
    text = pa.string()
    fields: dict[str, pa.DataType] = {
        "clip_id": text,
        "track_id": text,
        "split": text,
        "captions": pa.list_(text),
        "image": pa.struct([("bytes", pa.binary()), ("path", text)]),
        "audio_sha256": text,
        "start_s": pa.float64(),
    }
    return pa.schema(
        list(fields.items()),
        metadata={"huggingface": _features(fields), CODEC_KEY: codec_json(settings)},
    )


def _features(fields: dict[str, pa.DataType]) -> str:
    """The columns in the words of `datasets.Features`."""
    string = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = dict.fromkeys(fields, string)
    features["captions"] = {"feature": string, "_type": "List"}
    features["image"] = {"_type": "Image"}
    features["start_s"] = {"dtype": "float64", "_type": "Value"}
    return json.dumps({"info": {"features": features}})
