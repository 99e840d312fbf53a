"""How many tracks, clips and prompts there are: found on disk, else expected from the config."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..audio.clip_settings import Clips as Places
from ..audio.codec_settings import CodecSettings
from ..audio.settings import Spectrogram
from ..corpus.content import content_of
from ..corpus.layout import TABLE
from ..corpus.paths import AUDIO_SUFFIXES
from ..corpus.settings import Corpus, Folder, MiniMidi, SongDescriber
from ..plan import Plan
from ..training.buckets import fit
from ..training.latents_settings import Latents

_CODEC: TypeAdapter[Any] = TypeAdapter(Spectrogram)
SONG_DESCRIBER = {True: 547, False: 706}
"""Tracks of the published data set, with `valid_only` and without."""


@dataclass(frozen=True)
class Clips:
    """By split."""

    train: int
    heldout: int
    known: bool = True
    """Counted, not expected."""

    @property
    def all(self) -> int:
        """Both splits."""
        return self.train + self.heldout


class Counts:
    """Of one study; shared stages of other studies are known where their files are there."""

    def __init__(self, plan: Plan, results: Path = Path("results")) -> None:
        self.plan, self.results = plan, results
        self.clips = cache(self._clips)
        self.tracks = cache(self._tracks)

    def corpus(self, identity: str) -> Corpus | None:
        """The settings of a corpus."""
        known = self.plan.known
        names = (n for n in self.plan.study.corpora if known.get(("corpus", n)) == identity)
        return next((self.plan.study.corpora[name] for name in names), None)

    def codec(self, images: str) -> CodecSettings | None:
        """Of a folder of images."""
        return self.plan.codecs.get(images)

    def size(self, images: str, latents: Latents) -> tuple[int, int] | None:
        """Height and width at which images are encoded."""
        codec = self.codec(images)
        if codec is None:
            return None
        if latents.bucketing is None:
            return codec.size
        return fit(codec.size, latents.bucketing).bucket

    def codec_of(self, settings: Mapping[str, Any]) -> CodecSettings:
        """Of a command line."""
        codec: CodecSettings = _CODEC.validate_python(dict(settings))
        return codec

    def prompts(self, table: Path | None = None) -> int:
        """Clips that every row is asked for."""
        if table and table.is_file():
            return sum(1 for _ in _rows(table))
        return self.plan.study.prompts.heldout + len(self.plan.study.prompts.extra)

    def _tracks(self, corpus: str) -> int:
        settings = self.corpus(corpus)
        if isinstance(settings, MiniMidi):
            return settings.tracks
        if settings is None:
            return 0
        folder = Path(settings.path)
        if isinstance(settings, SongDescriber):
            return _described(folder / TABLE, settings.rules.valid_only)
        return _audio_files(folder, settings)

    def _clips(self, images: str) -> Clips | None:
        table = self.results / "spectrograms" / images / "clips.csv"
        if table.is_file():
            splits = [row["split"] for row in _rows(table)]
            heldout = splits.count("heldout")
            return Clips(len(splits) - heldout, heldout)
        stage, codec = self.plan.spectrograms.get(images), self.codec(images)
        settings = self.corpus(stage.reads["corpus"]) if stage else None
        if stage is None or settings is None or codec is None:
            return None
        clips = self.tracks(stage.reads["corpus"]) * _of_a_track(stage.settings)
        heldout = round(clips * settings.rules.heldout_share)
        return Clips(clips - heldout, heldout, known=False)


def _rows(table: Path) -> Iterator[dict[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _of_a_track(settings: str) -> int:
    """Clips of a track, where it is long enough for them."""
    return Places.model_validate(json.loads(settings)["clips"]).count


def _described(table: Path, valid_only: bool) -> int:
    """Of Song Describer, or of a part of it."""
    try:
        rows = list(_rows(table))
        kept = (r for r in rows if not valid_only or r["is_valid_subset"] == "True")
        return len({row["track_id"] for row in kept})
    except (OSError, ValueError, KeyError, csv.Error):
        return SONG_DESCRIBER[valid_only]


def _audio_files(folder: Path, settings: Folder) -> int:
    """Those that a scan would read."""
    if not folder.is_dir():
        return 0
    counts = content_of(settings).counts
    files = (path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    return sum(1 for path in files if path.is_file() and counts(path))
