"""MiniMIDI, the embedded corpus: composed, rendered and laid out as Song Describer is."""

import csv
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from ..files import write_text
from ..progress import Progress
from .layout import COLUMNS, LICENSES, TABLE, audio_file
from .minimidi_captions import captions
from .minimidi_render import render, soundfont_path, write_mp3
from .minimidi_score import compose, generator, one_in
from .settings import MiniMidi

FIRST_ID = {"broad": 3_000_000, "style": 5_000_000}
"""Track ids of a part count up from here; each part has its own numbers of all kinds."""
TRACKS_PER_ARTIST, TRACKS_PER_ALBUM, MOST_CAPTIONS = 4, 2, 4
NOT_VALID_ONE_IN = 12
LICENSE = "CC0 1.0, http://creativecommons.org/publicdomain/zero/1.0/"


def compose_corpus(settings: MiniMidi, folder: Path) -> None:
    """Write the caption table, the audio and its licences into an empty folder."""
    soundfont_path()  # a missing soundfont stops here, not in every worker
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for index in range(settings.tracks):
            writer.writerows(table_rows(settings, index))
    ids = [track_id(settings, index) for index in range(settings.tracks)]
    lines = [f"{path_of(i)}: MiniMIDI, composed by Melablate, {LICENSE}\n" for i in ids]
    write_text(folder / LICENSES, "".join(lines))
    _render_all(settings, folder / "audio")


def track_id(settings: MiniMidi, index: int) -> str:
    """Stable: a track keeps its id whatever the number of tracks."""
    return str(FIRST_ID[settings.part] + index)


def path_of(track: str) -> str:
    """`34/3000034.mp3`: as in Song Describer, the folder is the id's last two digits."""
    return f"{track[-2:]}/{track}.mp3"


def table_rows(settings: MiniMidi, index: int) -> Iterator[dict[str, str]]:
    """One row a caption."""
    piece = compose(settings.seed, settings.part, index, settings.seconds)
    draw = generator(settings.seed, settings.part, index, "captions")
    track, first = track_id(settings, index), FIRST_ID[settings.part]
    not_valid = one_in(NOT_VALID_ONE_IN, settings.seed, settings.part, index, "valid")
    invalid_word = draw.choice(("False", ""))
    for number, caption in enumerate(captions(piece, draw)):
        # As in Song Describer, the further captions of a valid track may be unchecked.
        unchecked = number > 0 and draw.random() < 0.2
        yield {
            "caption_id": str(MOST_CAPTIONS * index + number),
            "track_id": track,
            "caption": caption,
            "is_valid_subset": invalid_word if not_valid else "" if unchecked else "True",
            "familiarity": str(draw.randrange(3)),
            "artist_id": str(first // 10 + index // TRACKS_PER_ARTIST),
            "album_id": str(first // 10 + index // TRACKS_PER_ALBUM),
            "path": path_of(track),
            "duration": f"{settings.seconds:.1f}",
        }


def render_track(settings: MiniMidi, audio: Path, index: int) -> None:
    """Compose, play and write one track."""
    piece = compose(settings.seed, settings.part, index, settings.seconds)
    path = audio / audio_file(path_of(track_id(settings, index)))
    write_mp3(path, render(piece, settings.seconds))


def _render_all(settings: MiniMidi, audio: Path) -> None:
    progress = Progress(f"composing {settings.part}", settings.tracks)
    work = partial(render_track, settings, audio)
    cores = min(len(os.sched_getaffinity(0)), 1 + settings.tracks // 32)
    # spawn: workers start clean, whatever threads the parent has.
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(work, range(settings.tracks), chunksize=8), start=1):
            progress.step(done)
