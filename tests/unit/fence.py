"""Command lines behind a fence: apart like processes, quick like calls.

A process imports the scripts once and runs nothing itself; each run is a fork of it with a
deadline, a memory limit and a list of the places where it wrote. Run as a script, it is that
process: a line of JSON in, a line of JSON out.
"""

import faulthandler
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 60.0
"""A run that needs longer hangs; the slowest takes about one on an idle machine."""
MEGABYTES = 600
"""More than a run may ask for beyond what its imports take."""
STACKS_MB = 1024
"""Addresses, not memory: what threads reserve for their stacks and heaps."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    ending: str
    """`done`, `stopped` (SystemExit with a message), `crashed` (any other error, or a signal) or
    `hung`."""
    said: str
    """The message it stopped with, or its traceback."""
    printed: str
    wrote: tuple[str, ...]
    """Files and folders that it opened for writing, made, renamed or removed."""
    megabytes: int
    """The most memory that it took beyond its imports."""


class Fence:
    """`run` one script after another; modules are those that it imports beforehand."""

    def __init__(self, *modules: str) -> None:
        here = Path(__file__).resolve()
        paths = os.pathsep.join([str(here.parents[2] / "scripts"), str(here.parent)])
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(here), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        )

    def run(self, module: str, *arguments: object, function: str = "main", folder: Path) -> Ran:
        """Call a module's function with a command line, in a folder."""
        asked = {
            "module": module,
            "function": function,
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
        }
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Ran(**answer | {"wrote": tuple(answer["wrote"])})

    def close(self) -> None:
        """The process ends with its input."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()


def everything(folder: Path) -> dict[Path, bytes | str]:
    """What lies in a folder; links are not followed."""
    found: dict[Path, bytes | str] = {}
    for root, folders, names in os.walk(folder):
        for path in (Path(root) / name for name in (*folders, *names)):
            plain = path.is_file() and not path.is_symlink()
            found[path] = path.read_bytes() if plain else f"{path.lstat().st_mode}"
    return found


def serve(modules: list[str]) -> None:
    """Answer each line until there are no more."""
    for name in modules:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_fork(json.loads(line))) + "\n")
        answers.flush()


def _fork(asked: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = os.pipe()
    printed = Path(asked["folder"]) / ".printed"
    before = _resident()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _run(asked, printed, theirs)
    os.close(theirs)
    told, hung = b"", False
    while True:
        ready, _, _ = select.select([ours], [], [], SECONDS)
        part = os.read(ours, 1 << 16) if ready else b""
        told += part
        if not part:
            hung = not ready
            break
    os.close(ours)
    if hung:
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    answer = {"ending": "crashed", "said": f"status {status}", "wrote": []}
    if told and not hung:
        answer = json.loads(told)
    answer["printed"] = printed.read_text(errors="replace")
    printed.unlink()
    ending = "hung" if hung else answer["ending"]
    return answer | {"ending": ending, "megabytes": used.ru_maxrss // 1024 - before}


def _run(asked: dict[str, Any], printed: Path, answers: int) -> None:
    """In the fork; never returns."""
    wrote: list[str] = []
    ending, said = "done", ""
    try:
        for stream in (1, 2):
            os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        faulthandler.enable()
        os.chdir(asked["folder"])
        limit = (_addresses() + MEGABYTES + STACKS_MB) * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        sys.argv = [asked["module"], *asked["arguments"]]
        sys.addaudithook(lambda event, given: _watch(event, given, wrote))
        getattr(importlib.import_module(asked["module"]), asked["function"])()
    except SystemExit as stop:
        ending, said = ("stopped", str(stop.code)) if stop.code else ("done", "")
    except BaseException:
        ending, said = "crashed", traceback.format_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    answer = json.dumps({"ending": ending, "said": said, "wrote": wrote}).encode()
    while answer:
        answer = answer[os.write(answers, answer) :]
    os._exit(0)


def _watch(event: str, given: tuple[Any, ...], wrote: list[str]) -> None:
    """Python's own list of what may be worth watching (PEP 578)."""
    if event == "open" and not (isinstance(given[2], int) and given[2] & WRITES):
        return
    if event in ("os.remove", "os.rmdir") and given[-1] != -1:
        return  # a name within a folder that is removed with all that is in it
    changes = ("open", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.rename")
    if event in (*changes, "os.symlink"):
        paths = given[:2] if event in ("os.rename", "os.symlink") else given[:1]
        wrote += [os.path.abspath(os.fsdecode(p)) for p in paths if not isinstance(p, int)]  # noqa: PTH100
    if event.startswith("socket."):
        wrote.append(f"{event} {given}")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20


def _addresses() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() >> 20


if __name__ == "__main__":
    serve(sys.argv[1:])
