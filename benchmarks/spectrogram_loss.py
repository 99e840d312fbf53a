"""What the spectrogram-aware loss changes and costs, on the embedded base.

    make demo && python benchmarks/spectrogram_loss.py --out benchmarks/spectrogram_loss.md

Trains the demo's baseline again with and without the loss, with the trainer itself, over some
seeds; then looks at held-out clips: how far the mel image that a prediction stands for is from the
real one, at fixed noise, and how the spectrograms that are generated differ from real ones.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch  # noqa: E402
from melablate.config_files import read_config  # noqa: E402
from melablate.models.base import Base, load_base  # noqa: E402
from melablate.models.conditioning import encode, unet_arguments  # noqa: E402
from melablate.models.lora import load_into  # noqa: E402
from melablate.models.weights import read_tensors  # noqa: E402
from melablate.plan import Plan, make_plan  # noqa: E402
from melablate.sampling.generate import generate_latents  # noqa: E402
from melablate.sampling.prompts import Prompt  # noqa: E402
from melablate.training.losses.spectrogram import make  # noqa: E402
from melablate.training.noise import guessed, noised  # noqa: E402
from melablate.training.objective_settings import SpectrogramLoss  # noqa: E402

VARIANTS: dict[str, dict[str, Any] | None] = {
    "latents alone": None,
    "values, weight 10": {"weight": 10, "slopes": 0},
    "values and slopes, weight 3": {"weight": 3},
    "values and slopes, weight 10": {"weight": 10},
    "values and slopes, weight 30": {"weight": 30},
}
TIMES = (100, 300, 500, 700, 900)
BANDS = 4
DECIBELS = 40.0
"""A step of 1 in the autoencoder's range, −1 … 1, of an image that spans 80 dB."""
Result = dict[str, list[float]]


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="of a finished demo")
    parser.add_argument("--config", type=Path, default=PROJECT / "config" / "demo.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", type=json.loads, default=VARIANTS, help="JSON, by name")
    parser.add_argument("--work", type=Path, default=Path("results/.spectrogram-loss"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan = make_plan(read_config(arguments.config), [arguments.config])
    clips = HeldOut(arguments.results, plan)
    found: dict[str, list[Result]] = {}
    for name, own in arguments.variants.items():
        for seed in arguments.seeds:
            weights = trained(clips, plan, own, seed, arguments.work)
            found.setdefault(name, []).append(clips.measure(weights, seed))
            print(name, seed, {k: [round(v, 3) for v in x] for k, x in found[name][-1].items()})
    costs = {name: cost(clips, own) for name, own in arguments.variants.items() if own}
    text = describe(found, costs, clips, plan)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


class HeldOut:
    """The demo's held-out clips, and what is measured on them."""

    def __init__(self, results: Path, plan: Plan) -> None:
        recipe = plan.common
        self.folder = results / "models" / plan.base(recipe.base)
        latents = plan.cached(recipe, recipe.corpus)
        self.latents = results / "latents" / latents / "latents.safetensors"
        tensors, metadata = read_tensors(self.latents)
        splits, captions = (json.loads(metadata[key]) for key in ("splits", "captions"))
        rows = [row for row, split in enumerate(splits) if split == "heldout"]
        self.mean = tensors["mean"][rows, 0].float()
        self.captions = [captions[row][0] for row in rows]
        self.sample = recipe.sample
        self.vae = load_base(self.folder, ("vae",)).vae
        self.real = self.decoded(self.mean)

    @torch.no_grad()
    def decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """Mel images of latents."""
        scale = self.vae.config.scaling_factor
        image: torch.Tensor = self.vae.decode(latents / scale).sample
        return image

    @torch.no_grad()
    def measure(self, weights: Path, seed: int) -> Result:
        """Errors in dB by band at each noise level, and of what is generated."""
        base = load_base(self.folder, ("unet", "text"))
        load_into(base, weights)
        text = encode(base, self.captions)
        generator = torch.Generator().manual_seed(0)
        found: Result = {}
        for t in TIMES:
            noise = torch.randn(self.mean.shape, generator=generator)
            times = torch.full((len(self.mean),), t)
            x = noised(self.mean, noise, base.alphas[times])
            error = base.unet(x, times, **unet_arguments(base, text, x)).sample - noise
            guess = guessed("epsilon", self.mean, error, base.alphas[times])
            found[f"t={t}"] = root_mean_square(self.decoded(guess) - self.real)
            found[f"latents t={t}"] = [float(error.square().mean())]
        return found | self._generated(base, seed)

    def _generated(self, base: Base, seed: int) -> Result:
        """Mean level of every mel row, and energy of the slopes, beside those of real clips."""
        jobs = [(Prompt(f"{row:016}", text), 0) for row, text in enumerate(self.captions)]
        size = (self.mean.shape[2], self.mean.shape[3])
        made = self.decoded(generate_latents(base, jobs, size, self.sample, seed)).clamp(-1, 1)
        real = self.real.clamp(-1, 1)
        levels = made.mean(dim=(0, 1, 3)) - real.mean(dim=(0, 1, 3))
        return {
            "level": root_mean_square(levels.view(1, 1, -1, 1)),
            "onsets": ratio(made.diff(dim=3), real.diff(dim=3)),
            "harmonics": ratio(made.diff(dim=2), real.diff(dim=2)),
        }


def bands(values: torch.Tensor) -> list[torch.Tensor]:
    """Rows in groups, the lowest frequencies first."""
    return list(values.tensor_split(BANDS, dim=2))


def root_mean_square(difference: torch.Tensor) -> list[float]:
    """In dB, by band and over all."""
    squares = [part.square().mean() for part in (*bands(difference), difference)]
    return [DECIBELS * float(square.sqrt()) for square in squares]


def ratio(made: torch.Tensor, real: torch.Tensor) -> list[float]:
    """Energy over that of real clips, by band and over all; 1 is alike."""
    pairs = zip((*bands(made), made), (*bands(real), real), strict=True)
    return [float(a.square().mean() / b.square().mean()) for a, b in pairs]


def trained(clips: HeldOut, plan: Plan, own: dict[str, Any] | None, seed: int, work: Path) -> Path:
    """The weights of a run of the trainer."""
    settings = json.loads(plan.train("baseline", seed).settings)
    if own is not None:
        settings["spectrogram_loss"] = own
    name = "-".join(f"{key}-{value}" for key, value in (own or {"latents": "alone"}).items())
    out = work / name.replace(" ", "") / f"seed-{seed}.safetensors"
    if not out.exists():
        command = [sys.executable, PROJECT / "scripts" / "train_lora.py", "--seed", seed]
        command += ["--settings", json.dumps(settings), "--identity", "0" * 12, "--out", out]
        command += ["--base", clips.folder, "--latents", clips.latents]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return out


def cost(clips: HeldOut, own: dict[str, Any], steps: int = 12) -> float:
    """CPU time of the network's pass, forward and backward, with the loss over that without."""
    from melablate.training.batches import collate
    from melablate.training.draws import Draws
    from melablate.training.images import cached_images
    from melablate.training.lora import add_lora
    from melablate.training.settings import Train
    from melablate.training.stream import Stream

    settings, draws = Train(batch_size=8, rank=4, targets="all"), Draws(0)
    base = load_base(clips.folder, ("unet", "text"))
    add_lora(base, settings, draws)
    stream = Stream(settings, draws, cached_images(clips.latents))
    loss = make(SpectrogramLoss.model_validate(own), base, draws, torch.device("cpu"))
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for step in range(2 * steps):
        start = time.process_time()
        samples = stream.samples(step // 2 * 8, 8)
        batch = collate(samples, draws, len(base.alphas), settings, torch.device("cpu"))
        x = noised(batch.latents, batch.mixed, base.alphas[batch.timesteps])
        with torch.no_grad():
            text = encode(base, batch.captions)
        arguments = unet_arguments(base, text, x)
        error = base.unet(x, batch.timesteps, **arguments).sample - batch.noise
        total = error.square().mean()
        if step % 2:
            total = total + loss(batch, error).mean()
        total.backward()
        seconds[bool(step % 2)].append(time.process_time() - start)
    return statistics.median(seconds[True]) / statistics.median(seconds[False])


def describe(
    found: dict[str, list[Result]], costs: dict[str, float], clips: HeldOut, plan: Plan
) -> str:
    """Markdown."""
    first, seeds = next(iter(found)), len(next(iter(found.values())))
    train = plan.common.train
    lines = [
        "# What the spectrogram-aware loss changes",
        "",
        f"The embedded base, {train.epochs:g} epochs of the demo's baseline, {seeds} seeds, "
        f"{len(clips.captions)} held-out clips; commit {commit()}, {date.today()}, "
        f"{platform.machine()}, torch {torch.__version__}. Differences are paired by seed: mean "
        "and (smallest … largest) over seeds; below zero is better, but for the slopes' energy, "
        "where 1 is as in real clips. `python benchmarks/spectrogram_loss.py` makes this page.",
        "",
        "## Error of the mel image that a prediction stands for, dB",
        "",
        f"The row of `{first}` is the error itself, the others are differences from it.",
        "",
        *table(found, [f"t={t}" for t in TIMES], -1, TIMES),
    ]
    for t in (500, 900):
        lines += ["", f"By band at t = {t}, lowest frequencies first:", ""]
        lines += table(found, [f"t={t}"] * BANDS, None, [f"band {n + 1}" for n in range(BANDS)])
    lines += ["", "## Mean squared error of ε in the latents, × 1000", ""]
    lines += table(found, [f"latents t={t}" for t in TIMES], -1, TIMES, 1000)
    lines += ["", "## Generated clips beside real ones", "", "Error of the mean level, dB:", ""]
    names = [*(f"band {n + 1}" for n in range(BANDS)), "all"]
    lines += table(found, ["level"] * len(names), None, names)
    for key, said in (("onsets", "from frame to frame"), ("harmonics", "from band to band")):
        lines += ["", f"Energy of the slopes {said}, over that of real clips:", ""]
        lines += table(found, [key] * len(names), None, names, paired=False)
    lines += ["", "## Cost", "", "CPU time of a training step over that without the loss:", ""]
    lines += ["| loss | step |", "| --- | ---: |"]
    lines += [f"| {name} | × {value:.2f} |" for name, value in costs.items()]
    return "\n".join([*lines, ""])


def table(
    found: dict[str, list[Result]],
    keys: Sequence[str],
    place: int | None,
    heads: Sequence[Any],
    times: float = 1.0,
    paired: bool = True,
) -> list[str]:
    """A row a variant; `place` of each key's values, or as many as there are columns."""
    lines = [f"| loss | {' | '.join(map(str, heads))} |", f"| --- |{' ---: |' * len(heads)}"]
    (first, baseline), *_ = found.items()
    for name, runs in found.items():
        cells = []
        for column, key in enumerate(keys):
            at = column if place is None else place
            values = [times * run[key][at] for run in runs]
            if paired and name != first:
                values = [v - times * b[key][at] for v, b in zip(values, baseline, strict=True)]
                low, high = min(values), max(values)
                cells.append(f"{statistics.fmean(values):+.2f} ({low:+.2f} … {high:+.2f})")
            else:
                cells.append(f"{statistics.fmean(values):.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def commit() -> str:
    """Of the code beside this file."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
