"""Write the conda files from the locks; with --check, only say whether they have drifted.

The pins stand in the conda files themselves, because Snakemake copies these two files away
from their folder before it uses them, and because it makes a new environment when they change.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENT = """\
# Made by `make lock` from melablate.lock.txt; do not edit. For `snakemake --sdm conda`.
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
# Made by `make lock` from data-packages.lock.txt (which says why); do not edit.
# Snakemake runs this in the new environment.
set -euo pipefail
python -m pip install --no-deps \\
    {pins}
"""


def pins(lock: str) -> list[str]:
    """The requirements of a lock, without comments."""
    lines = (HERE / lock).read_text(encoding="utf-8").splitlines()
    return [pin for line in lines if (pin := line.split("#")[0].strip())]


def conda_files() -> dict[str, str]:
    """File names and what they should hold."""
    listed = "".join(f"      - {pin}\n" for pin in pins("melablate.lock.txt"))
    extra = " \\\n    ".join(pins("data-packages.lock.txt"))
    return {
        "melablate.yaml": ENVIRONMENT + listed,
        "melablate.post-deploy.sh": POST_DEPLOY.format(pins=extra),
    }


def main() -> None:
    """Write or check both files."""
    for name, text in conda_files().items():
        path = HERE / name
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"envs/{name} does not hold the locks' versions; run `make lock`")


if __name__ == "__main__":
    main()
