"""One environment a kind of work: its lock and its conda files, all parts of the one full lock.

`KIND.in` names what the scripts of that kind import; with all that these packages depend on, at
the full lock's versions, it becomes `KIND.lock.txt`, and the same for conda `KIND.yaml`. What
depends on what is asked of the installed packages, so this runs where the locks are installed:
`make lock` does, and `make lint` sees with --check that nothing has drifted.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
KINDS = ("workflow", "fetch", "audio", "diffusion", "scoring", "report")
FULL, DATA = "melablate.lock.txt", "data-packages.lock.txt"
PYTHONS = ("3.11", "3.12", "3.13")
OF_CUDA = re.compile(r"nvidia-|cuda-|triton$")
"""What the CUDA build of torch brings itself, at its own versions; no lock holds it."""
LOCK = """\
# Made by `make lock` from {kind}.in, a part of melablate.lock.txt; do not edit.
"""
CONDA = """\
# Made by `make lock` from {kind}.in; do not edit. The pins are those of {kind}.lock.txt: Snakemake
# copies this file away from its folder, and makes a new environment when it changes.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
"""
POST_DEPLOY = """\
#!/usr/bin/env bash
# Made by `make lock` from {kind}.in and data-packages.lock.txt (which says why); do not edit.
# Snakemake runs this in the new environment.
set -euo pipefail
python -m pip install --no-deps \\
    {pins}
"""


def lines(name: str) -> list[str]:
    """A file's requirements, without comments."""
    text = (HERE / name).read_text(encoding="utf-8")
    return [found for line in text.splitlines() if (found := line.split("#")[0].strip())]


def by_name(requirements: Iterable[str]) -> dict[str, str]:
    """Canonical name → line."""
    return {canonicalize_name(Requirement(line).name): line for line in requirements}


def needs(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What an installed package depends on, with any of the Pythons that locks are for."""
    try:
        stated = requires(name) or []
    except PackageNotFoundError:  # one that only another Python needs
        return
    for requirement in map(Requirement, stated):
        marker = requirement.marker
        worlds = [
            {"python_version": python, "python_full_version": f"{python}.0", "extra": extra}
            for python in PYTHONS
            for extra in ("", *extras)
        ]
        if marker is None or any(marker.evaluate(dict(world)) for world in worlds):
            yield requirement


def closure(names: Iterable[str], pinned: dict[str, str]) -> set[str]:
    """The names, and all that they depend on."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if OF_CUDA.match(name) or key in found:
            continue
        if name not in pinned:
            raise SystemExit(f"{name} is in no lock: add it to requirements.in, then `make lock`")
        found.add(key)
        waiting.extend(needs(name, requirement.extras))
    return {name for name, _ in found}


def files_of(kind: str, pinned: dict[str, str], data: dict[str, str]) -> dict[str, str]:
    """File names and what they should hold."""
    wanted = [canonicalize_name(Requirement(line).name) for line in lines(f"{kind}.in")]
    whole = closure([name for name in wanted if name not in data], pinned)
    pins = [line for name, line in pinned.items() if name in whole]
    extra = [data[name] for name in wanted if name in data]
    listed = "".join(f"      - {pin}\n" for pin in pins)
    files = {
        f"{kind}.lock.txt": LOCK.format(kind=kind) + "".join(f"{pin}\n" for pin in pins),
        f"{kind}.yaml": CONDA.format(kind=kind) + listed,
    }
    if extra:
        joined = " \\\n    ".join(extra)
        files[f"{kind}.post-deploy.sh"] = POST_DEPLOY.format(kind=kind, pins=joined)
    return files


def main() -> None:
    """Write or check all files."""
    pinned, data = by_name(lines(FULL)), by_name(lines(DATA))
    for kind in KINDS:
        for name, text in files_of(kind, pinned, data).items():
            path = HERE / name
            if "--check" not in sys.argv[1:]:
                path.write_text(text, encoding="utf-8")
            elif not path.is_file() or path.read_text(encoding="utf-8") != text:
                raise SystemExit(f"envs/{name} is not what the locks say; run `make lock`")


if __name__ == "__main__":
    main()
