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
    """The same for a folder; an older folder of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside, old = _aside(path), _aside(path, ".old")
    aside.mkdir()
    try:
        yield aside
        if path.exists():
            path.replace(old)  # at once, unlike removing it
        aside.replace(path)
    finally:
        for left in (aside, old):
            shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with writing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON with sorted keys, whole or not at all."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _aside(path: Path, end: str = "") -> Path:
    """A new hidden name beside a path; those that a kill left there a day ago are removed."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with suppress(OSError):
            if ASIDE.fullmatch(left.name) and time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{end}")
