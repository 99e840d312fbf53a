"""Files that are whole or absent: everything is written aside, then renamed."""

import glob
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ASIDE = re.compile(r"\..*\.[0-9a-f]{12}(\.\w+)?")
DAY = 24 * 3600
OLD = ".old"
LIST = ".written.json"
"""In a folder that was written whole: the names of its files."""
SNAKEMAKE = ".snakemake_timestamp"
SHOWN = 3


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; on success it takes that name, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path, path.suffix)
    aside.touch(exist_ok=False)
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """The same for a folder; an older one is replaced if all in it was written so.

    A hidden list tells what was written: nobody's own files go with an older folder.
    """
    _stop_if_foreign(path)
    path = path.resolve()  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    aside, old = _aside(path), _aside(path, OLD)
    aside.mkdir()
    try:
        yield aside
        (aside / LIST).write_text(json.dumps(sorted(_files(aside))) + "\n", encoding="utf-8")
        if path.exists():
            path.replace(old)  # at once, unlike removing it
        aside.replace(path)
    finally:
        if old.exists() and not path.exists():  # interrupted between the two
            old.replace(path)
        for left in (aside, old):
            shutil.rmtree(left, ignore_errors=True)


def _stop_if_foreign(folder: Path) -> None:
    """Before any work; an error of the user's, for the workflow's own folders are known."""
    if not folder.exists():
        return
    mend = "Give another --out, or move away what is there."
    if not folder.is_dir():
        raise SystemExit(f"{folder} is a file, and a folder is to be written there. {mend}")
    try:
        listed = set(json.loads((folder / LIST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        listed = set()
    foreign = sorted(_files(folder) - listed - {LIST})
    if foreign:
        raise SystemExit(
            f"{folder} would be replaced, and holds what was not written here: "
            f"{', '.join(foreign[:SHOWN])}{' …' if foreign[SHOWN:] else ''}. {mend}"
        )


def _files(folder: Path) -> set[str]:
    """Names of all files below a folder, without those by which Snakemake marks its own."""
    files = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in files if path.name != SNAKEMAKE)
    return set(names)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with writing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes whole or not at all."""
    with writing(path) as aside:
        aside.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON with sorted keys, whole or not at all."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _aside(path: Path, end: str = "") -> Path:
    """A new hidden name beside a path; those that a kill left there a day ago are removed.

    Not the older one that it left while there is no newer: it is all that there is.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with suppress(OSError):
            only = left.suffix == OLD and not path.exists()
            past = time.time() - left.stat().st_mtime > DAY
            if ASIDE.fullmatch(left.name) and past and not only:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{end}")
