"""A training job: check inputs, train, write weights, log and provenance."""

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..audio.shard_files import shard_files
from ..files import sha256, write_json, write_text
from ..models.base import Base, load_base, with_objective
from . import trained
from .budget import Budget
from .draws import Draws
from .images import Images, cached_images, encoded_images
from .latents_settings import Latents
from .log import table
from .loop import train
from .lora import runs_before
from .objective import contradiction
from .processes import Processes
from .provenance import commit, machine, peak_memory, versions
from .resume import Cadence, Resume
from .run import DTYPES, Run
from .schedules import warmup_steps
from .settings import Train
from .signals import Stop
from .speed import deterministic
from .state import State
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
    stop: Stop,
    start: float,
    budget: float | None = None,
) -> None:
    """Train and write `<prefix>.safetensors`, `.csv` and `.json`."""
    inputs.check(settings, latents)
    processes = Processes()
    _check_share(settings, processes)
    resume = Resume(prefix, identity, cache(inputs.contents))
    resume.check()
    if processes.first:
        resume.tell_stale()
    deterministic(threads)
    draws = Draws(seed, runs_before(inputs.warm_start))
    images = _images(settings, latents, inputs, processes, "train")
    extra = None if inputs.regularization is None else cached_images(inputs.regularization)
    stream = Stream(settings, draws, images, extra)
    warmup_steps(settings, settings.total_steps(len(stream.images)))  # before models are loaded
    master = torch.float32 if settings.weights == "full" else None
    base = load_base(inputs.base, ("unet", "text"), DTYPES[settings.precision], master)
    base = _objective(base, settings)
    _check_shape(base, stream.images)
    this = Run(
        name=name,
        settings=settings,
        draws=draws,
        base=base,
        stream=stream,
        resume=resume,
        stop=stop,
        cadence=cadence,
        budget=Budget.of_job(start, budget),
        processes=processes,
        warm_start=inputs.warm_start,
    )
    if settings.validation is not None:
        _validate(this, _images(settings, latents, inputs, processes, "heldout"))
    state = train(this)
    if not processes.first:
        return
    asked = {
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
    }
    _write(this, state, asked | _figures(this, state, start))
    resume.remove()


def _validate(run: Run, heldout: Images) -> None:
    """By its name, so that arms without it do not run again when it changes."""
    module = importlib.import_module(f"{__package__}.validating")
    validating = module.Validating(
        run.settings.validation, heldout, run.steps, len(run.base.alphas)
    )
    run.looks.append(validating.look)
    run.more_captions |= validating.captions()


def _write(run: Run, state: State, record: dict[str, Any]) -> None:
    def beside(end: str) -> Path:
        return run.resume.prefix.with_name(run.resume.prefix.name + end)

    def save(end: str, weights: Mapping[str, torch.Tensor], kohya: Base | None = None) -> None:
        identity, chain = run.resume.identity, run.draws.chain
        trained.save(beside(end), weights, run.settings, identity, chain, kohya)

    write_text(beside(".csv"), state.log.csv())
    write_text(beside(".validation.csv"), table(("step", "loss"), state.validation))
    write_json(beside(".json"), record)
    # Without validation the last weights are the best that are known.
    best = run.resume.best(state.best[0]) if state.best else state.parameters
    save(".best.safetensors", best)
    save(".kohya.safetensors", state.parameters, run.base)
    save(".safetensors", state.parameters)


def _check_share(settings: Train, processes: Processes) -> None:
    if settings.effective_batch < processes.count:
        processes.leave(
            f"{processes.count} processes for a batch of {settings.effective_batch}: each needs an "
            "image of it; take fewer processes (gpus), or set batch_size or accumulation higher"
        )


def _images(
    settings: Train, latents: Latents, inputs: Inputs, processes: Processes, split: str
) -> Images:
    """Clips of a split; words set aside what is trained on, not what it is measured by."""
    words = settings.exclude_words if split == "train" else ()
    if inputs.images is not None:
        vae = load_base(inputs.base, ("vae",)).vae.to(processes.device)
        return encoded_images(inputs.images, vae, latents, words, split)
    assert inputs.latents is not None, "checked above"
    return cached_images(inputs.latents, words, split)


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


def _figures(run: Run, state: State, start: float) -> dict[str, Any]:
    stream, seconds, processes = run.stream, state.seconds, run.processes
    gpus = processes.count if processes.device.type == "cuda" else 0
    return {
        "images": len(stream.images),
        "regularization_images": len(stream.regularization) if stream.regularization else 0,
        "steps": run.steps,
        "trained_weights": sum(weight.numel() for weight in state.parameters.values()),
        "resumed_at": state.first,
        "loop_seconds": round(seconds, 3),
        "gpu_seconds": round(gpus * seconds, 3),
        "job_seconds": round(time.monotonic() - start, 3),
        "steps_per_second": round(run.steps / seconds, 4) if seconds else None,
        "processes": processes.count,
        "micro_batch": state.micro.size,
        "out_of_memory": state.micro.events,
        "final_loss": state.log.rows[-1][2],
        "best": dict(zip(("step", "validation_loss"), state.best, strict=True))
        if state.best
        else None,
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "peak": peak_memory(),
    }
