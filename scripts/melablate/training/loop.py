"""The training loop: one for every base, row of the table and machine."""

import importlib
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from ..models.base import Base
from ..models.conditioning import unet_arguments
from ..progress import Progress
from .batches import collate
from .draws import Draws
from .dropouts import Dropouts
from .log import Log, NotFiniteError
from .lora import check_finite
from .noise import noised, target
from .optimizing import Optimizing
from .recompute import recompute_activations
from .resume import Cadence, Resume
from .settings import Train
from .signals import TEMPORARY, Stop
from .stream import Stream
from .text import Texts
from .trained import add_trained, start_from
from .weighting import timestep_weights

DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Run:
    """What a run is made of."""

    name: str
    settings: Train
    draws: Draws
    base: Base
    stream: Stream
    resume: Resume
    stop: Stop
    cadence: Cadence
    warm_start: Path | None = None


@dataclass
class Outcome:
    """What a run has come to."""

    parameters: dict[str, nn.Parameter]
    log: Log
    steps: int
    seconds: float
    """Time in the loop, over all the tries that it took."""
    resumed_at: int
    """Step at which this try began."""


def deterministic(threads: int) -> None:
    """Same input, same bits: fixed threads and deterministic kernels where there are any."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would also fill all fresh memory with NaN, which no step here reads.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def train(run: Run) -> Outcome:
    """Train adapters on the base; SystemExit when asked to leave or when something is no number."""
    settings, base, draws, stream = run.settings, run.base, run.draws, run.stream
    accelerator = _accelerator(settings)
    device = accelerator.device
    steps = settings.total_steps(len(stream.images))
    elementwise = importlib.import_module(f"{__package__}.losses.{settings.loss.kind}").loss
    alphas, cut = base.alphas.to(device), stream.images.source.cut
    of_timestep = timestep_weights(settings, alphas, base.prediction_type)
    image_loss = None
    if settings.spectrogram_loss is not None:
        make = importlib.import_module(f"{__package__}.losses.spectrogram").make
        image_loss = make(settings.spectrogram_loss, base, draws, device)

    # Adapters on the frozen base, and their optimizer.
    for network in base.networks.values():
        network.to(device)
    parameters = add_trained(base, settings, draws)
    if run.warm_start is not None:
        start_from(run.warm_start, parameters, settings, base)
    dropouts = Dropouts(base, settings, draws)
    recompute_activations(base, settings)
    optimizing = Optimizing(parameters, settings, steps)
    plain = optimizing.optimizer
    trained = list(parameters.values())
    texts = Texts(base, settings, stream.captions())
    unet, optimizer = accelerator.prepare(base.unet, plain)

    # Where an earlier try of the same run left off.
    scaled = accelerator.scaler is not None
    log = Log(settings.log_every, stream.epoch_size / settings.effective_batch, scaled)
    first, before = _restored(run.resume, optimizing, log, accelerator.scaler)
    progress = Progress(run.name, steps, first)
    start = saved = time.monotonic()

    def save(done: int) -> None:
        log.settle(done)
        check_finite(run.name, parameters)
        rest = {"log": log.state(), "seconds": before + time.monotonic() - start}
        if scaled:
            rest["scaler"] = accelerator.scaler.state_dict()
        run.resume.save(done, parameters, plain, rest, optimizing.averages)

    try:
        for step in range(first, steps):
            # Learning rate: a function of the step.
            rate = optimizing.set_rates(step)

            # Gradients of one effective batch, in micro-batches.
            total = torch.zeros((), device=device)
            for micro in range(settings.accumulation):
                number = step * settings.effective_batch + micro * settings.batch_size
                samples = stream.samples(number, settings.batch_size)
                dropouts.at(step, samples)
                batch = collate(samples, draws, len(alphas), settings, device)
                with accelerator.autocast():
                    x = noised(batch.latents, batch.mixed, alphas[batch.timesteps])
                    arguments = unet_arguments(base, texts(batch.captions), x, cut)
                    predicted = unet(x.to(base.unet.dtype), batch.timesteps, **arguments).sample

                # Elementwise → mean → × sample weight → × timestep weights → + the mel image's
                # → mean (kohya's order).
                wanted = target(
                    base.prediction_type, batch.latents, batch.noise, alphas[batch.timesteps]
                )
                loss = elementwise(
                    predicted.float(),
                    wanted,
                    settings=settings.loss,
                    timesteps=batch.timesteps,
                    alphas=alphas,
                    progress=step / steps,
                ).mean(dim=(1, 2, 3))
                loss = loss * batch.weights * of_timestep[batch.timesteps]
                if image_loss is not None:
                    loss = loss + batch.weights * image_loss(batch, predicted.float() - wanted)
                loss = loss.mean() / settings.accumulation
                accelerator.backward(loss)
                total += loss.detach()

            dropouts.off()

            # One optimizer step.
            norm = _clip(accelerator, optimizer, trained, settings.clip_norm)
            optimizer.step()
            optimizer.zero_grad()
            optimizing.stepped(step)

            # Log, save, and leave where asked to.
            done = step + 1
            if log.add(step, total, norm, rate, last=done == steps):
                progress.step(done, loss=log.rows[-1][2], grad_norm=log.rows[-1][4])
            if run.stop.asked and done < steps:
                save(done)
                print(f"{run.name}: asked to stop, saved step {done}/{steps}", file=sys.stderr)
                raise SystemExit(TEMPORARY)
            if done < steps and run.cadence.due(done, time.monotonic() - saved):
                save(done)
                saved = time.monotonic()
    except NotFiniteError as error:
        raise SystemExit(_not_finite(run, error)) from None
    optimizing.finish()
    check_finite(run.name, parameters)
    return Outcome(parameters, log, steps, before + time.monotonic() - start, first)


def _accelerator(settings: Train) -> Accelerator:
    if settings.precision == "fp16" and not torch.cuda.is_available():
        raise SystemExit("precision fp16 needs a GPU: set precision to bf16 or no")
    return Accelerator(mixed_precision=settings.precision, cpu=not torch.cuda.is_available())


def _restored(resume: Resume, optimizing: Optimizing, log: Log, scaler: Any) -> tuple[int, float]:
    """Step and seconds of an earlier try; 0 without one."""
    found = resume.load(optimizing.parameters, optimizing.optimizer, optimizing.averages)
    if found is None:
        return 0, 0.0
    step, rest = found
    log.restore(rest["log"])
    if scaler is not None:
        scaler.load_state_dict(rest["scaler"])
    print(f"resuming at step {step}", file=sys.stderr)
    return step, rest["seconds"]


def _clip(
    accelerator: Accelerator,
    optimizer: Any,
    trained: Iterable[nn.Parameter],
    largest: float | None,
) -> torch.Tensor:
    """Scale gradients down to the largest norm; the norm that they had."""
    accelerator.unscale_gradients(optimizer)
    limit = float("inf") if largest is None else largest
    norm: torch.Tensor = torch.nn.utils.clip_grad_norm_(trained, limit)
    return norm


def _not_finite(run: Run, error: NotFiniteError) -> str:
    settings = run.settings
    number = error.step * settings.effective_batch
    clips = [sample.clip_id for sample in run.stream.samples(number, settings.effective_batch)]
    return (
        f"{run.name}: the {error.what} became {error.value} at step {error.step + 1}; "
        f"the batch was {', '.join(clips)}. Lower lr (now {settings.lr:g}), set clip_norm "
        f"(now {settings.clip_norm}) or use precision bf16 or no (now {settings.precision}). "
        f"Settings: {settings.model_dump_json()}"
    )
