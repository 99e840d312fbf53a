"""Lists of captions or tracks that others published, such as Song Describer's without singing."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .table_file import read_csv, read_text, stop

COLUMNS = ("caption_id", "track_id")


@dataclass(frozen=True)
class IdList:
    """Ids of captions or of tracks."""

    name: str
    column: str
    ids: frozenset[str]

    def holds(self, track_id: str, caption_id: str) -> bool:
        """Whether a caption is listed, by itself or with its track."""
        return (caption_id if self.column == "caption_id" else track_id) in self.ids

    def unknown(self, tracks: Collection[str], captions: Collection[str]) -> list[str]:
        """What it lists that the corpus does not have."""
        known = captions if self.column == "caption_id" else tracks
        return sorted(self.ids.difference(known))


def read_list(path: Path) -> IdList:
    """A CSV with a column caption_id or track_id, or one track's id a line (# begins a comment).

    Columns are separated by what separates the names in the first line, whatever the file's name.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    first = next(iter(lines), "")
    separator = "\t" if "\t" in first else ","
    head = [name.strip().strip('"') for name in first.split(separator)]
    column = next((name for name in COLUMNS if name in head), None)
    if column:
        rows = read_csv(path, (column,), separator)
        ids = frozenset(str(row.values[column]).strip() for row in rows)
    elif len(head) > 1:
        mend = f"name the column of ids {' or '.join(COLUMNS)}"
        raise stop(path, 1, "a table without a column caption_id or track_id", mend)
    else:
        column = "track_id"
        ids = frozenset(line for line in lines if line and not line.startswith("#"))
    if not ids:
        raise stop(path, None, "lists nothing", "write one id a line")
    return IdList(path.name, column, ids)
