"""The manifest: one row a track, with what was found and why a track was set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..files import writing
from ..parquet_errors import whole_parquet

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
        ("license_text", pa.string()),
        ("loudness_lufs", pa.float64()),
        ("peak_db", pa.float64()),
        ("silence_share", pa.float64()),
        ("clipped_share", pa.float64()),
        ("dropped_caption_ids", pa.list_(pa.string())),
        ("dropped_reasons", pa.list_(pa.string())),
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
    license_text: str = ""
    loudness_lufs: float | None = None
    """None for audio too short or too quiet to measure, or not looked at."""
    peak_db: float | None = None
    """None for digital silence, or audio not looked at."""
    silence_share: float | None = None
    clipped_share: float | None = None
    dropped_caption_ids: tuple[str, ...] = ()
    """Captions of a track in use that are not used themselves …"""
    dropped_reasons: tuple[str, ...] = ()
    """… and why."""


def write_manifest(path: Path, rows: Sequence[Row]) -> None:
    """Write the rows as Parquet."""
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names}
    with writing(path) as aside:
        pq.write_table(pa.table(columns, schema=SCHEMA), aside)


def read_manifest(path: Path) -> list[Row]:
    """The rows of a manifest."""
    with whole_parquet(path):
        rows: list[dict[str, Any]] = pq.read_table(path, schema=SCHEMA).to_pylist()
        return [Row(**{name: _frozen(value) for name, value in row.items()}) for row in rows]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
