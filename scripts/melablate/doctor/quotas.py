"""What the user may still write: quotas, as the file system's own tool tells them."""

import getpass
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .findings import Finding, failure, ok, unknown, warning
from .mounts import Mount, mount_of
from .sizes import SPARE, size_words
from .tools import ask, present

OTHERS = {
    "gpfs": "mmlsquota",
    "beegfs": "beegfs-ctl --getquota --uid $USER",
    "ceph": "getfattr -n ceph.quota.max_bytes .",
}
"""Tools that sites wrap in commands of their own; what they say is left to people."""


@dataclass(frozen=True)
class Quota:
    """Kilobytes and files: used, and the least limit; none where there is no limit."""

    whose: str
    used: int
    limit: int | None
    files: int
    file_limit: int | None


def quotas(folder: Path, needed: float, files: int) -> Iterator[Finding]:
    """Every quota on a folder's file system against what will be written."""
    mount = mount_of(folder)
    if mount is None:
        yield unknown("quotas: the file system cannot be told", "ask your site")
        return
    if mount.kind == "lustre":
        known = [] if not present("lfs") else [*_lustre("-u", folder), *_lustre("-g", folder)]
        tool = f"lfs quota -h -u $USER {folder}"
    elif mount.kind in OTHERS:
        known, tool = [], OTHERS[mount.kind]
    else:
        known, tool = _linux(mount) if present("quota") else [], "quota -s"
        if present("quota") and not known:
            yield ok(f"no quota on {mount.place} ({mount.kind})")
            return
    if not known:
        yield unknown(f"quotas on {mount.place} ({mount.kind}): not known from here", tool)
    for quota in known:
        yield judged(quota, mount, needed, files)


def judged(quota: Quota, mount: Mount, needed: float, files: int) -> Finding:
    """Room that is left of a quota."""
    where = f"quota of {quota.whose} on {mount.place}"
    why = "writes fail when a quota is full, though the disk is not"
    mend = "remove what you do not need, ask your site for more, or link results elsewhere"
    if quota.limit:
        left = max(0, quota.limit - quota.used) * 1024
        what = f"{where}: {size_words(left)} left, about {size_words(needed)} needed"
        if left < needed or not left:
            return failure(what, why, mend)
        if left < SPARE * needed:
            return warning(what, why, mend)
    if quota.file_limit:
        left = max(0, quota.file_limit - quota.files)
        what = f"{where}: {left} files left, about {files} needed"
        if left < files or not left:
            return failure(what, why, mend)
    return ok(f"{where}: enough left")


def _linux(mount: Mount) -> list[Quota]:
    """`quota -w`: of the user and the group, a line for each file system (quota(1))."""
    found = []
    for option, whose in (("-u", getpass.getuser()), ("-g", "your group")):
        answer = ask("quota", option, "-w", "-p")  # it ends with 1 where a limit is reached
        for line in answer.out.splitlines():
            words = line.split()
            if len(words) >= 9 and words[0] in (mount.source, mount.place):
                found += [q] if (q := _of(words[1:9], whose)) else []
    return found


def _lustre(option: str, folder: Path) -> list[Quota]:
    """`lfs quota -q`: place, then the same columns, perhaps on the next line."""
    whose = getpass.getuser() if option == "-u" else _group()
    words = ask("lfs", "quota", "-q", option, whose, str(folder)).out.split()
    quota = _of(words[1:9], whose if option == "-u" else f"group {whose}")
    return [quota] if quota else []


def _of(words: list[str], whose: str) -> Quota | None:
    """used, quota, limit, grace, of kilobytes and then of files; a star where one is passed."""
    numbers = [int(match[0]) if (match := re.match(r"\d+", word)) else -1 for word in words]
    if len(numbers) < 8 or min(numbers[0:3] + numbers[4:7]) < 0:
        return None
    limits = [min((n for n in pair if n), default=None) for pair in (numbers[1:3], numbers[5:7])]
    return Quota(whose, numbers[0], limits[0], numbers[4], limits[1])


def _group() -> str:
    return ask("id", "-gn").out.strip()
