"""GPUs of one machine, each given to one process at a time.

A GPU is held by the lock of an open file, which the kernel takes back when the last process that
has it open ends, however it ends; nothing is left behind to be cleaned up. A program that is
started in place of this one (exec) goes on holding it.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from ..progress import say
from .visible import Gpu

FOLDER = Path(os.environ.get("MELABLATE_GPU_LOCKS", "/tmp/melablate-gpus"))
"""One for all users of the machine; never on a file system that several machines share."""
LOOK = 0.2
"""Seconds between two looks for a free one."""


def take(gpus: Sequence[Gpu], count: int, folder: Path = FOLDER) -> list[Gpu]:
    """Wait until so many are free at once, and hold them until this process ends.

    In the order of asking, so that one who wants several is not passed for ever by those who
    want one; and all or none, so that no two wait for each other.
    """
    _make(folder)
    names = "\n".join(sorted(gpu.name for gpu in gpus))
    turn_name = f"turn-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
    waiting = cache(partial(say, f"waiting for {count} of {len(gpus)} GPUs: others hold them"))
    try:
        turn = _lock(folder, turn_name, fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()  # said once
        turn = _lock(folder, turn_name)
    try:
        while len(held := _free(gpus, count, folder)) < count:
            for _, file in held:
                os.close(file)
            waiting()
            time.sleep(LOOK)
    finally:
        os.close(turn)
    for _, file in held:
        os.set_inheritable(file, True)
    return [gpu for gpu, _ in held]


def _free(gpus: Sequence[Gpu], count: int, folder: Path) -> list[tuple[Gpu, int]]:
    """Up to so many that nobody holds, held now."""
    held: list[tuple[Gpu, int]] = []
    for gpu in gpus:
        if len(held) == count:
            break
        with suppress(BlockingIOError):
            held.append((gpu, _lock(folder, gpu.name, fcntl.LOCK_NB)))
    return held


def _lock(folder: Path, name: str, flag: int = 0) -> int:
    """A file that is locked, and is still the one of that name: what cleans /tmp may remove it."""
    path = folder / name.replace("/", "_")
    while True:
        file = _open(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | flag)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), path.stat(follow_symlinks=False)):
                    return file
        except BlockingIOError:
            os.close(file)
            raise
        os.close(file)


def _make(folder: Path) -> None:
    with suppress(OSError):  # there already; or told where a file cannot be opened
        folder.mkdir()
        folder.chmod(0o1777)  # others put their files there too


def _open(path: Path) -> int:
    """A file to lock, made where it is missing, for all users: whatever the umask of the first."""
    try:
        with suppress(FileExistsError):
            made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o666)
            os.fchmod(made, 0o666)
            os.close(made)
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with suppress(PermissionError):
            os.utime(file)  # what cleans /tmp takes old files
        return file
    except OSError as error:
        raise SystemExit(
            f"GPUs are handed out by locks in {path.parent}, which cannot be used ({error}): have "
            "its owner remove it, or name another by MELABLATE_GPU_LOCKS (a folder of this "
            "machine, the same for all who use its GPUs)"
        ) from None
