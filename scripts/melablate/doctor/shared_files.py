"""The file system that results are on: clock, times, renames, locks, and who can see it."""

import fcntl
import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk import existing
from .findings import Finding, failure, ok, unknown, warning
from .mounts import mount_of
from .patient import Patient
from .tools import ask

SKEW, FAR = 2.0, 60.0
"""Seconds that clocks may differ, and that make everything look older or newer than it is."""
LOOKED_AT = 20_000
"""Files whose times are read: more would take minutes on a shared file system."""
WRITTEN = ("results", "logs", ".snakemake")


def check(patient: Patient) -> Iterator[Finding]:
    """Everything that is written is removed again, and lies below the project's folder."""
    refused = [name for name in WRITTEN if not _writable(existing(patient.root / name))]
    for name in refused:
        why = "the run writes there"
        mend = f"chmod -R u+rwX {name}, or work in a clone of your own"
        yield failure(f"{patient.root / name}: may not be written", why, mend)
    if refused:
        return
    with _probe(patient.root) as folder:
        yield clock(folder)
        yield resolution(folder)
        yield from replacing(folder)
        yield locks(folder)
    yield future(patient.root / "results", time.time())
    yield seen_by_nodes(patient)


def clock(folder: Path) -> Finding:
    """The file system's clock against this machine's: on a server it is the server's."""
    file = folder / "clock"
    before = time.time()
    file.touch()
    after, stamped = time.time(), file.stat().st_mtime
    skew = max(before - stamped, stamped - after, 0.0)
    return skewed(skew, f"the clock of the file system and that of {socket.gethostname()}")


def skewed(skew: float, what: str) -> Finding:
    """What becomes of a difference of clocks."""
    why = "Snakemake tells by times which files are older than what they are made of"
    mend = "have the clocks set: timedatectl shows this one; NTP is the site's"
    if skew > FAR:
        return failure(f"{what} differ by {skew:.0f} s", why, mend)
    if skew > SKEW:
        return warning(f"{what} differ by {skew:.1f} s", why, mend)
    return ok(f"{what} agree (within {max(skew, 0.01):.2g} s)")


def future(results: Path, now: float) -> Finding:
    """Files that are newer than now stay newer than all that is made of them."""
    files = itertools.islice((p for p in results.rglob("*") if p.is_file()), LOOKED_AT)
    found = [path for path in files if path.stat().st_mtime > now + SKEW]
    if not found:
        return ok(f"no file in {results} is from the future")
    more = f" and {len(found) - 1} more" if found[1:] else ""
    why = "what is made of them seems older than they are, and would be made again and again"
    mend = f"touch -d now {found[0]}"
    if found[1:]:
        mend = f"find {results} -newermt now -exec touch {{}} +"
    return warning(f"{found[0]}{more}: newer than now", why, f"{mend} (once the clock is right)")


def resolution(folder: Path) -> Finding:
    """How finely times are told: of whole seconds, two files of a second look equally old."""
    stamps = []
    for number in range(3):
        file = folder / f"time-{number}"
        file.touch()
        stamps.append(file.stat().st_mtime_ns)
        time.sleep(0.011)
    if all(stamp % 1_000_000_000 == 0 for stamp in stamps):
        why = "files made within a second look equally old; Snakemake may not see which is newer"
        return warning("times of files are in whole seconds", why, "put results on another disk")
    return ok("times of files are finer than a second")


def replacing(folder: Path) -> Iterator[Finding]:
    """Files get their names by a rename over the old ones: whole or not at all."""
    old, new = folder / "old", folder / "new"
    old.write_text("old", encoding="utf-8")
    new.write_text("new", encoding="utf-8")
    new.replace(old)
    if old.read_text(encoding="utf-8") != "new" or new.exists():
        why = "half-written files could be taken for whole ones"
        yield failure("a rename does not replace a file here", why, "put results on another disk")


def locks(folder: Path) -> Finding:
    """flock for fetching, link() for what must not run twice."""
    file, lacking = folder / "lock", []
    try:
        with file.open("w") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lacking.append(f"flock ({error.strerror})")
    try:
        os.link(file, folder / "linked")
    except OSError as error:
        lacking.append(f"hard links ({error.strerror})")
    if lacking:
        why = "two runs or fetches at once would not notice each other"
        mend = "never start two at once in this folder, or put the project on another disk"
        return warning(f"not there: {', '.join(lacking)}", why, mend)
    return ok("renames replace, locks and hard links work")


def seen_by_nodes(patient: Patient) -> Finding:
    """Whether compute nodes can see the project's folder; only its kind can be told from here."""
    mount = mount_of(patient.root)
    if mount is None:
        return unknown(f"the file system of {patient.root}: not known", f"df -T {patient.root}")
    what = f"{patient.root} is on {mount.kind} ({mount.source})"
    if patient.site.executor == "local" or mount.shared:
        return ok(what)
    nodes = set(ask("sinfo", "--noheader", "--format", "%n").out.split())
    if nodes and nodes <= {socket.gethostname(), socket.gethostname().partition(".")[0]}:
        return ok(f"{what}, and all nodes are this machine")
    why = "jobs run in this folder on other machines; a disk of the login node alone is not there"
    return warning(
        f"{what}, which looks like a disk of this machine alone",
        why,
        f"srun ls -d {patient.root}   # if it is not found: work in a folder that nodes share",
    )


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


@contextmanager
def _probe(root: Path) -> Iterator[Path]:
    """A folder of our own, where results are written, and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".doctor-", dir=existing(root / "results")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
