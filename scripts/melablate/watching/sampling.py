"""Samples of the weights as they are, and how flat their spectra are."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..audio.codec_settings import CodecSettings
from ..audio.png import image_to_png
from ..files import write_bytes, write_text
from ..metrics.entropy import spectral_entropies
from ..metrics.sample_files import read_frames
from ..progress import say
from ..sampling.generate import decode_latents
from ..sampling.solvers import make_solver
from ..training.draws import Draws
from ..training.images import Images
from ..training.micro_batches import fits
from ..training.predicting import predict
from ..training.run import Run
from ..training.state import State
from ..training.text import Texts
from .settings import Watch


class Samples:
    """Every so many steps: pictures, and their entropy as a share of its ceiling and of real's."""

    def __init__(
        self, settings: Watch, folder: Path, heldout: Images, vae: Any, codec: CodecSettings
    ) -> None:
        self.settings, self.folder, self.vae, self.codec = settings, folder, vae, codec
        # Of no training seed: the noise is the same for all arms and steps.
        draws = Draws(0)
        order = sorted(
            range(len(heldout)), key=lambda row: draws.number("watch", heldout.clip_ids[row])
        )
        self.chosen = order[: settings.samples]
        self.captions = [heldout.captions[row][0] for row in self.chosen]
        self.noise = torch.stack(
            [draws.normal(heldout.source.shape, "watch", heldout.clip_ids[r]) for r in self.chosen]
        )
        self.real, _ = heldout.source.posterior(self.chosen, [0] * len(self.chosen))
        self.of_real: dict[str, float] = {}
        self.rows: dict[int, dict[str, float]] = {}

    def look(self, run: Run, state: State, texts: Texts, done: int) -> None:
        """Before the first step, every so many, and after the last, in the first process."""
        every = self.settings.every
        if every is None or (done % every and done < run.steps) or not run.processes.first:
            return
        if not self.of_real:
            self._begin(done)

        def sample() -> None:
            with state.optimizing.averaged(), torch.no_grad():
                self.rows[done] = self._show(f"step-{done:07}", self._denoised(run, texts))

        if not fits(sample):
            say(f"{run.name}: no memory for samples at step {done}; go on")
            return
        write_text(self.folder / "entropy.csv", self._table())
        share = self.rows[done]["spectral_entropy"]
        say(
            f"{run.name}: {done}/{run.steps}  spectral entropy {share:.4f} of its ceiling, "
            f"{share / self.of_real['spectral_entropy']:.4f} of real clips'"
        )

    def _begin(self, done: int) -> None:
        """What is left of an earlier run goes; what this one has shown before stays."""
        kept = {}
        if done and (table := self.folder / "entropy.csv").is_file():
            with table.open(encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if row["step"] != "real" and int(row["step"]) < done:
                        step = int(row.pop("step"))
                        kept[step] = {name: float(value) for name, value in row.items()}
        for path in self.folder.glob("*.png"):
            if not any(path.name.startswith(f"step-{step:07}") for step in kept):
                path.unlink()
        self.rows = kept
        self.of_real = self._show("real", self.real)

    def _denoised(self, run: Run, texts: Texts) -> torch.Tensor:
        """Latents of the captions by classifier-free guidance (Ho & Salimans 2022, eq. 6)."""
        solver = make_solver("dpmsolver++", run.base.scheduler)
        solver.set_timesteps(self.settings.steps, device=run.processes.device)
        noise = self.noise.to(run.processes.device)
        latents: torch.Tensor = noise * solver.init_noise_sigma
        captions = ["" for _ in self.captions] + self.captions
        for time in solver.timesteps:
            run.look_on()
            x = solver.scale_model_input(torch.cat([latents, latents]), time)
            predicted = predict(run, texts, captions, x, time.expand(len(x)))
            negative, positive = predicted.chunk(2)
            guided = negative + self.settings.guidance * (positive - negative)
            latents = solver.step(guided, time, latents).prev_sample
        return latents

    def _show(self, name: str, latents: torch.Tensor) -> dict[str, float]:
        """Write the pictures; the means of their entropies."""
        latents = latents.to(self.vae.device)
        names = [f"{name}-{number}" for number in range(len(latents))]
        found = []
        for name, image in zip(
            names, decode_latents(self.vae, latents, self.codec, names), strict=True
        ):
            path = self.folder / f"{name}.png"
            write_bytes(path, image_to_png(image, self.codec))
            found.append(spectral_entropies(read_frames(path)))
        return {key: float(np.mean([one[key] for one in found])) for key in found[0]}

    def _table(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["step", *self.of_real])
        for step, row in [("real", self.of_real), *sorted(self.rows.items())]:
            writer.writerow([step, *(f"{row[name]:.6f}" for name in self.of_real)])
        return out.getvalue()
