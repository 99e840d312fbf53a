"""Shards back in memory, all of them or a batch at a time."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..parquet_errors import whole_parquet
from .codec_settings import CodecSettings
from .codec_text import CODEC_KEY, parse_codec
from .png import picture_to_planes, read_png
from .shard_files import shard_files

BATCH = 64
TEXT_COLUMNS = ("clip_id", "track_id", "split", "captions")


@dataclass(frozen=True)
class ClipTable:
    """Clips in memory; every tuple and `images` are in the order of the rows."""

    clip_ids: tuple[str, ...]
    track_ids: tuple[str, ...]
    splits: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    images: NDArray[Any]
    """[clips, planes, height, width]: bytes, or 32-bit floats of codecs that make tensors."""
    codec: CodecSettings

    def __len__(self) -> int:
        return len(self.clip_ids)


def read_images(path: Path, only: Collection[str] | None = None) -> ClipTable:
    """All clips, or those with the ids in `only`, in the order of the rows."""
    codec = codec_of(path)
    tables = [*read_batches(path, only=only)]
    shape, kind = (0, codec.channels, *codec.size), np.float32 if _tensors(path) else np.uint8
    images = [table.images for table in tables] or [np.empty(shape, kind)]
    return ClipTable(
        clip_ids=tuple(i for table in tables for i in table.clip_ids),
        track_ids=tuple(i for table in tables for i in table.track_ids),
        splits=tuple(split for table in tables for split in table.splits),
        captions=tuple(captions for table in tables for captions in table.captions),
        images=np.concatenate(images),
        codec=codec,
    )


def read_batches(
    path: Path, size: int = BATCH, only: Collection[str] | None = None
) -> Iterator[ClipTable]:
    """A batch at a time, so that memory does not grow with the shards."""
    codec = codec_of(path)
    image = "tensor" if _tensors(path) else "image"
    for file in shard_files(path):
        with whole_parquet(file), pq.ParquetFile(file) as shard:
            for batch in shard.iter_batches(size, columns=[*TEXT_COLUMNS, image]):
                if only is not None:
                    batch = batch.filter(pa.array([str(i) in only for i in batch["clip_id"]]))
                if len(batch):
                    yield _table(batch, codec, file)


def codec_of(path: Path) -> CodecSettings:
    """What all shards of a folder were made with."""
    first = shard_files(path)[0]
    with whole_parquet(first):
        metadata = pq.read_schema(first).metadata or {}
    if CODEC_KEY.encode() not in metadata:
        raise SystemExit(f"{first} has no codec in its schema; make it with make_spectrograms")
    try:
        return parse_codec(metadata[CODEC_KEY.encode()])
    except ValueError as error:
        raise SystemExit(f"{first}: {error}; make it with make_spectrograms") from None


def _tensors(path: Path) -> bool:
    return "tensor" in pq.read_schema(shard_files(path)[0]).names


def _table(batch: pa.RecordBatch, codec: CodecSettings, file: Path) -> ClipTable:
    columns = batch.select(list(TEXT_COLUMNS)).to_pydict()
    wrong = [clip_id for clip_id in columns["clip_id"] if Path(clip_id).name != clip_id]
    if wrong:  # files are named by it
        raise TypeError(f"clip {wrong[0]!r} cannot name a file")
    shape = (codec.channels, *codec.size)
    if "tensor" in batch.schema.names:
        images = _from_lists(batch["tensor"], shape, file)
    else:
        column: Any = batch["image"]
        pngs = column.field("bytes").to_pylist()
        images = np.stack(
            [
                _decode(png, file, clip_id, shape)
                for png, clip_id in zip(pngs, columns["clip_id"], strict=True)
            ]
        )
    return ClipTable(
        clip_ids=tuple(columns["clip_id"]),
        track_ids=tuple(columns["track_id"]),
        splits=tuple(columns["split"]),
        captions=tuple(tuple(captions) for captions in columns["captions"]),
        images=images,
        codec=codec,
    )


def _from_lists(column: Any, shape: tuple[int, ...], file: Path) -> NDArray[np.float32]:
    # An extension type where `datasets` is imported, plain lists elsewhere.
    lists = getattr(column, "storage", column)
    values = lists.flatten().flatten().flatten().to_numpy(zero_copy_only=False)
    if values.size != len(column) * np.prod(shape):
        raise SystemExit(f"{file}: a tensor is not {shape}, as its codec says; make it again")
    return np.array(values, np.float32).reshape(-1, *shape)  # a copy: Arrow's is read-only


def _decode(png: bytes, file: Path, clip_id: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        image = picture_to_planes(np.asarray(read_png(png)[0]))
    except ValueError as error:
        raise SystemExit(f"{file}: image of {clip_id}: {error}; make it again") from None
    if image.shape != shape or image.dtype != np.uint8:
        raise SystemExit(
            f"{file}: image of {clip_id} is {image.dtype} {image.shape}, not bytes {shape} as its "
            "codec says; make it again"
        )
    return image
