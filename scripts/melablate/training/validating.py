"""The error on held-out clips, at intervals: `train.validation`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..progress import say
from .draws import Draws
from .images import Images
from .log import NotFiniteError
from .micro_batches import fits
from .noise import noised
from .predicting import predict
from .run import Run
from .state import State
from .text import Texts
from .validation_settings import Validation


@dataclass(frozen=True)
class Cell:
    """A clip, noised for the n-th time."""

    row: int
    key: tuple[str, int]
    timestep: int


class Validating:
    """Fixed clips, noise and timesteps; what was measured is kept in the run's state."""

    def __init__(self, settings: Validation, images: Images, steps: int, timesteps: int) -> None:
        # Of no training seed, and of no chain of runs: every arm and seed is measured alike.
        self.settings, self.images, self.steps, self.draws = settings, images, steps, Draws(0)
        self.cells = self._cells(timesteps)

    def _cells(self, timesteps: int) -> list[Cell]:
        """One timestep of each of as many equal parts of the schedule as there are cells."""
        ids = self.images.clip_ids
        order = sorted(ids, key=lambda clip_id: self.draws.number("validation clip", clip_id))
        chosen = order[: self.settings.clips]
        keys = [(clip_id, time) for clip_id in chosen for time in range(self.settings.draws)]
        parts = self.draws.permutation(len(keys), "validation order")
        places = [
            (part + self.draws.uniform("validation timestep", *key)) / len(keys)
            for key, part in zip(keys, parts, strict=True)
        ]
        return [
            Cell(ids.index(key[0]), key, int(place * timesteps))
            for key, place in zip(keys, places, strict=True)
        ]

    def captions(self) -> set[str]:
        """The captions that it reads: the first of each clip's."""
        return {self.images.captions[cell.row][0] for cell in self.cells}

    def look(self, run: Run, state: State, texts: Texts, done: int) -> None:
        """Measure after `done` steps where it is due; keep the weights that were best."""
        known = {step for step, _ in state.validation}
        if done in known or (done % self.settings.every and done < self.steps):
            return
        best = min((loss for _, loss in state.validation), default=math.inf)
        with state.optimizing.averaged():
            loss = self.measure(run, state, texts, done)
            if not math.isfinite(loss):
                raise NotFiniteError(done - 1, "validation loss", loss, of_batch=False)
            state.validation.append((done, loss))
            if loss < best and run.processes.first:
                self._keep(run, state, done)
        if run.processes.first:
            say(f"{run.name}: {done}/{self.steps}  validation loss {loss:.4g}")

    @torch.no_grad()
    def measure(self, run: Run, state: State, texts: Texts, done: int) -> float:
        """Mean of (ε̂ − ε)² over clips and draws."""
        processes = run.processes
        errors = torch.zeros(len(self.cells), device=processes.device)

        def fill() -> None:
            for micro in state.micro.split(processes.share(range(len(self.cells)))):
                run.look_on()
                cells = self.cells[micro.start : micro.stop]
                errors[micro.start : micro.stop] = self._errors(run, texts, cells)

        while processes.any(not fits(fill))[0]:
            state.micro.halve(run.name, done, processes)
        processes.add_up([errors])
        return float(errors.double().mean())

    def _keep(self, run: Run, state: State, done: int) -> None:
        try:
            run.resume.keep_best(done, state.parameters)
        except OSError as error:
            raise SystemExit(
                f"{run.name}: the best weights so far could not be kept ({error}). Make room below "
                f"{run.resume.prefix.parent}, then run the same command again"
            ) from None

    def _errors(self, run: Run, texts: Texts, cells: Sequence[Cell]) -> torch.Tensor:
        device, rows = run.processes.device, [cell.row for cell in cells]
        mean, std = self.images.source.posterior(rows, [0] * len(rows))

        def normal(purpose: str) -> torch.Tensor:
            shape = tuple(mean.shape[1:])
            drawn = [self.draws.normal(shape, purpose, *cell.key) for cell in cells]
            return torch.stack(drawn).to(device)

        noise, timesteps = normal("validation noise"), torch.tensor([c.timestep for c in cells])
        latents = mean.to(device) + std.to(device) * normal("validation posterior")
        timesteps = timesteps.to(device)
        alphas = run.base.alphas[timesteps]
        x = noised(latents, noise, alphas)
        captions = [self.images.captions[row][0] for row in rows]
        predicted = predict(run, texts, captions, x, timesteps)
        if run.base.prediction_type == "v_prediction":
            # ε̂ = √ᾱ·v̂ + √(1 − ᾱ)·x_t (Salimans and Ho 2022), to compare with arms that predict ε.
            a = alphas.view(-1, 1, 1, 1)
            predicted = a.sqrt() * predicted + (1 - a).sqrt() * x
        return (predicted - noise).square().mean(dim=(1, 2, 3))
