"""A training job: check inputs, train, write weights, log and provenance."""

import time
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import cuda

from ..audio.shard_files import shard_files
from ..files import sha256, write_json, write_text
from ..models.base import Base, load_base, with_objective
from . import trained
from .draws import Draws
from .images import Images, cached_images, encoded_images
from .latents_settings import Latents
from .loop import DTYPES, Outcome, Run, deterministic, train
from .lora import runs_before
from .objective import contradiction
from .provenance import commit, machine, peak_memory, versions
from .resume import Cadence, Resume
from .schedules import warmup_steps
from .settings import Train
from .signals import Stop
from .stream import Stream


@dataclass(frozen=True)
class Inputs:
    """Files and folders that a run reads."""

    base: Path
    latents: Path | None = None
    images: Path | None = None
    regularization: Path | None = None
    warm_start: Path | None = None

    def check(self, settings: Train, latents: Latents) -> None:
        """What the settings ask for is given, and the other way round."""
        uses = {
            "latents": latents.cached,
            "images": not latents.cached,
            "regularization": settings.regularization is not None,
            "warm_start": settings.warm_start is not None,
        }
        missing = [name for name, used in uses.items() if used and getattr(self, name) is None]
        surplus = [name for name, used in uses.items() if not used and getattr(self, name)]
        for names, said in ((missing, "these settings need"), (surplus, "given but not used:")):
            if names:
                raise SystemExit(f"{said} --{' --'.join(names).replace('_', '-')}")

    def contents(self) -> str:
        """One digest of every file that the run reads."""
        files = [path for path in (self.latents, self.regularization) if path]
        files += shard_files(self.images) if self.images else []
        files += [self.warm_start] if self.warm_start else []
        # The noise schedule and the tokenizers are in small files beside the weights.
        kinds = (".safetensors", ".json", ".txt")
        files += sorted(path for path in self.base.glob("*/*") if path.suffix in kinds)
        return " ".join(sha256(path)[:16] for path in files)


def run(
    *,
    settings: Train,
    latents: Latents,
    inputs: Inputs,
    seed: int,
    identity: str,
    name: str,
    threads: int,
    prefix: Path,
    provenance: dict[str, Any],
    cadence: Cadence,
    start: float,
) -> None:
    """Train and write `<prefix>.safetensors`, `.csv` and `.json`."""
    stop = Stop()
    inputs.check(settings, latents)
    resume = Resume(prefix, identity, cache(inputs.contents))
    resume.remove_stale()
    deterministic(threads)
    draws = Draws(seed, runs_before(inputs.warm_start))
    stream = _stream(settings, latents, inputs, draws)
    warmup_steps(settings, settings.total_steps(len(stream.images)))  # before models are loaded
    master = torch.float32 if settings.weights == "full" else None
    base = load_base(inputs.base, ("unet", "text"), DTYPES[settings.precision], master)
    base = _objective(base, settings)
    _check_shape(base, stream.images)
    outcome = train(
        Run(name, settings, draws, base, stream, resume, stop, cadence, inputs.warm_start)
    )
    write_text(prefix.with_name(prefix.name + ".csv"), outcome.log.csv())
    record = {
        "identity": identity,
        "seed": seed,
        "runs_before": draws.chain,
        "provenance": provenance,
        "settings": settings.model_dump(mode="json"),
        "latents": latents.model_dump(mode="json"),
        "inputs": {
            field.name: None if (path := getattr(inputs, field.name)) is None else str(path)
            for field in fields(inputs)
        },
        **_figures(outcome, stream, start),
    }
    write_json(prefix.with_name(prefix.name + ".json"), record)
    weights = prefix.with_name(prefix.name + ".safetensors")
    beside = prefix.with_name(prefix.name + ".kohya.safetensors")
    for path, kohya in ((beside, base), (weights, None)):
        trained.save(path, outcome.parameters, settings, identity, draws.chain, kohya)
    resume.remove()


def _stream(settings: Train, latents: Latents, inputs: Inputs, draws: Draws) -> Stream:
    if inputs.images is not None:
        vae = load_base(inputs.base, ("vae",)).vae.to("cuda" if cuda.is_available() else "cpu")
        images = encoded_images(inputs.images, vae, latents, settings.exclude_words)
    elif inputs.latents is not None:
        images = cached_images(inputs.latents, settings.exclude_words)
    extra = None if inputs.regularization is None else cached_images(inputs.regularization)
    return Stream(settings, draws, images, extra)


def _objective(base: Base, settings: Train) -> Base:
    if said := contradiction(settings, base.prediction_type):
        raise SystemExit(f"train: {said}")
    return with_objective(base, settings.prediction_type, settings.zero_terminal_snr)


def _check_shape(base: Base, images: Images) -> None:
    channels, height, width = images.source.shape
    if channels != base.unet.config.in_channels:
        raise SystemExit(
            f"latents have {channels} channels, the UNet of {base.folder} takes "
            f"{base.unet.config.in_channels}: they were encoded for another base"
        )
    step = 2 ** (len(base.unet.config.block_out_channels) - 1)
    if height % step or width % step:
        raise SystemExit(
            f"latents of {height}×{width} do not divide by {step}, as the UNet of {base.folder} "
            f"needs: choose images whose height and width are multiples of {step * base.pixels}"
        )


def _figures(outcome: Outcome, stream: Stream, start: float) -> dict[str, Any]:
    steps = outcome.steps
    return {
        "images": len(stream.images),
        "regularization_images": len(stream.regularization) if stream.regularization else 0,
        "steps": steps,
        "trained_weights": sum(weight.numel() for weight in outcome.parameters.values()),
        "resumed_at": outcome.resumed_at,
        "loop_seconds": round(outcome.seconds, 3),
        "job_seconds": round(time.monotonic() - start, 3),
        "steps_per_second": round(steps / outcome.seconds, 4) if outcome.seconds else None,
        "final_loss": outcome.log.rows[-1][2],
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "peak": peak_memory(),
    }
