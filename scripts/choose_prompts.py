"""Choose the prompts of a study from held-out captions and the config."""

import argparse
from pathlib import Path

import pyarrow.parquet as pq
from melablate.sampling.prompts import choose_prompts, write_prompts
from melablate.sampling.settings import Prompts


def main() -> None:
    """Read the command line, choose, write the CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Prompts.model_validate_json)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    clips = pq.read_table(arguments.images, columns=["clip_id", "captions", "split"]).to_pydict()
    prompts = choose_prompts(
        clips["clip_id"], clips["captions"], clips["split"], arguments.settings
    )
    write_prompts(arguments.out, prompts)
    print(f"prompts: {len(prompts)} → {arguments.out}")


if __name__ == "__main__":
    main()
