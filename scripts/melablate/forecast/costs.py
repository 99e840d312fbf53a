"""The built-in table: how long each kind of job takes where nothing was measured.

A job takes a start (imports, loading) and work that grows with what it is asked for. Figures are of
benchmarks/*.md on two cores of an AMD EPYC and, for SD 1.5 and SDXL, of `gpus.py`. Measured times
correct them (`measured.py`); what must be right here is how work grows from job to job.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..training.latents_settings import Latents
from ..training.settings import Train
from .bases import Family, Speed, family_of, speed_of, step_seconds, validation_seconds
from .counts import Counts
from .gpus import Gpu
from .jobs import Command, id_in

PIXELS = 512 * 512
"""Of an image whose latent is of area 1."""


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    start: float
    work: float
    family: str = ""
    """Jobs of one kind on one base are measured by each other."""

    @property
    def seconds(self) -> float:
        """Both."""
        return self.start + self.work


@dataclass(frozen=True)
class Costs:
    """Of the jobs of a study."""

    counts: Counts
    gpu: Gpu
    made: int | None = None
    """Clips that a job has made or scored, where it is done."""

    def of(self, command: Command) -> Cost | None:
        """None where the command does not say enough, as one of another version may."""
        known: dict[str, Callable[[Command], Cost]] = {
            "compose_music": lambda c: Cost(1.5, 0.014 * c.settings["tracks"]),
            "scan_corpus": lambda c: Cost(0.6, 0.002 * self.counts.tracks(_out(c))),
            "report_corpus": lambda c: Cost(1.0, 0.0),
            "make_spectrograms": self._spectrograms,
            "train_autoencoder": lambda c: _tiny_training(c, 0.0075, c.settings["crop"] / 32),
            "train_base": lambda c: _tiny_training(c, 0.0090, 1.0),
            "train_embedder": lambda c: _tiny_training(c, 0.0019, 1.0),
            "link_embedder": lambda c: Cost(0.3, 0.0),
            "encode_latents": self._latents,
            "train_arm": self._train,
            "choose_prompts": lambda c: Cost(0.5, 0.0),
            "generate_samples": self._samples,
            "embed_reference": self._reference,
            "score_samples": self._scores,
            "make_table": lambda c: Cost(0.8, 0.002 * len(self.counts.plan.rows())),
            "make_report": lambda c: Cost(2.0, 0.14 * len(self.counts.plan.rows())),
            "export_images": self._spectrograms,
        }
        try:
            return known[command.rule](command)
        except (KeyError, TypeError, ValueError, ValidationError):
            return None

    def of_past(self, command: Command) -> Cost | None:
        """Of a job that is done: what it made tells how much it was asked for."""
        folder = command.path("samples") or command.path("out")
        table = Path(folder) / "index.csv"
        made = self.counts.prompts(table) if table.is_file() else None
        return replace(self, made=made).of(command)

    def loop(self, train: Train, family: Family, clips: tuple[int, int], area: float,
             cached: bool = True, steps: int | None = None) -> float:  # fmt: skip
        """Seconds in the loop of a training."""
        speed, count = speed_of(family, self.gpu), steps or train.total_steps(clips[0])
        looks = validation_seconds(train, speed, area, count, clips[1])
        return count * step_seconds(train, speed, area, cached) + looks

    def _base(self, command: Command) -> tuple[Family, Speed]:
        family = family_of(command.path("base"), self.counts)
        return family, speed_of(family, self.gpu)

    def _clips(self, path: str) -> Any:
        found = self.counts.clips(id_in(path))
        if found is None:
            raise KeyError(path)
        return found

    def _spectrograms(self, command: Command) -> Cost:
        clips = self._clips(command.path("images") or command.path("out")).all
        return Cost(1.4, clips * 0.016)

    def _latents(self, command: Command) -> Cost:
        images, (family, speed) = command.path("images"), self._base(command)
        latents = Latents.model_validate(command.settings)
        area = _area(self.counts.size(id_in(images), latents))
        work = self._clips(images).all * latents.variants * area * speed.encode
        return Cost(speed.load, work, family)

    def _train(self, command: Command) -> Cost:
        (family, speed), train = self._base(command), Train.model_validate(command.settings)
        images, latents = self.trained_on(command)
        clips = self._clips(images)
        area = _area(self.counts.size(id_in(images), latents))
        loop = self.loop(train, family, (clips.train, clips.heldout), area, latents.cached)
        return Cost(speed.load, loop, family)

    def trained_on(self, command: Command) -> tuple[str, Latents]:
        """The folder of images behind a training's input, and how they become latents."""
        latents = Latents.model_validate(json.loads(command.path("latents-settings") or "{}"))
        if latents.cached:
            stage = self.counts.plan.latents[id_in(command.path("latents"))]
            return f"results/spectrograms/{stage.reads['images']}/images", latents
        return command.path("images"), latents

    def _samples(self, command: Command) -> Cost:
        said, count = command.settings, self.counts.prompts()
        codec = said["spectrogram"]
        seconds = codec.get("seconds", 10.0)
        inversion = codec.get("inversion") or {}
        sound = 0.7 * seconds / 15 * inversion.get("iterations", 32) / 32
        row = said["row"]
        count *= said.get("per_prompt", 1)
        count = count if self.made is None else self.made
        if row == "real-audio":
            return Cost(1.5, count * 0.02, row)
        if row == "codec-ceiling":
            return Cost(2.5, count * (0.02 + sound), row)
        family, speed = self._base(command)
        area = _area(self.counts.codec_of(codec).size)
        if row == "autoencoder-ceiling":
            work = count * (area * (speed.encode + speed.decode) + sound)
            return Cost(speed.load, work, f"{row} {family}")
        sample = said["sample"]
        guided = 2 if sample["guidance"] > 1 else 1
        batches = math.ceil(count / sample["batch_size"])
        calls = sample["steps"] * batches * speed.forward(guided * count / batches, area)
        return Cost(speed.load, calls + count * (area * speed.decode + sound), family)

    def _reference(self, command: Command) -> Cost:
        tracks = self.counts.tracks(self.counts.plan.corpus(self.counts.plan.common.corpus))
        return Cost(2.0, tracks * 0.7 * self._heard())

    def _scores(self, command: Command) -> Cost:
        count = self.counts.prompts() * self.counts.plan.study.prompts.per_prompt
        count = count if self.made is None else self.made
        return Cost(1.5 if self._tiny_clap() else 15.0, count * self._heard())

    def _heard(self) -> float:
        """Seconds to embed a clip."""
        return 0.012 if self._tiny_clap() else 0.05

    def _tiny_clap(self) -> bool:
        return self.counts.plan.study.embedder.kind == "tiny_clap"


def _tiny_training(command: Command, image: float, scale: float) -> Cost:
    said = command.settings
    return Cost(3.0, said["steps"] * said["batch_size"] * image * scale)


def _area(size: tuple[int, int] | None) -> float:
    if size is None:
        raise KeyError("size")
    return size[0] * size[1] / PIXELS


def _out(command: Command) -> str:
    return id_in(command.path("out-manifest"))
