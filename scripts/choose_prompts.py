"""Choose the prompts of a study from held-out captions and the config."""

import argparse
from pathlib import Path

from melablate.audio.shard_files import read_columns
from melablate.sampling.prompts import choose_prompts, write_prompts
from melablate.sampling.settings import Prompts


def main() -> None:
    """Read the command line, choose, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Prompts.model_validate_json)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    columns = read_columns(arguments.images, ["clip_id", "captions", "split", "track_id"])
    # A track's clips share its captions, so only the first of them is asked for.
    first = {track: row for row, track in reversed(list(enumerate(columns["track_id"])))}
    clips, captions, splits = (
        [columns[name][row] for row in sorted(first.values())]
        for name in ("clip_id", "captions", "split")
    )
    prompts = choose_prompts(clips, captions, splits, arguments.settings)
    write_prompts(arguments.out, prompts)
    print(f"prompts: {len(prompts)} → {arguments.out}")


if __name__ == "__main__":
    main()
