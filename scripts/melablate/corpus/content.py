"""Which files of a given corpus are read: only these are its content."""

import csv
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from .folder import TABLE_SUFFIXES, find_table, named_files
from .layout import LICENSES, TABLE, audio_file
from .paths import AUDIO_SUFFIXES, path_fault
from .settings import Folder, SongDescriber
from .sidecars import SUFFIXES


@dataclass(frozen=True)
class Content:
    """The files that a stage may read, told from notes and archives beside them."""

    counts: Callable[[Path], bool]
    """Whether a file of the folder is one of them."""
    named: frozenset[Path] = frozenset()
    """Those that the table names, whatever their suffix, in hidden folders too."""


def content_of(corpus: SongDescriber | Folder) -> Content:
    """What a corpus that is given consists of."""
    folder = Path(corpus.path)
    return _in_folder(corpus, folder) if isinstance(corpus, Folder) else _in_layout(folder)


def _in_layout(folder: Path) -> Content:
    """Song Describer's: the table, the licences, and the audio that the table names."""
    named = _named(folder / TABLE)

    def is_read(path: Path) -> bool:
        inside = path.relative_to(folder)
        if len(inside.parts) == 1:
            return inside.name in (TABLE, LICENSES)
        within = inside.parts[0] == "audio"
        return within and (named is None or inside.relative_to("audio").as_posix() in named)

    return Content(is_read, _inside(folder / "audio", named or ()))


def _named(table: Path) -> set[str] | None:
    """Files that the table names; None where it cannot tell, and the scan will say why."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            paths = {row["path"] for row in csv.DictReader(file)}
        return {audio_file(path) for path in paths if path}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None


def _in_folder(corpus: Folder, folder: Path) -> Content:
    """The table, what it names, and any music; texts only where no table has the captions."""
    try:
        table = find_table(folder, corpus.table)
        tables = {table} - {None}
        named = named_files(table, corpus.columns) if table else ()
    except SystemExit:  # several tables, or one that cannot be read: the scan says so
        tables, named = {p for p in folder.glob("*") if p.suffix.lower() in TABLE_SUFFIXES}, ()
    texts = () if tables else SUFFIXES

    def is_read(path: Path) -> bool:
        return path in tables or path.suffix.lower() in AUDIO_SUFFIXES or path.suffix in texts

    return Content(is_read, _inside(folder, named))


def _inside(folder: Path, names: Collection[str]) -> frozenset[Path]:
    return frozenset(folder / name for name in names if not path_fault(name))
