"""Real training clips → reference embeddings, at the sample rate and loudness of the samples."""

import argparse
from pathlib import Path

from melablate.audio.heard import heard_clips
from melablate.audio.heard_settings import Heard
from melablate.metrics.embedder import Audio, embed_clips, load_embedder
from melablate.metrics.embeddings import write_embeddings
from pydantic import ValidationError


def main() -> None:
    """Read the command line and the clips, embed, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of Heard")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--audio", required=True, type=Path, help="folder of the manifest's paths")
    parser.add_argument("--embedder", required=True, type=Path, help="folder with embedder.json")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    try:
        heard = Heard.model_validate_json(args.settings)
    except ValidationError as error:
        raise SystemExit(f"--settings: {error}") from None
    real = heard_clips(args.manifest, args.audio, "train", heard, "reference")
    clips: list[Audio] = [clip.audio for clip in real]
    if len(clips) < 2:
        raise SystemExit(
            f"{args.manifest}: {len(clips)} usable training clips; a reference needs at least 2"
        )
    embedder = load_embedder(args.embedder)
    embeddings = embed_clips(embedder, clips, heard.sample_rate, "reference")
    write_embeddings(args.out, embeddings)
    print(f"reference: {len(embeddings)} real clips → {args.out}")


if __name__ == "__main__":
    main()
