"""A stand-in for the Song Describer Dataset: its real table and layout, composed music.

    python benchmarks/song_describer_twin.py --table song_describer.csv --out twin

Makes `twin/song_describer.csv`, `twin/audio_licenses.txt` and `twin/audio/NN/<id>.2min.mp3`:
one distinct 2-minute MP3 a track (320 kbit/s, 44.1 kHz, stereo, as in the original). With
more tracks than the table has, the table goes round again with ids of its own.

A hundred short pieces are composed and encoded once; every track is a sequence of its own of
them. A piece begins with a frame that borrows no bits from earlier ones, so whole MP3 frames
can be put one after another: 3.4 GB of music cost the time of encoding 20 minutes of it.
The same table gives the same bytes with the same versions of the encoder and the soundfont.
"""

import argparse
import csv
import io
import multiprocessing
import os
import random
import struct
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from melablate.corpus.layout import LICENSES, TABLE, audio_file
from melablate.corpus.minimidi_render import SAMPLE_RATE, render
from melablate.corpus.minimidi_score import compose
from melablate.files import write_text
from melablate.progress import Progress

RATE, FRAME = 44100, 1152
PIECES, PIECE_SECONDS = 96, 12.0
CLIP_SECONDS = 120.0
OF_AGAIN = 10_000_000
"""What is added to the ids of tracks of a further round through the table."""
KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


@dataclass(frozen=True)
class Encoded:
    """A piece as MP3 frames."""

    header: bytes
    """The encoder's first frame, which tells the number of frames."""
    frames: tuple[bytes, ...]


def make_twin(table: Path, folder: Path, tracks: int | None, seconds: float, workers: int) -> None:
    """Write table, licences and audio below `folder`."""
    rows = read_rows(table, tracks)
    names = sorted({row["path"] for row in rows})
    lengths = {row["path"]: min(float(row["duration"]), seconds) for row in rows}
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / TABLE, rows)
    write_text(folder / LICENSES, "".join(map(license_block, names)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        progress, pieces = Progress("composing", PIECES), []
        for piece in pool.map(encode_piece, range(PIECES), chunksize=4):
            pieces.append(piece)
            progress.step(len(pieces))
    progress = Progress("writing tracks", len(names))
    for done, name in enumerate(names, start=1):
        path = folder / "audio" / audio_file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(track(pieces, name, lengths[name]))
        progress.step(done)


def read_rows(table: Path, tracks: int | None) -> list[dict[str, str]]:
    """The rows of the first `tracks` tracks; after the last one the table begins again."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    by_track: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_track.setdefault(row["track_id"], []).append(row)
    ids = list(by_track)
    chosen: list[dict[str, str]] = []
    for number in range(len(ids) if tracks is None else tracks):
        again, index = divmod(number, len(ids))
        chosen += [renamed(row, again) for row in by_track[ids[index]]]
    return chosen


def renamed(row: dict[str, str], again: int) -> dict[str, str]:
    """A row of a further round has ids of its own."""
    if again == 0:
        return row
    track_id = str(int(row["track_id"]) + again * OF_AGAIN)
    return row | {
        "caption_id": str(int(row["caption_id"]) + again * OF_AGAIN),
        "track_id": track_id,
        "artist_id": str(int(row["artist_id"]) + again * OF_AGAIN),
        "path": f"{track_id[-2:]}/{track_id}.mp3",
    }


def write_table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """CSV as the original is written."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode())


def license_block(name: str) -> str:
    """As in the parent corpus, MTG-Jamendo: path, what it is, where it is from, licence."""
    return (
        f"{name}\n"
        f"Track {Path(name).stem} by Melablate\n"
        "Available under a Creative Commons Zero license: "
        "http://creativecommons.org/publicdomain/zero/1.0/\n\n"
    )


def encode_piece(index: int) -> Encoded:
    """Compose one piece, make it stereo with a little noise (so that no bits are idle), encode."""
    mono = render(compose(0, "broad", index, PIECE_SECONDS), PIECE_SECONDS)
    mono = soxr.resample(mono, SAMPLE_RATE, RATE)
    noise = np.random.default_rng(index).normal(0, 0.003, (len(mono), 2)).astype(np.float32)
    stereo = np.stack([mono, 0.8 * np.roll(mono, 331)], axis=1) + noise
    file = io.BytesIO()
    soundfile.write(
        file,
        stereo,
        RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.0,  # the highest bit rate, 320
    )
    header, *frames = split_frames(file.getvalue())
    if main_data_begin(frames[0]) != 0:
        raise SystemExit("the encoder's first frame borrows bits; frames cannot be joined")
    return Encoded(header, tuple(frames))


def split_frames(mp3: bytes) -> Iterator[bytes]:
    """Frames of MPEG 1, layer III."""
    at = 0
    while at < len(mp3):
        if mp3[at] != 0xFF or mp3[at + 1] & 0xE0 != 0xE0:
            raise SystemExit(f"byte {at} of the encoded piece begins no frame")
        rate, padding = KBPS[mp3[at + 2] >> 4], mp3[at + 2] >> 1 & 1
        length = 144_000 * rate // RATE + padding
        yield mp3[at : at + length]
        at += length


def main_data_begin(frame: bytes) -> int:
    """How many bytes of earlier frames a frame without CRC needs."""
    return frame[4] << 1 | frame[5] >> 7


def track(pieces: Sequence[Encoded], name: str, seconds: float) -> bytes:
    """Pieces in an order of the track's own, cut to length, after a header that tells it."""
    count = round(seconds * RATE / FRAME)
    order = list(range(len(pieces)))
    random.Random(f"twin/{name}").shuffle(order)
    frames = [frame for index in order for frame in pieces[index].frames][:count]
    header, at = bytearray(pieces[0].header), pieces[0].header.index(b"Info")
    size = len(header) + sum(map(len, frames))
    # Flags, then the number of frames and of bytes (Xing's header, as LAME writes it).
    header[at + 8 : at + 16] = struct.pack(">II", len(frames), size)
    return bytes(header) + b"".join(frames)


def main() -> None:
    """Parse the arguments, make the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", required=True, type=Path, help="the real song_describer.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder to make")
    parser.add_argument("--tracks", type=int, help="how many; all of the table's by default")
    parser.add_argument("--seconds", type=float, default=CLIP_SECONDS, help="longest track")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    make_twin(args.table, args.out, args.tracks, args.seconds, args.workers)


if __name__ == "__main__":
    main()
