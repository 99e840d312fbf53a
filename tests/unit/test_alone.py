"""Nobody trains a run that is being trained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from melablate.training.alone import alone

SCRIPT = Path(__file__).parents[2] / "scripts/train_lora.py"


def test_a_second_process_is_told_of_the_first(tmp_path: Path) -> None:
    prefix = tmp_path / "arm/train"
    with alone(prefix), alone(tmp_path / "arm/other"):
        told = rf"process {os.getpid()} .*is training this run"
        with pytest.raises(SystemExit, match=told), alone(prefix):
            pass
        line = [sys.executable, str(SCRIPT), "--settings", "{}", "--seed", "0", "--base", "b"]
        line += ["--identity", "a" * 12, "--out", f"{prefix}.safetensors"]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 1
        assert "end it" in done.stderr and "Traceback" not in done.stderr
    with alone(prefix):
        assert [path.name for path in (tmp_path / "arm").iterdir()] == [".train.lock"]
    assert not list((tmp_path / "arm").iterdir())


def test_a_lock_that_was_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    """As after `kill -9`: the file stays, the system's lock does not."""
    child = os.fork()
    if not child:
        with alone(tmp_path / "train"):
            os._exit(9)
    os.waitpid(child, 0)
    assert (tmp_path / ".train.lock").exists()
    with alone(tmp_path / "train"):
        pass
    assert not (tmp_path / ".train.lock").exists()
