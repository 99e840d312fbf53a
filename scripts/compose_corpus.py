"""Compose the embedded corpus MiniMIDI in Song Describer's layout."""

import argparse
from pathlib import Path

from melablate.contents import write_contents
from melablate.corpus.minimidi import compose_corpus
from melablate.corpus.settings import MiniMidi
from melablate.files import writing_folder


def main() -> None:
    """Parse the arguments and compose into a folder that is whole or absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of the MiniMidi settings")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args()
    settings = MiniMidi.model_validate_json(args.settings)
    with writing_folder(args.out) as folder:
        compose_corpus(settings, folder)
        write_contents(folder / "music.sha256")


if __name__ == "__main__":
    main()
