"""Write recipes of a container that holds the whole lock: containers/Dockerfile, melablate.def.

The pins stand in the recipes, so that either can be carried alone to the machine where images may
be built. `make containers` runs this.
"""

import argparse
import shlex
from pathlib import Path

HERE = Path(__file__).parent
BASE = "python:3.11-slim-bookworm"
NAME = "melablate"
PIP = "python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore"
ENVIRONMENT = {
    "PYTHONNOUSERSITE": "1",  # nothing from the home folder, which is mounted in containers
    "LC_ALL": "C.UTF-8",
    # NVIDIA's runtime for Docker shows GPUs by these; Apptainer does by --nv.
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
}
DOCKERFILE = """\
# Made by `make containers` from the locks in envs/; do not edit.
#   docker build -t {name} - < containers/Dockerfile
FROM {base}
ENV {environment}
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
{steps}
WORKDIR /work
"""
APPTAINER = """\
# Made by `make containers` from the locks in envs/; do not edit.
#   apptainer build {name}.sif containers/{name}.def
Bootstrap: docker
From: {base}

%post -c /bin/bash
    set -euo pipefail
{steps}

%environment
{environment}

%runscript
    exec "$@"
"""


def pins(lock: str) -> list[str]:
    """The requirements of a lock, without comments."""
    text = (HERE / lock).read_text(encoding="utf-8").splitlines()
    return [pin for line in text if (pin := line.split("#")[0].strip())]


def steps(index: str | None) -> list[str]:
    """Shell commands that install: torch first, as a layer that other changes leave alone."""
    whole, extra = pins("melablate.lock.txt"), pins("data-packages.lock.txt")
    torch = [pin for pin in whole if pin.startswith("torch==")]
    where = f" --extra-index-url {shlex.quote(index)}" if index else ""
    named = [" \\\n    ".join(map(shlex.quote, part)) for part in (torch, whole, extra)]
    return [
        f"{PIP}{where} \\\n    {named[0]}",
        f"{PIP}{where} \\\n    {named[1]}",
        f"{PIP} --no-deps \\\n    {named[2]}",
        'python -c "import torch, snakemake, tinysoundfont"',
    ]


def recipes(index: str | None) -> dict[str, str]:
    """File names and what they should hold."""
    values = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    indented = [step.replace("\n", "\n    ") for step in steps(index)]
    return {
        "Dockerfile": DOCKERFILE.format(
            name=NAME,
            base=BASE,
            environment=" \\\n    ".join(values),
            steps="\n".join(f"RUN {step}" for step in steps(index)),
        ),
        f"{NAME}.def": APPTAINER.format(
            name=NAME,
            base=BASE,
            environment="\n".join(f"    export {value}" for value in values),
            steps="\n".join(f"    {step}" for step in indented),
        ),
    }


def main() -> None:
    """Read the command line, write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", help="where torch's build comes from, beside the usual index")
    parser.add_argument("--out", type=Path, default=HERE.parent / "containers")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in recipes(arguments.index or None).items():
        (arguments.out / name).write_text(text, encoding="utf-8")
        print(arguments.out / name)


if __name__ == "__main__":
    main()
