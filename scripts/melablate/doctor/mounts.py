"""Which file system a folder is on."""

import os
from dataclasses import dataclass
from pathlib import Path

NETWORK = {
    "nfs", "nfs4", "lustre", "gpfs", "beegfs", "fhgfs", "ceph", "cifs", "smb3", "panfs", "wekafs",
    "afs", "glusterfs", "pvfs2", "orangefs", "9p", "virtiofs", "vast",
    "fuse.sshfs", "fuse.glusterfs", "fuse.juicefs", "fuse.ceph-fuse",
}  # fmt: skip
"""Kinds that several machines can see."""


@dataclass(frozen=True)
class Mount:
    """Where a file system begins, its kind, and what it comes from."""

    place: str
    kind: str
    source: str

    @property
    def shared(self) -> bool:
        """Whether other machines may see it."""
        return self.kind in NETWORK


def mount_of(folder: Path, table: Path = Path("/proc/self/mountinfo")) -> Mount | None:
    """The innermost file system above a folder (proc(5)); none where it cannot be told."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    real, found = os.path.realpath(folder), None
    for line in lines:
        before, _, after = line.partition(" - ")
        place = _unescaped(before.split()[4])
        kind, source = after.split()[:2]
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        # Of equal places the last one covers the others.
        if inside and (found is None or len(place) >= len(found.place)):
            found = Mount(place, kind, _unescaped(source))
    return found


def _unescaped(word: str) -> str:
    return word.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
