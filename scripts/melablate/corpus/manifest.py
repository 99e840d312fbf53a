"""The manifest: one row a track, with what was found and why a track was set aside."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..files import writing

SCHEMA = pa.schema(
    [
        ("track_id", pa.string()),
        ("path", pa.string()),
        ("captions", pa.list_(pa.string())),
        ("caption_ids", pa.list_(pa.string())),
        ("artist_id", pa.string()),
        ("album_id", pa.string()),
        ("split", pa.string()),
        ("audio_sha256", pa.string()),
        ("seconds", pa.float64()),
        ("sample_rate", pa.int32()),
        ("channels", pa.int32()),
        ("license", pa.string()),
        ("excluded", pa.string()),
    ]
)


@dataclass(frozen=True)
class Row:
    """A track; one that is set aside has a reason in `excluded` and no split."""

    track_id: str
    path: str
    captions: tuple[str, ...]
    caption_ids: tuple[str, ...]
    artist_id: str
    album_id: str
    license: str
    split: str = ""
    audio_sha256: str = ""
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    excluded: str = ""


def write_manifest(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as Parquet."""
    columns = {name: [asdict(row)[name] for row in rows] for name in SCHEMA.names}
    with writing(path) as aside:
        pq.write_table(pa.table(columns, schema=SCHEMA), aside)


def write_excluded(path: Path, rows: Sequence[Row]) -> None:
    """Write what was set aside and why, for people."""
    with writing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("track_id", "path", "reason"))
        writer.writerows((row.track_id, row.path, row.excluded) for row in rows if row.excluded)
