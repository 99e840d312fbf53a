"""Write config/schema.json and docs/config.md from the config model (`make docs`)."""

from pathlib import Path

from melablate.files import write_text
from melablate.reference import page, schema

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write both files."""
    write_text(ROOT / "config" / "schema.json", schema())
    write_text(ROOT / "docs" / "config.md", page())


if __name__ == "__main__":
    main()
