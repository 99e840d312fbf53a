"""Unpacking a zip file that nobody trusts: within its folder, whole, or not at all."""

import contextlib
import errno
import hashlib
import lzma
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .wanted import FetchError

LARGEST_GROWTH = 20
"""Audio hardly shrinks; an archive that grows more is a trap."""
SLACK = 100_000_000
MOST_MEMBERS = 200_000
NOISE = ("__MACOSX/",)
BLOCK = 1 << 20
# What zipfile raises where bytes are not as they should be
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(RuntimeError, ValueError, OverflowError, MemoryError),
)


def unpack(
    archive: Path,
    into: Path,
    work: Path,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, dict[str, Any]]:
    """Unpack into the folder `into`, which appears whole; size and SHA-256 of every file.

    What an interrupted run unpacked into `work` is kept, and so are right files that are in
    `into` already. Every file's checksum is compared with the archive's own.
    """
    with _opened(archive) as opened:
        members = _members(opened, archive, into.name)
        there = {name: _sha256(into / name, info) for name, info in members.items()}
        found = dict[str, dict[str, Any]]()
        for done, (name, info) in enumerate(sorted(members.items()), 1):
            sha256 = there[name]
            if not all(there.values()):
                sha256 = _member(opened, info, work / name, into / name, sha256)
            found[name] = {"size": info.file_size, "sha256": sha256}
            step(done, len(members))
    if not all(there.values()):
        _swap(work, into, there)
    return found


def size_unpacked(archive: Path, folder: str) -> int:
    """Bytes of all members."""
    with _opened(archive) as opened:
        return sum(info.file_size for info in _members(opened, archive, folder).values())


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what is wrong with it is told as one kind of error."""
    problem: Exception
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
            return
    except BROKEN as error:
        problem = error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's start
            raise
        problem = error
    raise FetchError(f"{archive}: cannot be unpacked ({problem}); fetch it again")


def _members(opened: zipfile.ZipFile, archive: Path, folder: str) -> dict[str, zipfile.ZipInfo]:
    """Files by their path below the folder, after all of them were found harmless."""
    infos = [i for i in opened.infolist() if not i.filename.startswith(NOISE)]
    if len(infos) > MOST_MEMBERS or not infos:
        raise FetchError(f"{archive}: {len(infos)} members; nothing was unpacked")
    for info in infos:
        problem = _harm(info)
        if problem:
            raise FetchError(f"{archive}: {info.filename!r} {problem}; nothing was unpacked")
    files = [info for info in infos if not info.is_dir()]
    total = sum(info.file_size for info in files)
    if total > archive.stat().st_size * LARGEST_GROWTH + SLACK:
        raise FetchError(f"{archive}: would grow to {total} bytes; nothing was unpacked")
    top = f"{folder}/"
    cut = len(top) if files and all(info.filename.startswith(top) for info in files) else 0
    named = {info.filename[cut:]: info for info in files}
    folders = {str(parent) for name in named for parent in Path(name).parents}
    if len(named) != len(files) or folders & named.keys():
        raise FetchError(f"{archive}: two members have one name; nothing was unpacked")
    return named


def _harm(info: zipfile.ZipInfo) -> str:
    """Why a member must not be unpacked."""
    # orig_filename: zipfile cuts at a NUL and turns other separators round
    name = info.orig_filename
    parts = name.rstrip("/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith("/") or "\\" in name or "\0" in name or ":" in parts[0]:
        return "is no path within a folder"
    if any(part in ("", ".", "..") for part in parts):
        return "leads out of its folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if info.flag_bits & 1:
        return "is encrypted"
    return ""


def _member(
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, work: Path, old: Path, sha256: str
) -> str:
    """One file, from where it is right already or else from the archive; its SHA-256."""
    before = _sha256(work, info)
    if before:
        return before
    work.parent.mkdir(parents=True, exist_ok=True)
    aside = work.with_name(f".{work.name}.part")
    aside.unlink(missing_ok=True)
    if sha256:
        _link(old, aside)
    else:
        digest = hashlib.sha256()
        with opened.open(info) as source, aside.open("xb") as target:
            while block := source.read(BLOCK):  # its end raises where the CRC differs
                digest.update(block)
                target.write(block)
        sha256 = digest.hexdigest()
    aside.replace(work)
    return sha256


def _link(old: Path, new: Path) -> None:
    """The same file under a second name, or a copy where that cannot be."""
    try:
        new.hardlink_to(old)
    except OSError:
        shutil.copy2(old, new)


def _sha256(path: Path, info: zipfile.ZipInfo) -> str:
    """Of a file that is what the archive holds; empty if it is not."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size != info.file_size:
        return ""
    digest, crc = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            crc = zlib.crc32(block, crc)
    return digest.hexdigest() if crc == info.CRC else ""


def _swap(work: Path, into: Path, there: dict[str, str]) -> None:
    """Put the new folder in the place of an older one; what only that one had is kept aside."""
    if into.is_symlink():
        raise FetchError(
            f"{into}: is a link to a folder that does not hold all of the archive; complete that "
            "folder or remove the link"
        )
    into.parent.mkdir(parents=True, exist_ok=True)
    if not into.exists():
        work.replace(into)
        return
    old = Path(tempfile.mkdtemp(prefix=f"{work.name}.old-", dir=work.parent)) / work.name
    into.replace(old)
    work.replace(into)
    for name in (name for name, sha256 in there.items() if sha256):
        (old / name).unlink()
    for folder, _, _ in os.walk(old.parent, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    if old.exists():
        print(f"{into}: files that are not the archive's were moved to {old}", flush=True)
