"""The folder of all assets: what is promised of its files, and which were found right.

`fetch.lock.json` holds the promises and may be committed. `.fetch/seen.json` holds the sizes,
times and inodes of files whose checksum was right, so that gigabytes are not read again.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import write_json
from .checksums import checksums, differs
from .wanted import FetchError

LOCK = "fetch.lock.json"
HIDDEN = ".fetch"
READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


class Shelf:
    """A folder of assets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = _read(folder / LOCK, strict=True).get("assets")
        self.recorded: dict[str, Any] = found if isinstance(found, dict) else {}
        self._seen: dict[str, list[Any]] = _read(folder / HIDDEN / "seen.json")
        self._looked_at: dict[str, list[Any]] = {}

    @property
    def hidden(self) -> Path:
        """Parts, and what is being unpacked; in the same file system as the assets."""
        return self.folder / HIDDEN

    def probably(self, path: str, promised: Mapping[str, Any]) -> str:
        """`right`, `missing`, or `unsure`: it must be read before anyone can tell."""
        try:
            stat = _stat(self.folder / path)
        except FileNotFoundError:
            return "missing"
        known = self._seen.get(path)
        right = [*stat, promised.get("sha256")]
        return "right" if known == right and promised["size"] in (None, stat[0]) else "unsure"

    def wrong(self, path: str, promised: Mapping[str, Any]) -> str:
        """Why a file that is there is not the promised one; empty if it is."""
        file = self.folder / path
        if self.probably(path, promised) == "right":
            return ""
        kinds = {k: promised[k] for k in ("sha256", "git", "md5") if promised.get(k)}
        if "sha256" in kinds:
            kinds = {"sha256": kinds["sha256"]}
        stat = _stat(file)
        said = differs(file, promised["size"], kinds)
        if not said:
            self.remember(path, kinds.get("sha256") or checksums(file, ("sha256",))["sha256"], stat)
        return said

    def remember(self, path: str, sha256: str, stat: list[int] | None = None) -> None:
        """A file was found right."""
        self._looked_at[path] = [*(stat or _stat(self.folder / path)), sha256]
        self._seen[path] = self._looked_at[path]

    def sha256(self, path: str) -> str:
        """Of a file that was found right."""
        return str(self._seen[path][-1])

    def promise(self, asset: str, entry: Mapping[str, Any]) -> None:
        """Record what an asset's files must be."""
        if self.recorded.get(asset) != entry:
            self.recorded[asset] = dict(entry)
            write_json(self.folder / LOCK, {"version": 1, "assets": self.recorded})

    def save(self) -> None:
        """Keep what was found right, with what others found since; a reader needs not."""
        if not self._looked_at:
            return
        file = self.hidden / "seen.json"
        try:
            write_json(file, _read(file) | self._looked_at)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
        self._looked_at = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One fetch at a time; the lock falls with its process."""
        self.hidden.mkdir(parents=True, exist_ok=True)
        with (self.hidden / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"another fetch is at work in {self.folder}; waiting for it", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                print(f"{self.folder}: no locks there ({error}); let only one fetch run at a time")
            yield


def _stat(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _read(path: Path, strict: bool = False) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        if not strict:
            return {}
        raise FetchError(
            f"{path}: cannot be read ({error}); restore it, or remove it: then checksums are "
            "asked for anew"
        ) from None
    if isinstance(found, dict):
        return found
    if strict:
        raise FetchError(f"{path}: is no record of assets; remove it")
    return {}


def free_space(folder: Path) -> int:
    """Bytes that may be written there."""
    while not folder.exists():
        folder = folder.parent
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize
