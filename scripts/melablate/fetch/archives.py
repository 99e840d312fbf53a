"""Unpacking a zip file that nobody trusts: within its folder, whole, or not at all."""

import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .wanted import FetchError

LARGEST_GROWTH = 20
"""Audio hardly shrinks; an archive that grows more is a trap."""
SLACK = 100_000_000
MOST_MEMBERS = 200_000
NOISE = ("__MACOSX/",)
BLOCK = 1 << 20


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
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, archive, into.name)
            found = {}
            for done, (name, info) in enumerate(sorted(members.items()), 1):
                found[name] = _member(opened, info, work / name, into / name)
                step(done, len(members))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FetchError(f"{archive}: cannot be unpacked ({error}); fetch it again") from None
    _swap(work, into)
    return found


def size_unpacked(archive: Path, folder: str) -> int:
    """Bytes of all members."""
    with zipfile.ZipFile(archive) as opened:
        return sum(info.file_size for info in _members(opened, archive, folder).values())


def _members(opened: zipfile.ZipFile, archive: Path, folder: str) -> dict[str, zipfile.ZipInfo]:
    """Files by their path below the folder, after all of them were found harmless."""
    infos = [i for i in opened.infolist() if not i.filename.startswith(NOISE)]
    if len(infos) > MOST_MEMBERS:
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
    opened: zipfile.ZipFile, info: zipfile.ZipInfo, work: Path, old: Path
) -> dict[str, Any]:
    """One file, from where it is right already or else from the archive."""
    work.parent.mkdir(parents=True, exist_ok=True)
    for place in (work, old):
        same = place.is_file() and not place.is_symlink() and place.stat().st_size == info.file_size
        sha256, crc = _sums(place) if same else ("", -1)
        if crc == info.CRC:
            if place is old:
                shutil.copy2(old, work)
            return {"size": info.file_size, "sha256": sha256}
    aside = work.with_name(f".{work.name}.part")
    digest = hashlib.sha256()
    with opened.open(info) as source, aside.open("wb") as target:
        while block := source.read(BLOCK):  # its end raises where the CRC differs
            digest.update(block)
            target.write(block)
    aside.replace(work)
    return {"size": info.file_size, "sha256": digest.hexdigest()}


def _sums(path: Path) -> tuple[str, int]:
    digest, crc = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            crc = zlib.crc32(block, crc)
    return digest.hexdigest(), crc


def _swap(work: Path, into: Path) -> None:
    """Put the new folder in the place of an older one."""
    old = work.with_name(work.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    into.parent.mkdir(parents=True, exist_ok=True)
    if into.exists():
        into.replace(old)
    work.replace(into)
    shutil.rmtree(old, ignore_errors=True)
