"""Checksums of files, and whether a file is the one that was promised."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

BLOCK = 1 << 20
STRENGTH = ("sha256", "git", "md5")
"""What is recorded of a file; `git` is the SHA-1 of its blob, as git names it."""


def checksums(path: Path, kinds: Iterable[str]) -> dict[str, str]:
    """Several checksums of a file in one reading."""
    size = path.stat().st_size
    digests = {kind: _new(kind, size) for kind in kinds}
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            for digest in digests.values():
                digest.update(block)
    return {kind: digest.hexdigest() for kind, digest in digests.items()}


def differs(path: Path, size: int | None, promised: Mapping[str, str]) -> str:
    """Why a file is not the promised one; empty if it is. The size is looked at first."""
    found = path.stat().st_size
    if size is not None and found != size:
        return f"it has {found} bytes, not {size}"
    have = checksums(path, promised)
    wrong = [f"its {k} is {have[k]}, not {promised[k]}" for k in promised if have[k] != promised[k]]
    return "; ".join(wrong)


def _new(kind: str, size: int) -> "hashlib._Hash":
    if kind == "git":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.new(kind, usedforsecurity=False)
