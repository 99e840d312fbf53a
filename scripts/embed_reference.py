"""Real training clips → reference embeddings, at the sample rate and loudness of the samples."""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from melablate.audio.heard_settings import Heard
from melablate.audio.loudness import normalize
from melablate.audio.reading import Part, UnusableAudioError, read_clip
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
    clips = read_clips(args.manifest, args.audio, heard)
    embedder = load_embedder(args.embedder)
    embeddings = embed_clips(embedder, clips, heard.sample_rate, "reference")
    write_embeddings(args.out, embeddings)
    print(f"reference: {len(embeddings)} real clips → {args.out}")


def read_clips(manifest: Path, audio: Path, heard: Heard) -> list[Audio]:
    """Every usable training clip, by track; one that can't be read is left out."""
    part = Part(heard.sample_rate, heard.seconds)
    rows = pq.read_table(manifest, columns=["track_id", "path", "split", "excluded"]).to_pylist()
    used = [row for row in rows if row["split"] == "train" and not row["excluded"]]
    clips = []
    for row in sorted(used, key=lambda row: str(row["track_id"])):
        try:
            clip = read_clip(audio / row["path"], part, heard.clips).audio[0]
        except UnusableAudioError as error:
            print(f"reference: track {row['track_id']} left out: {error}")
            continue
        level, measured = normalize(clip, heard.sample_rate, heard.loudness, heard.peak_db)
        if measured.loudness is None:
            print(f"reference: track {row['track_id']} left out: silent")
            continue
        clips.append(np.asarray(level, np.float32))
    if len(clips) < 2:
        raise SystemExit(
            f"{manifest}: {len(clips)} usable training clips; a reference needs at least 2"
        )
    return clips


if __name__ == "__main__":
    main()
