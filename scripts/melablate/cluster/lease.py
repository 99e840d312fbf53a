"""One process at a time trains a run: two would write the same state and the same outputs.

A Snakemake that was killed leaves its jobs alive and does not know them again; a node that was
taken for lost may come back. A lease is a file that names its holder and is touched as long as
that lives. It is taken by a hard link, which a shared file system also makes once only, where
locks of the system may not reach from one machine to the next, or not exist.
"""

import errno
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..progress import say
from .holder import Holder

BEAT = 10.0
"""Seconds between two touches."""
SILENT = 120.0
"""Seconds without one after which a holder of whom nothing else is known is taken for gone."""
LOOK = 1.0
"""Seconds between two looks at a lease that another one holds."""
TELL = 600.0
"""Seconds between two words on who is waited for."""
LOST = 75
"""Exit code of a run that may be gone on with: EX_TEMPFAIL, as after a signal."""
WITHOUT_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
"""What a file system says that has no hard links."""


def lock_of(prefix: Path) -> Path:
    """The lease of the run that writes `<prefix>.*`."""
    return prefix.with_name(f".{prefix.name}.lock")


@contextmanager
def alone(prefix: Path) -> Iterator[bool]:
    """Hold the run's lease, once its holder has ended; whether there was one that lived.

    A try that gave up instead would be followed by the next, until none is left, while the job
    that was taken for lost works on; and of a try that fails the outputs are removed, which that
    job may have made.
    """
    path, mine = lock_of(prefix), Holder.this(uuid.uuid4().hex)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        waited = _take(path, mine, prefix)
    except OSError as error:
        raise SystemExit(
            f"{prefix}: nothing can be written beside it ({error}). Make room below {path.parent}, "
            "or see whose it is, then run the same command again"
        ) from None
    done = threading.Event()
    threading.Thread(target=_keep, args=(path, mine, prefix, done), daemon=True).start()
    try:
        yield waited
    finally:
        done.set()
        if Holder.read(path) == mine:
            path.unlink(missing_ok=True)


def finished(prefix: Path, identity: str) -> bool:
    """Whether the run's weights, which are written last, are there and its own."""
    path = prefix.with_name(f"{prefix.name}.safetensors")
    try:
        with safe_open(path, "np") as weights:
            return (weights.metadata() or {}).get("identity") == identity
    except (OSError, SafetensorError):
        return False


def _take(path: Path, mine: Holder, prefix: Path) -> bool:
    """Whether it was waited for one that lived."""
    written = path.with_name(f"{path.name}.{mine.token}")
    first, told, lived = _beat(path), -TELL, False
    try:
        written.write_text(mine.text(), encoding="utf-8")
        while not _linked(written, path):
            holder = Holder.read(path)
            if (holder is not None and holder.gone()) or _silence(path, written) > SILENT:
                _remove(path, holder, written)
                continue
            lived = lived or (holder is not None and holder.system == mine.system)
            lived = lived or (first is not None and _beat(path) not in (first, None))
            if time.monotonic() - told >= TELL:
                told = time.monotonic()
                say(_awaited(prefix, holder))
            if signal.sigpending():  # held back by who waits, and nothing is held yet
                raise SystemExit(LOST)
            time.sleep(LOOK)
        return lived
    finally:
        written.unlink(missing_ok=True)


def _linked(written: Path, path: Path) -> bool:
    """Give what was written the lease's name, if nobody has it."""
    try:
        os.link(written, path)
    except FileExistsError:
        return written.stat().st_nlink == 2  # NFS may do it and lose the answer
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        with suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(written.read_text(encoding="utf-8"))
            return True
        return False
    return True


def _remove(path: Path, holder: Holder | None, written: Path) -> None:
    """Take away the lease of one that is gone, unless somebody else has: then it is another's."""
    claim = path.with_name(f"{path.name}.{holder.token if holder else 'unreadable'}")
    if not _linked(written, claim):
        if _silence(claim, written) > SILENT:  # it died at it
            claim.unlink(missing_ok=True)
        time.sleep(LOOK)
        return
    try:
        if Holder.read(path) == holder:
            path.unlink(missing_ok=True)
    finally:
        claim.unlink(missing_ok=True)


def _keep(path: Path, mine: Holder, prefix: Path, done: threading.Event) -> None:
    """Touch the lease; where another one has taken it, this process ends before it writes more."""
    while not done.wait(BEAT):
        try:
            kept = path.read_text(encoding="utf-8") == mine.text()
            if kept:
                os.utime(path)
        except FileNotFoundError:
            kept = False
        except OSError:  # the file system is away: others cannot take it either
            continue
        if not kept and not done.is_set():
            say(
                f"{prefix}: {path} is no longer held by this process, which had been silent for "
                "too long, or it was removed. It ends here, so that no two write the same files; "
                "run the same command again to go on"
            )
            os._exit(LOST)


def _beat(path: Path) -> int | None:
    """When the lease was touched last; opened, for a shared file system remembers old answers."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _silence(path: Path, written: Path) -> float:
    """Seconds since then, on the file system's own clock."""
    os.utime(written)
    now, then = _beat(written), _beat(path)
    return 0.0 if now is None or then is None else (now - then) / 1e9


def _awaited(prefix: Path, holder: Holder | None) -> str:
    return (
        f"{prefix}: {holder or 'another process'} is training this run already, perhaps left over "
        "from a Snakemake that was killed or on a node that was lost. Waiting until it ends, or "
        f"has given no sign of life for {SILENT:.0f} s; its result is taken if there is one. You "
        "may end it"
    )
