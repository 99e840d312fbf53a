"""A base and trained weights → one folder that diffusers' pipelines load."""

import argparse
from pathlib import Path

from melablate.imports import quick_imports
from melablate.sampling.pipeline_settings import Pipeline
from pydantic import ValidationError


def main() -> None:
    """Read the command line, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings", default="{}", help="JSON: sampler, clip_skip, height, width …"
    )
    parser.add_argument("--base", required=True, type=Path, help="base model folder")
    parser.add_argument("--weights", required=True, type=Path, help="train.safetensors of an arm")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        settings = Pipeline.model_validate_json(args.settings)
    except ValidationError as error:
        raise SystemExit(f"--settings: {error}") from None
    with quick_imports():
        from melablate.sampling.pipeline import export_pipeline

    export_pipeline(args.base, args.weights, args.out, settings)
    print(f"pipeline: {args.weights} in {args.base} → {args.out}")


if __name__ == "__main__":
    main()
