"""A training job: check inputs, train, write weights, log and provenance."""

import importlib
import time
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from ..models.base import Base, load_base, with_objective
from ..models.conditioning import check_clip_skip
from .budget import Budget
from .draws import Draws
from .images import cached_images
from .inputs import Inputs, check_shape
from .latents_settings import Latents
from .loop import train
from .lora import runs_before
from .micro_batches import enough_memory
from .objective import contradiction
from .outputs import write_outputs
from .processes import Processes
from .resume import Cadence, Resume
from .run import DTYPES, Run
from .schedules import warmup_steps
from .settings import Train
from .signals import Stop
from .speed import deterministic
from .stream import Stream


@dataclass(frozen=True)
class Job:
    """What it is told."""

    settings: Train
    latents: Latents
    inputs: Inputs
    seed: int
    identity: str
    name: str
    threads: int
    prefix: Path
    """Of all outputs: `<prefix>.safetensors`, `.csv`, `.json` …"""
    provenance: dict[str, Any]
    cadence: Cadence
    stop: Stop = field(default_factory=Stop)
    start: float = field(default_factory=time.monotonic)
    budget: float | None = None
    """Seconds after `start` at which it has saved and left by itself."""
    watch: dict[str, Any] | None = None
    """What to show meanwhile: settings of `watching`, which no identity knows of."""
    watch_folder: Path | None = None
    """Where; none: nothing is shown."""


def run(**told: Any) -> None:
    """Train and write the outputs; see `Job`."""
    job = Job(**told)
    job.inputs.check(job.settings, job.latents)
    processes = Processes()
    _check_share(job.settings, processes)
    resume = Resume(job.prefix, job.identity, cache(partial(job.inputs.contents, job.settings)))
    resume.check()
    job.inputs.check_latents()
    if processes.first:
        resume.tell_stale()
    deterministic(job.threads)
    with enough_memory(job.name):
        this = _prepared(job, processes, resume)
        _add_looks(job, this)
        state = train(this)
    if processes.first:
        try:
            write_outputs(this, state, _record(job, this), job.start)
        except OSError as error:
            raise SystemExit(
                f"{job.name}: outputs could not be written ({error}). Make room below "
                f"{job.prefix.parent}, then run the same command again: it goes on from the last "
                "saved state"
            ) from None
        resume.remove()


def _prepared(job: Job, processes: Processes, resume: Resume) -> Run:
    """Data first, then models: what is wrong with the data shows before a GPU is used."""
    settings, inputs = job.settings, job.inputs
    draws = Draws(job.seed, runs_before(inputs.warm_start))
    images = inputs.read(settings, job.latents, processes.device)
    extra = None if inputs.regularization is None else cached_images(inputs.regularization)
    stream = Stream(settings, draws, images, extra)
    warmup_steps(settings, settings.total_steps(len(images)))  # an error where it is too long
    if processes.first or resume.path.exists():
        resume.contents()  # gigabytes: before the first save has to be quick, and before they load
    master = torch.float32 if settings.weights == "full" else None
    base = load_base(inputs.base, ("unet", "text"), DTYPES[settings.precision], master)
    base = _objective(base, settings)
    check_shape(base, images)
    check_clip_skip(base, settings.clip_skip)
    return Run(
        name=job.name,
        settings=settings,
        draws=draws,
        base=base,
        stream=stream,
        resume=resume,
        stop=job.stop,
        cadence=job.cadence,
        budget=Budget.of_job(job.start, job.budget),
        processes=processes,
        warm_start=inputs.warm_start,
    )


def _add_looks(job: Job, run: Run) -> None:
    """By their names, so that runs without them are not run again when they change."""
    watch, heldout = job.watch if job.watch_folder else None, None
    if job.settings.validation is not None or (watch and watch.get("every")):
        heldout = job.inputs.read(job.settings, job.latents, run.processes.device, "heldout")
    if job.settings.validation is not None:
        module = importlib.import_module(".validating", __package__)
        validating = module.Validating(
            job.settings.validation, heldout, run.steps, len(run.base.alphas)
        )
        run.looks.append(validating.look)
        run.more_captions |= validating.captions()
    if watch:
        module = importlib.import_module("..watching.watch", __package__)
        module.watch(run, watch, job.watch_folder, heldout, job.inputs.codec())


def _record(job: Job, run: Run) -> dict[str, Any]:
    """What was asked for; what came of it is added."""
    return {
        "identity": job.identity,
        "seed": job.seed,
        "runs_before": run.draws.chain,
        "provenance": job.provenance,
        "settings": job.settings.model_dump(mode="json"),
        "latents": job.latents.model_dump(mode="json"),
        "inputs": job.inputs.told(),
    }


def _check_share(settings: Train, processes: Processes) -> None:
    if settings.effective_batch < processes.count:
        processes.leave(
            f"{processes.count} processes for a batch of {settings.effective_batch}: each needs an "
            "image of it; take fewer processes (gpus), or set batch_size or accumulation higher"
        )
    found = torch.cuda.device_count() if processes.device.type == "cuda" else processes.local
    if processes.local > found:
        processes.leave(
            f"{processes.local} processes on this machine, which shows {found} GPUs: ask for fewer "
            "(gpus), or for a machine that has them"
        )


def _objective(base: Base, settings: Train) -> Base:
    if said := contradiction(settings, base.prediction_type):
        raise SystemExit(f"train: {said}")
    return with_objective(base, settings.prediction_type, settings.zero_terminal_snr)
