"""Shards → a folder of PNGs with captions in texts beside them, as other trainers read it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..files import writing_folder
from ..parquet_errors import whole_parquet
from .export_settings import Export
from .shard_files import shard_files

COLUMNS = ["clip_id", "split", "captions", "image"]
BATCH = 64
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST = 240
"""Bytes of an id; a file's name may have 255, and a number and a suffix follow."""


def export_images(shards: Path, folder: Path, settings: Export) -> int:
    """Write `<folder>/<repeats>_<name>/`, whole or not at all; returns the number of images.

    What else the folder holds stays: trainers read several such folders side by side.
    """
    count = 0
    with writing_folder(folder / f"{settings.repeats}_{settings.name}") as below:
        for row in _rows(shards, settings.split):
            for name, text in _captions(row["clip_id"], row["captions"], settings.captions):
                (below / f"{name}.png").write_bytes(row["image"]["bytes"])
                (below / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
                count += 1
        if not count:
            raise SystemExit(f"{shards}: no clip of the split {settings.split!r}; choose another")
    return count


def _rows(shards: Path, split: str) -> Iterator[dict[str, Any]]:
    for file in shard_files(shards):
        with whole_parquet(file), pq.ParquetFile(file) as shard:
            for batch in shard.iter_batches(BATCH, columns=COLUMNS):
                yield from (_checked(r) for r in batch.to_pylist() if split in ("all", r["split"]))


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """A row that can be written; its id names files, in this folder and in no other."""
    clip_id, png = row["clip_id"], row["image"]["bytes"]
    texts = row["captions"]
    if not isinstance(png, bytes) or not png.startswith(SIGNATURE):
        raise TypeError(f"clip {clip_id} has no image, or one that is no PNG")
    if not isinstance(texts, list) or not (texts and all(texts)):
        raise TypeError(f"clip {clip_id} has no caption")
    if "\0" in clip_id or Path(clip_id).name != clip_id or len(clip_id.encode()) > LONGEST:
        raise TypeError(f"clip {clip_id!r} cannot name a file")
    return row


def _captions(clip_id: str, captions: Sequence[str], choice: str) -> list[tuple[str, str]]:
    """Names of files, without suffix, and their captions; a caption is one line."""
    lines = [" ".join(caption.split()) for caption in captions]
    if choice == "each":
        return [(f"{clip_id}-{number}", line) for number, line in enumerate(lines)]
    return [(clip_id, lines[0] if choice == "first" else "\n".join(lines))]
