"""Write the card that points at a published text–audio model."""

import argparse
from pathlib import Path

from melablate.files import write_json


def main() -> None:
    """Read the command line, write `embedder.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    write_json(arguments.out, {"kind": arguments.kind, "path": arguments.path})


if __name__ == "__main__":
    main()
