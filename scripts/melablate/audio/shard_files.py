"""The shards of a folder of images: all of them, or an error."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..parquet_errors import whole_parquet

NAME = "images-{number:05d}-of-{count:05d}.parquet"


def shard_files(path: Path) -> list[Path]:
    """The shards in their order, or the one file that `path` is."""
    if path.is_file():
        return [path]
    found = sorted(path.glob("images-*-of-*.parquet"))
    count = len(found)
    names = [NAME.format(number=number, count=count) for number in range(count)]
    if not found or [file.name for file in found] != names:
        raise SystemExit(
            f"{path}: {count} files images-*-of-*.parquet, which are not a whole set of shards; "
            "remove the folder and run the workflow again, which makes it anew"
        )
    return found


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of all shards, as Python values."""
    found: dict[str, list[Any]] = {name: [] for name in columns}
    for file in shard_files(path):
        with whole_parquet(file):
            table = pq.read_table(file, columns=list(columns))
            for name in columns:
                found[name] += table[name].to_pylist()
    return found
