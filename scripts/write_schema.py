"""Write config/schema.json and docs/config.md from the config model (`make docs`)."""

import argparse
from pathlib import Path

from melablate.files import write_text
from melablate.reference import page, schema

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write both files, or only say whether they are current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    for name, text in (("config/schema.json", schema()), ("docs/config.md", page())):
        if not check:
            write_text(ROOT / name, text)
        elif (ROOT / name).read_text(encoding="utf-8") != text:
            raise SystemExit(f"{name} is not what the config model says: run `make docs`")


if __name__ == "__main__":
    main()
