"""The recipes of containers hold the lock, and their commands do what they say."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ENVS = Path(__file__).parents[2] / "envs"
INDEX = "https://index.example/whl/cu126"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    words = [sys.executable, ENVS / "make_containers.py", "--out", tmp_path / "made"]
    subprocess.run([*words, "--index", INDEX], check=True, capture_output=True)
    return tmp_path / "made"


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Instruction and rest, continued lines joined, as Docker reads them."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line.strip()]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def sections(definition: Path) -> dict[str, str]:
    """Apptainer's header and sections."""
    text = definition.read_text(encoding="utf-8")
    parts = re.split(r"^%(\w+).*$", text, flags=re.MULTILINE)
    return {"header": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def pins(lock: str) -> set[str]:
    lines = (ENVS / lock).read_text(encoding="utf-8").splitlines()
    return {pin for line in lines if (pin := line.split("#")[0].strip())}


def asked(commands: str) -> set[str]:
    return {word for word in shlex.split(commands) if re.search(r"^[\w.-]+==", word)}


def test_both_recipes_hold_the_whole_lock(made: Path) -> None:
    every = pins("melablate.lock.txt") | pins("data-packages.lock.txt")
    docker = instructions(made / "Dockerfile")
    assert {name for name, _ in docker} == {"FROM", "ENV", "SHELL", "RUN", "WORKDIR"}
    assert docker[0] == ("FROM", "python:3.11-slim-bookworm")
    runs = [rest for name, rest in docker if name == "RUN"]
    assert asked(" ".join(runs)) == every
    apptainer = sections(made / "melablate.def")
    assert set(apptainer) == {"header", "post", "environment", "runscript"}
    assert "Bootstrap: docker\nFrom: python:3.11-slim-bookworm" in apptainer["header"]
    assert asked(apptainer["post"].replace("\\\n", " ")) == every
    # Torch comes from the index that was named; what wants no dependencies gets none.
    torch = [run for run in runs if "torch==" in run and "open_clip" not in run]
    assert len(torch) == 2 and all(INDEX in run for run in torch)
    (alone,) = [run for run in runs if "--no-deps" in run]
    assert asked(alone) == pins("data-packages.lock.txt")


def test_shells_can_read_the_commands(made: Path) -> None:
    for name, rest in instructions(made / "Dockerfile"):
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True)
    for section in ("post", "environment", "runscript"):
        subprocess.run(["bash", "-n", "-c", sections(made / "melablate.def")[section]], check=True)


@pytest.mark.slow
def test_the_commands_make_an_environment(tmp_path: Path) -> None:
    """Docker's RUN lines, one after the other, with a venv's Python in place of the image's."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    words = [sys.executable, ENVS / "make_containers.py", "--out", tmp_path]
    subprocess.run(words, check=True, capture_output=True)
    path = os.pathsep.join([str(tmp_path / "venv/bin"), "/usr/bin", "/bin"])
    for name, rest in instructions(tmp_path / "Dockerfile"):
        if name == "RUN":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", rest],
                env={**os.environ, "PATH": path, "PYTHONNOUSERSITE": "1"},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
    freeze = [tmp_path / "venv/bin/python", "-m", "pip", "freeze", "--all"]
    frozen = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    assert pins("melablate.lock.txt") <= set(re.sub(r"\+\w+", "", frozen).splitlines())
