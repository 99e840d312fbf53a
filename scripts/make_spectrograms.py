"""Audio of a corpus → spectrogram images in a Parquet shard, with statistics of the clips."""

import argparse
import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
from melablate.audio.clip_settings import Clips
from melablate.audio.codec_text import parse_codec
from melablate.audio.shards import ClipRow, write_images
from melablate.audio.tracks import Made, Track, make_clips
from melablate.files import writing_folder
from melablate.progress import Progress

COLUMNS = ["track_id", "path", "split", "captions", "audio_sha256", "excluded"]


def main() -> None:
    """Write `images.parquet`, `clips.csv` and `excluded.csv` into the folder `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads, help="codec, clips")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--audio", required=True, type=Path, help="folder of the manifest's paths")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()

    try:
        codec = parse_codec(json.dumps(args.settings["codec"]))
        where = Clips.model_validate(args.settings["clips"])
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"--settings: {error}") from None
    tracks = read_tracks(args.manifest)
    made: list[Made] = []
    with writing_folder(args.out) as out:
        clips = make_clips(tracks, args.audio, codec, where, args.workers)
        usable = only_usable(clips, made, Progress("spectrograms", len(tracks)))
        count = write_images(out / "images.parquet", usable, codec)
        write_clips(out / "clips.csv", made)
        write_excluded(out / "excluded.csv", made)
        if count == 0:
            reasons = "; ".join(sorted({clip.reason for clip in made})[:5]) or "no track is used"
            raise SystemExit(
                f"{args.manifest}: not one clip could be made from {args.audio} ({reasons}). "
                "Check --audio, or the corpus' excluded.csv."
            )
    print(f"spectrograms: {count} clips, {len(made) - count} set aside → {args.out}")


def read_tracks(manifest: Path) -> list[Track]:
    """The tracks that the manifest does not exclude, sorted by clip."""
    rows = pq.read_table(manifest, columns=COLUMNS).to_pylist()
    tracks = [
        Track(
            row["track_id"], row["path"], row["split"], tuple(row["captions"]), row["audio_sha256"]
        )
        for row in rows
        if not row["excluded"]
    ]
    return sorted(tracks, key=lambda track: track.clip_id)


def only_usable(clips: Iterable[Made], made: list[Made], progress: Progress) -> Iterator[ClipRow]:
    """Rows of the clips that could be made; `made` collects what is told of all."""
    for clip in clips:
        made.append(Made(**(vars(clip) | {"png": b""})))
        progress.step(len(made))
        if not clip.reason:
            track = clip.track
            yield ClipRow(
                clip_id=track.clip_id,
                track_id=track.track_id,
                split=track.split,
                captions=track.captions,
                png=clip.png,
                audio_sha256=track.audio_sha256,
                start_s=clip.start_s,
            )


def write_clips(path: Path, made: Iterable[Made]) -> None:
    """Statistics of the clips that could be made."""
    names = ["start_s", "padded_s", "loudness_lufs", "peak_db", "gain_db"]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["clip_id", "split", *names])
        for clip in made:
            if not clip.reason:
                values = (clip.start_s, clip.padded_s, clip.loudness, clip.peak_db, clip.gain_db)
                shown = [f"{value:.3f}" for value in values]
                table.writerow([clip.track.clip_id, clip.track.split, *shown])


def write_excluded(path: Path, made: Iterable[Made]) -> None:
    """Tracks whose clip could not be made, and why."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["track_id", "path", "reason"])
        for clip in made:
            if clip.reason:
                table.writerow([clip.track.track_id, clip.track.path, clip.reason])


if __name__ == "__main__":
    main()
