"""Samples of one row and seed → scores and embeddings."""

import argparse
from pathlib import Path

from melablate.imports import quick_imports
from melablate.metrics.settings import Scores
from pydantic import ValidationError

with quick_imports():
    from melablate.metrics.embedder import load_embedder
    from melablate.metrics.embeddings import read_embeddings, write_embeddings
    from melablate.metrics.scoring import score_samples, write_scores


def main() -> None:
    """Read the command line, measure, write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of the scores' settings")
    parser.add_argument("--samples", required=True, type=Path, help="folder with index.csv")
    parser.add_argument("--reference", required=True, type=Path, help="embeddings of real clips")
    parser.add_argument("--embedder", required=True, type=Path, help="folder with embedder.json")
    parser.add_argument("--out-scores", required=True, type=Path)
    parser.add_argument("--out-embeddings", required=True, type=Path)
    args = parser.parse_args()
    try:
        settings = Scores.model_validate_json(args.settings)
    except ValidationError as error:
        raise SystemExit(f"--settings: {error}") from None
    reference = read_embeddings(args.reference)
    embedder = load_embedder(args.embedder)
    scores, embeddings = score_samples(args.samples, embedder, reference, settings)
    write_embeddings(args.out_embeddings, embeddings)
    write_scores(args.out_scores, scores)
    print(f"scores: {len(scores)} figures of {len(embeddings)} samples → {args.out_scores}")


if __name__ == "__main__":
    main()
