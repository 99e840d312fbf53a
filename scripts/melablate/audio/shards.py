"""Image shards: Parquet that Hugging Face `datasets` opens with its images shown.

The codec's parameters travel in the schema, in each row and in each PNG, so that an image can be
turned back into sound without the config. Where the codec makes no bytes, the image itself is the
column `tensor`, and `image` is a view of it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .codec_settings import CodecSettings
from .codec_text import CODEC_KEY, codec_json
from .shard_files import NAME

ROW_GROUP = 100
"""Rows that are in memory together."""
MEGABYTE = 10**6
ROW_OVERHEAD, FILE_OVERHEAD = 512, 2**16
"""More bytes than Parquet needs for the lengths and statistics of a row, and for its footer."""
BYTES = (0.0, 255.0)
# PNGs are compressed already; values that repeat are written once.
LAYOUT: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": ["split", "codec"],
    "write_statistics": ["clip_id", "track_id", "split", "start_s"],
}


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
    tensor: NDArray[Any] | None = None
    """[planes, height, width] of 32-bit floats, for codecs that make tensors."""

    @property
    def size(self) -> int:
        """At most so many bytes of a file."""
        text = sum(len(caption.encode()) + 4 for caption in self.captions)
        return len(self.png) + (self.tensor.nbytes if self.tensor is not None else 0) + text

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


def write_shards(
    folder: Path, rows: Iterable[ClipRow], settings: CodecSettings, megabytes: float
) -> int:
    """Write rows as they come into files of at most `megabytes`; returns their number.

    A single row that is larger makes a file of its own. The caller sees to it that the folder is
    whole or not at all (`files.writing_folder`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder, settings, int(megabytes * MEGABYTE))
    for row in rows:
        writer.add(row)
    writer.finish()
    return writer.rows


class _Writer:
    """The open shard, and the rows of its next row group."""

    def __init__(self, folder: Path, settings: CodecSettings, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.codec, self.schema = codec_json(settings), _schema(settings)
        self.rows, self.size, self.closed = 0, 0, 0
        self.group: list[ClipRow] = []
        self.file: pq.ParquetWriter | None = None

    def add(self, row: ClipRow) -> None:
        size = row.size + ROW_OVERHEAD
        if self.size and FILE_OVERHEAD + self.size + size > self.limit:
            self._close()
        self.group.append(row)
        self.size += size
        self.rows += 1
        if len(self.group) == ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        """The last shard; then the names, which tell how many there are."""
        if self.size or not self.closed:
            self._close()
        for number in range(self.closed):
            name = NAME.format(number=number, count=self.closed)
            self._part(number).rename(self.folder / name)

    def _part(self, number: int) -> Path:
        return self.folder / f"{number}.part"

    def _flush(self) -> None:
        if self.file is None:
            self.file = pq.ParquetWriter(self._part(self.closed), self.schema, **LAYOUT)
        self.file.write_table(_table(self.group, self.codec, self.schema))
        self.group = []

    def _close(self) -> None:
        self._flush()
        assert self.file is not None
        self.file.close()
        self.file, self.size, self.closed = None, 0, self.closed + 1


def _table(rows: list[ClipRow], codec: str, schema: pa.Schema) -> pa.Table:
    records = [row.as_record() | {"codec": codec} for row in rows]
    plain = schema.remove(schema.get_field_index("tensor")) if _tensors(schema) else schema
    table = pa.Table.from_pylist(records, schema=plain)
    if _tensors(schema):
        tensors = np.array([row.tensor for row in rows], np.float32)
        shape = tensors.shape[1:] if rows else (1, 1, 1)
        table = table.append_column(schema.field("tensor"), _nested(tensors, shape))
    return table


def _tensors(schema: pa.Schema) -> bool:
    return "tensor" in schema.names


def _nested(tensors: NDArray[np.float32], shape: tuple[int, ...]) -> Any:
    """Lists of lists of lists, without a Python object for each number."""
    array: Any = pa.array(tensors.reshape(-1))
    for size in reversed(shape):
        offsets: Any = pa.array(np.arange(0, len(array) + 1, size, dtype=np.int32))
        array = pa.ListArray.from_arrays(offsets, array)
    return array


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
        "codec": text,
    }
    columns = [pa.field(name, kind) for name, kind in fields.items()]
    if settings.span != BYTES:
        columns.append(_tensor_field(settings))
    names = [column.name for column in columns]
    return pa.schema(
        columns,
        metadata={"huggingface": _features(names, settings), CODEC_KEY: codec_json(settings)},
    )


def _tensor_field(settings: CodecSettings) -> Any:
    """Lists of lists of lists, which `datasets` knows by these words for its `Array3D`."""
    shape = [settings.channels, *settings.size]
    words = {
        "ARROW:extension:name": "datasets.features.features.Array3DExtensionType",
        "ARROW:extension:metadata": json.dumps([shape, "float32"]),
    }
    nested = pa.list_(pa.list_(pa.list_(pa.float32())))
    return pa.field("tensor", nested, metadata=words)


def _features(fields: Iterable[str], settings: CodecSettings) -> str:
    """The columns in the words of `datasets.Features`."""
    string = {"dtype": "string", "_type": "Value"}
    features: dict[str, Any] = dict.fromkeys(fields, string)
    features["captions"] = {"feature": string, "_type": "List"}
    features["image"] = {"_type": "Image"}
    features["start_s"] = {"dtype": "float64", "_type": "Value"}
    if "tensor" in features:
        shape = [settings.channels, *settings.size]
        features["tensor"] = {"shape": shape, "dtype": "float32", "_type": "Array3D"}
    return json.dumps({"info": {"features": features}})
