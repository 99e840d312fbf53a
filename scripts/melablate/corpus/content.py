"""Which files of a given corpus are read: only these are its content."""

import csv
from collections.abc import Callable
from pathlib import Path

from .folder import TABLE_SUFFIXES, find_table
from .layout import LICENSES, TABLE, audio_file
from .paths import AUDIO_SUFFIXES
from .settings import Folder, SongDescriber
from .sidecars import SUFFIXES


def is_read(corpus: SongDescriber | Folder) -> Callable[[Path], bool]:
    """Tells the files that a stage may read from notes and archives beside them."""
    folder = Path(corpus.path)
    return _in_folder(corpus, folder) if isinstance(corpus, Folder) else _in_layout(folder)


def _in_layout(folder: Path) -> Callable[[Path], bool]:
    """Song Describer's: the table, the licences, and the audio that the table names."""
    named = _named(folder / TABLE)

    def is_read(path: Path) -> bool:
        inside = path.relative_to(folder)
        if len(inside.parts) == 1:
            return inside.name in (TABLE, LICENSES)
        within = inside.parts[0] == "audio"
        return within and (named is None or inside.relative_to("audio").as_posix() in named)

    return is_read


def _named(table: Path) -> set[str] | None:
    """Files that the table names; None where it cannot tell, and the scan will say why."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            paths = {row["path"] for row in csv.DictReader(file)}
        return {audio_file(path) for path in paths if path}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None


def _in_folder(corpus: Folder, folder: Path) -> Callable[[Path], bool]:
    """Any music; texts beside it only where no table has the captions."""
    try:
        table = find_table(folder, corpus.table)
    except SystemExit:  # several: the scan says so
        table = None
    texts = SUFFIXES if table is None else ()

    def is_read(path: Path) -> bool:
        suffix = path.suffix.lower()
        top = suffix in TABLE_SUFFIXES and path.parent == folder
        return path == table or top or suffix in AUDIO_SUFFIXES or path.suffix in texts

    return is_read
