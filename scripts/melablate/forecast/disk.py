"""How much disk a study takes, by stage: `disk_to_do(plan)`.

Formulae of what is written: pixels, latents, adapters, samples of sound. They are good to about a
fifth; where outputs of a kind are there, their true size corrects those to come (`corrections`).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

from ..config import FIXED_ROWS
from ..plan import Plan
from ..training.latents_settings import Latents
from .adapters import trained_numbers, weights_of
from .bases import Family, family_of
from .counts import Counts
from .jobs import STAGES, Job

SAVED = {"fp32": 4, "bf16": 2, "fp16": 2}
PNG = 0.8
"""Bytes to a pixel of a grey spectrogram, which is nearly noise."""
MP3 = 7400
"""Bytes to a second."""
TOKENIZER = 3_650_000
MEASURED = 12
"""Finished jobs of a rule that are weighed."""

Sized = tuple[str, Mapping[str, str], list[str]]
"""A rule, its wildcards, and what it writes."""


def disk_to_do(plan: Plan, results: Path = Path("results")) -> dict[str, int]:
    """Bytes by stage that are not on disk yet; of what is to be made anew, none."""
    sizes, found = Sizes(plan, results), dict.fromkeys(STAGES.values(), 0)
    for rule, wildcards, outputs in outputs_of(plan, results):
        if not all(Path(path).exists() for path in outputs):
            found[STAGES[rule]] += sizes.of(rule, wildcards)
    return {stage: size for stage, size in found.items() if size}


def outputs_of(plan: Plan, results: Path = Path("results")) -> Iterator[Sized]:
    """Of every stage that the study has, as the rules have it."""
    shared = (
        ("compose_music", plan.music, "music/{}/audio"),
        ("scan_corpus", plan.corpora, "corpus/{}/manifest.parquet"),
        ("make_spectrograms", plan.spectrograms, "spectrograms/{}/images"),
        ("train_autoencoder", plan.autoencoders, "models/{}/vae"),
        ("encode_latents", plan.latents, "latents/{}/latents.safetensors"),
        ("train_embedder", plan.embedders, "models/{}/embedder.json"),
    )
    for rule, stages, path in shared:
        for key in stages:
            yield rule, {"id": key}, [f"{results}/{path.format(key)}"]
    for key in plan.bases.keys() - plan.given_bases:
        yield "train_base", {"id": key}, [f"{results}/models/{key}/unet"]
    study = f"{results}/{plan.study.study}"
    yield "embed_reference", {}, [f"{study}/reference/embeddings.safetensors"]
    for row, seed in plan.rows():
        wildcards, run = {"row": row, "seed": str(seed)}, f"{study}/arms/{row}/seed-{seed}"
        if row not in FIXED_ROWS:
            yield "train_arm", wildcards, [f"{run}/train.safetensors"]
        yield "generate_samples", wildcards, [f"{run}/samples"]
        yield "score_samples", wildcards, [f"{run}/scores.csv"]
    yield "make_table", {}, [f"{study}/table.md"]
    yield "make_report", {}, [f"{study}/report"]


class Sizes:
    """Bytes of what jobs write."""

    def __init__(self, plan: Plan, results: Path = Path("results")) -> None:
        self.plan, self.counts = plan, Counts(plan, results)

    def of(self, rule: str, wildcards: Mapping[str, str]) -> int:
        """By the formula of its rule; next to nothing where there is none."""
        if rule not in STAGES:
            return 0
        formula = getattr(self, f"_{rule}", None)
        return round(formula(wildcards)) if formula else 10_000

    def state(self, row: str) -> int:
        """Of the state that a running training saves: weights, best weights and two moments."""
        numbers = trained_numbers(self.plan.recipe(row).train, *self._base(row))
        return numbers * 4 * 4

    def _compose_music(self, wildcards: Mapping[str, str]) -> float:
        said = json.loads(self.plan.music[wildcards["id"]].settings)
        return float(said["tracks"]) * (5200 + MP3 * float(said.get("seconds", 4.5)))

    def _scan_corpus(self, wildcards: Mapping[str, str]) -> float:
        return 8000 + 160.0 * self.counts.tracks(wildcards["id"])

    def _report_corpus(self, wildcards: Mapping[str, str]) -> float:
        return 20_000

    def _make_spectrograms(self, wildcards: Mapping[str, str]) -> float:
        codec, clips = self.counts.codec(wildcards["id"]), self.counts.clips(wildcards["id"])
        if codec is None or clips is None:
            return 0
        pixels = codec.size[0] * codec.size[1] * codec.channels
        return clips.all * (pixels * (PNG if codec.span == (0.0, 255.0) else 4) + 200.0)

    def _encode_latents(self, wildcards: Mapping[str, str]) -> float:
        stage = self.plan.latents[wildcards["id"]]
        latents, images = Latents.model_validate_json(stage.settings), stage.reads["images"]
        size, clips = self.counts.size(images, latents), self.counts.clips(images)
        if size is None or clips is None:
            return 0
        folder = self.plan.base_folders[stage.reads["base"]]
        shrunk = 4 if family_of(folder, self.counts) == "tiny" else 8
        numbers = 2 * 4 * (size[0] // shrunk) * (size[1] // shrunk)  # mean and std, 4 channels
        return float(clips.all) * (latents.variants * numbers * 4 + 150)

    def _train_autoencoder(self, wildcards: Mapping[str, str]) -> float:
        return 1_100_000

    def _train_base(self, wildcards: Mapping[str, str]) -> float:
        folder = self.plan.base_folders[wildcards["id"]]
        unet = weights_of("tiny", folder) * 4
        return unet + 14_000_000 + TOKENIZER

    def _train_embedder(self, wildcards: Mapping[str, str]) -> float:
        return 13_400_000 + TOKENIZER

    def _train_arm(self, wildcards: Mapping[str, str]) -> float:
        train = self.plan.recipe(wildcards["row"]).train
        numbers = trained_numbers(train, *self._base(wildcards["row"]))
        return 3 * numbers * SAVED[train.save_precision] + 60_000  # last, best, and for kohya

    def _generate_samples(self, wildcards: Mapping[str, str]) -> float:
        row, prompts = wildcards["row"], self.plan.study.prompts
        codec = self.plan.recipe(row).spectrogram
        each = 1 if row in FIXED_ROWS[1:] else prompts.per_prompt
        picture = codec.size[0] * codec.size[1] * codec.channels * PNG
        return self.counts.prompts() * each * (codec.samples * codec.channels * 2 + picture)

    def _embed_reference(self, wildcards: Mapping[str, str]) -> float:
        return self.counts.tracks(self.plan.corpus(self.plan.common.corpus)) * self._vector()

    def _score_samples(self, wildcards: Mapping[str, str]) -> float:
        count = self.counts.prompts() * self.plan.study.prompts.per_prompt
        return 2000 + count * (self._vector() + 450)

    def _make_table(self, wildcards: Mapping[str, str]) -> float:
        return 3700.0 * len(self.plan.rows())

    def _make_report(self, wildcards: Mapping[str, str]) -> float:
        codec, shown = self.plan.common.spectrogram, self.plan.study.report.prompts_shown
        each = codec.seconds * codec.channels * MP3 + codec.size[0] * codec.size[1] * PNG
        return len(self.plan.rows()) * shown * each + 100_000

    def _vector(self) -> int:
        return 4 * (64 if self.plan.study.embedder.kind == "tiny_clap" else 512)

    def _base(self, row: str) -> tuple[Family, str]:
        folder = self.plan.base_folders[self.plan.base(self.plan.recipe(row).base)]
        return family_of(folder, self.counts), folder


def corrections(jobs: Iterable[Job], sizes: Sizes) -> dict[str, float]:
    """True size over formula, by rule, of outputs that are there."""
    found: dict[str, list[float]] = defaultdict(list)
    for job in jobs:
        if job.done and job.rule in STAGES and len(found[job.rule]) < MEASURED:
            formula, size = sizes.of(job.rule, job.wildcards), on_disk(job.outputs)
            if formula and size:
                found[job.rule].append(size / formula)
    return {rule: median(ratios) for rule, ratios in found.items() if ratios}


def on_disk(paths: Iterable[str]) -> int:
    """Bytes of files, and of all in folders."""
    total = 0
    for path in map(Path, paths):
        files = path.rglob("*") if path.is_dir() else [path]
        total += sum(file.stat().st_size for file in files if file.is_file())
    return total
