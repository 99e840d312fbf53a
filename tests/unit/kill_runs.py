"""Signals a training run at random moments, then lets it through: `python kill_runs.py JSON`.

A program of its own: it imports once, then forks a child a try, so that a kill costs no import.
Prints the exit codes of all tries.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import peft
import training_runs
from diffusers.models.unets import unet_2d_condition
from melablate.training import job
from melablate.training.signals import Stop
from transformers.models.clip import modeling_clip, tokenization_clip

IMPORTED = (peft, unet_2d_condition, job, modeling_clip, tokenization_clip)


def attempt(spec: dict[str, Any]) -> int:
    """The pid of a child that trains."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        training_runs.run(
            Path(spec["base"]),
            Path(spec["out"]),
            spec["settings"],
            Path(spec["latents"]),
            save_every=spec["save_every"],
        )
        code = 0
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
        if code == 1:
            print(leave.code, file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


def strike(child: int, out: Path, number: int, saves: int, wait: float) -> int:
    """Signal the child so long after so many further saves; not before there is any state."""
    seen, before = 0, written(out)
    while seen < saves or not written(out):
        time.sleep(0.002)
        if written(out) != before:
            seen, before = seen + 1, written(out)
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
    time.sleep(wait)
    os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def written(out: Path) -> int:
    """When the state was saved; 0 before."""
    for state in out.parent.glob(out.name + ".resume-*/state.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            return state.stat().st_mtime_ns
    return 0


def main() -> None:
    spec = json.loads(sys.argv[1])
    Stop()  # children have it from their first moment, as the command line does
    moments = random.Random(0)
    codes: list[int] = []
    for name in spec["signals"]:
        # At once too, while it still loads; else shortly after, or within, one of the next saves.
        saves, wait = moments.randint(0, 2), moments.uniform(0.0, spec["within"])
        child = attempt(spec)
        codes.append(strike(child, Path(spec["out"]), getattr(signal, name), saves, wait))
        if codes[-1] in (0, 1):  # through, or an error
            break
    if 0 not in codes:
        codes.append(os.waitstatus_to_exitcode(os.waitpid(attempt(spec), 0)[1]))
    print(json.dumps(codes))


if __name__ == "__main__":
    main()
