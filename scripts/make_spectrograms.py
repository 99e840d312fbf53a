"""Audio of a corpus → spectrogram images in Parquet shards, with statistics of the clips."""

import argparse
import json
import os
import shutil
from pathlib import Path

# Every core has a track of its own; more threads within a product would only be in the way.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pyarrow.parquet as pq
from melablate.audio.clip_settings import Clips
from melablate.audio.clip_tables import EXCLUDED, ClipTables
from melablate.audio.codec_text import parse_codec
from melablate.audio.shards import write_shards
from melablate.audio.tracks import Track, make_clips
from melablate.files import writing_folder
from melablate.parquet_errors import whole_parquet
from melablate.progress import Progress

COLUMNS = ["track_id", "path", "split", "captions", "audio_sha256", "excluded"]


def main() -> None:
    """Write the shards `images/`, `clips.csv` and `excluded.csv` into the folder `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads, help="codec, clips")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--audio", required=True, type=Path, help="folder of the manifest's paths")
    parser.add_argument("--max-set-aside", type=float, default=0.1, help="share of clips")
    parser.add_argument("--workers", type=int, default=2, help="threads")
    parser.add_argument("--shard-mb", type=float, default=256, help="largest file, megabytes")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()

    try:
        codec = parse_codec(json.dumps(args.settings["codec"]))
        where = Clips.model_validate(args.settings["clips"])
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"--settings: {error}") from None
    tracks = read_tracks(args.manifest)
    progress = Progress("spectrograms: tracks", len(tracks))
    limit = args.max_set_aside
    with writing_folder(args.out) as out, ClipTables(out, len(tracks), limit, progress) as tables:
        made = make_clips(tracks, args.audio, codec, where, args.workers)
        count = write_shards(out / "images", tables.usable(made), codec, args.shard_mb)
        stopped = args.out.with_name(f"{args.out.name}.stopped.csv")  # what a failed job leaves
        try:
            tables.check(f"{args.manifest}, {args.audio}")
        except SystemExit as unusable:
            tables.close()
            shutil.copyfile(out / EXCLUDED, stopped)
            raise SystemExit(f"{unusable}\nAll reasons are in {stopped}") from None
        stopped.unlink(missing_ok=True)
    print(f"spectrograms: {count} clips, {tables.set_aside} set aside → {args.out}")


def read_tracks(manifest: Path) -> list[Track]:
    """The tracks that the manifest does not exclude, sorted by id."""
    with whole_parquet(manifest):
        rows = pq.read_table(manifest, columns=COLUMNS).to_pylist()
        if any(not isinstance(row["path"], str) for row in rows):
            raise TypeError("paths are no texts")
        tracks = [
            Track(
                *(row["track_id"], row["path"], row["split"]),
                *(tuple(row["captions"]), row["audio_sha256"]),
            )
            for row in rows
            if not row["excluded"]
        ]
    return sorted(tracks, key=lambda track: f"{track.track_id}-")


if __name__ == "__main__":
    main()
