"""The training loop: one for every base, row of the table and machine."""

import time
from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import nn

from ..progress import Progress, say
from .batches import collate
from .dropouts import Dropouts
from .log import Log, NotFiniteError
from .lora import check_finite
from .micro_batches import MicroBatches, fits
from .noise import noised, target
from .optimizing import Optimizing
from .predicting import predict
from .run import CutShortError, Run
from .signals import TEMPORARY
from .speed import compile_blocks
from .state import State
from .stream import Sample
from .terms import Terms, make_terms
from .text import Texts
from .trained import add_trained, start_from


def train(run: Run) -> State:
    """Train adapters on the base; SystemExit when asked to leave or when something is no number."""
    settings, processes, steps = run.settings, run.processes, run.steps

    # The weights that train, their optimizer, and where an earlier try left off.
    # What is wrong with the arm shows before the networks are on a GPU.
    parameters = add_trained(run.base, settings, run.draws)
    if run.warm_start is not None:
        start_from(run.warm_start, parameters, settings, run.base)
    run.base.alphas = run.base.alphas.to(processes.device)
    terms = make_terms(run)
    for network in run.base.networks.values():
        network.to(processes.device)
    dropouts = Dropouts(run.base, settings, run.draws)
    if settings.compile:
        compile_blocks(run.base)
    texts = Texts(run.base, settings, run.stream.captions(), sorted(run.more_captions))
    optimizing = Optimizing(parameters, settings, steps)
    optimizer, state = optimizing.optimizer, _state(run, optimizing, dropouts, terms)
    state.restore(run.resume)
    processes.any()  # every one has read the saved state before one writes the next
    progress = Progress(run.name, steps, state.first)
    saved = time.monotonic()
    run.stop.looping = True
    run.budget.begin()

    try:
        for step in range(state.first, steps):
            # Validation and samples: they look at the weights and change none.
            _look(run, state, texts, step)

            # Learning rate: a function of the step.
            rate = optimizing.set_rates(step)

            # Gradients of one effective batch.
            loss = gradients(run, state, texts, step)

            # One optimizer step; where gradients overflowed (fp16) the weights stay as they are.
            state.scaler.unscale_(optimizer)
            limit = float("inf") if settings.clip_norm is None else settings.clip_norm
            norm = nn.utils.clip_grad_norm_(parameters.values(), limit)
            state.scaler.step(optimizer)
            state.scaler.update()
            optimizer.zero_grad()
            optimizing.stepped(step)

            # Log.
            done = step + 1
            if state.log.add(step, loss, norm, rate, last=done == steps) and processes.first:
                row = state.log.rows[-1]
                progress.step(done, loss=row[2], grad_norm=row[4])

            # Save when due; leave where asked to, or where time is up. All processes alike.
            due = run.cadence.due(done, time.monotonic() - saved)
            asked, late, due = processes.any(run.stop.asked, run.budget.over(), due)
            if done < steps and (asked or late or due):
                state.save(run, done, leaving=asked or late)
                saved = time.monotonic()
            if done < steps and (asked or late):
                _leave(run, done, "asked to stop" if asked else "time is up")
        step = steps
        _look(run, state, texts, step)
    except CutShortError:
        state.save(run, step, leaving=True)
        _leave(run, step, "asked to stop")
    except NotFiniteError as error:
        processes.leave(_not_finite(run, error))
    optimizing.finish()
    check_finite(run.name, parameters)
    return state


def gradients(run: Run, state: State, texts: Texts, step: int) -> torch.Tensor:
    """Gradients of the loss of one effective batch, over micro-batches and processes; the loss."""
    settings, processes = run.settings, run.processes
    batch = range(step * settings.effective_batch, (step + 1) * settings.effective_batch)
    total = torch.zeros((), device=processes.device)

    def accumulate() -> None:
        for micro in state.micro.split(processes.share(batch)):
            samples = run.stream.samples(micro.start, len(micro))
            state.dropouts.at(step, samples)
            each = losses(run, state, texts, samples, step / run.steps)
            loss = each.sum() / settings.effective_batch
            state.scaler.scale(loss).backward()
            total.add_(loss.detach())

    # Out of memory: the whole step again, in smaller micro-batches.
    while processes.any(not fits(accumulate))[0]:
        state.optimizing.optimizer.zero_grad()
        total.zero_()
        state.micro.halve(run.name, step, processes)
    state.dropouts.off()
    of_all = (weight.grad for weight in state.parameters.values() if weight.grad is not None)
    processes.add_up([total, *of_all])
    return total


def losses(
    run: Run, state: State, texts: Texts, samples: Sequence[Sample], progress: float
) -> torch.Tensor:
    """The loss of each sample; `progress` is the share of the run that is done."""
    settings, base, device = run.settings, run.base, run.processes.device
    alphas = base.alphas

    # What the network sees, √ᾱ·x + √(1 − ᾱ)·ε (Ho et al. 2020, eq. 4), and what it makes of it.
    batch = collate(samples, run.draws, len(alphas), settings, device)
    x = noised(batch.latents, batch.mixed, alphas[batch.timesteps])
    predicted = predict(run, texts, batch.captions, x, batch.timesteps)

    # Elementwise → mean → × timestep weight + the mel image's → × sample weight (kohya's order).
    wanted = target(base.prediction_type, batch.latents, batch.noise, alphas[batch.timesteps])
    loss = state.terms.elementwise(
        predicted,
        wanted,
        settings=settings.loss,
        timesteps=batch.timesteps,
        alphas=alphas,
        progress=progress,
    ).mean(dim=(1, 2, 3))
    loss = loss * state.terms.of_timestep[batch.timesteps]
    if state.terms.image is not None:
        loss = loss + state.terms.image(batch, predicted - wanted)
    return loss * batch.weights


def _state(run: Run, optimizing: Optimizing, dropouts: Dropouts, terms: Terms) -> State:
    """The state before the first step."""
    settings, device = run.settings, run.processes.device
    scaled = settings.precision == "fp16"
    return State(
        optimizing=optimizing,
        terms=terms,
        dropouts=dropouts,
        scaler=torch.amp.GradScaler(device.type, enabled=scaled),
        log=Log(settings.log_every, run.stream.epoch_size / settings.effective_batch, scaled),
        micro=MicroBatches(settings.batch_size),
    )


def _look(run: Run, state: State, texts: Texts, done: int) -> None:
    for look in run.looks:
        look(run, state, texts, done)


def _leave(run: Run, done: int, why: str) -> NoReturn:
    if run.processes.first:
        said = (
            f"{run.name}: {why}, saved step {done}/{run.steps}; run the same command again to go on"
        )
        say(said)
    raise SystemExit(TEMPORARY)


def _not_finite(run: Run, error: NotFiniteError) -> str:
    settings = run.settings
    batch = ""
    if error.of_batch:
        number = error.step * settings.effective_batch
        samples = run.stream.samples(number, settings.effective_batch)
        batch = f"; the batch was {', '.join(sample.clip_id for sample in samples)}"
    return (
        f"{run.name}: the {error.what} became {error.value} at step {error.step + 1}{batch}. "
        f"Lower lr (now {settings.lr:g}), set clip_norm "
        f"(now {settings.clip_norm}) or use precision bf16 or no (now {settings.precision}). "
        f"Settings: {settings.model_dump_json()}"
    )
