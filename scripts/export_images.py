"""Image shards → a folder of PNGs with captions, in the layout of kohya's sd-scripts."""

import argparse
from pathlib import Path

from melablate.audio.export_settings import Export
from melablate.audio.exporting import export_images
from pydantic import ValidationError


def main() -> None:
    """Read the command line, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", default="{}", help="JSON: repeats, name, captions, split")
    parser.add_argument("--images", required=True, type=Path, help="folder of shards")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        settings = Export.model_validate_json(args.settings)
    except ValidationError as error:
        raise SystemExit(f"--settings: {error}") from None
    count = export_images(args.images, args.out, settings)
    print(f"export: {count} images with captions → {args.out}")


if __name__ == "__main__":
    main()
