"""Each optimizer against its paper's formulas, in float64, and its state saved and put back."""

import importlib
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.training.draws import Draws
from melablate.training.optimizing import Optimizing
from melablate.training.resume import Resume
from melablate.training.settings import Train
from pydantic import ValidationError
from torch import nn

Tensors = list[torch.Tensor]
Reference = Callable[[Tensors, list[float], int, dict[str, Any]], Tensors]
STEPS, WARMUP = 6, 2
NAMES = ("unet.a.lora_A.weight", "unet.a.lora_B.weight", "text_encoder.b.lora_B.weight")
SHAPES = ((3, 7), (5, 3), (70, 80))
GOALS = [Draws(1).normal(shape, "goal").double() for shape in SHAPES]


def first_weights() -> Tensors:
    """B starts as zero, as an adapter's does."""
    weights = [Draws(0).normal(shape, name) for name, shape in zip(NAMES, SHAPES, strict=True)]
    weights[1].zero_()
    return weights


def slope(weight: torch.Tensor, number: int) -> torch.Tensor:
    """Gradient of a bowl around the goal, steeper in some directions."""
    goal = GOALS[number].to(weight)
    steep = torch.linspace(0.2, 2.0, goal.numel(), dtype=weight.dtype).view(goal.shape)
    return steep * (weight - goal)


def settings_of(kind: str, options: dict[str, Any]) -> Train:
    more: dict[str, Any] = {"lr": 0.02, "lr_text": 0.01, "warmup": WARMUP, "rank": 3}
    if kind == "prodigy":
        more |= {"lr": 1.0, "lr_text": 1.0}
    return Train.model_validate(more | {"optimizer": {"kind": kind} | options})


def made(settings: Train, weights: Tensors) -> Optimizing:
    parameters = {n: nn.Parameter(w.clone()) for n, w in zip(NAMES, weights, strict=True)}
    return Optimizing(parameters, settings, STEPS)


def advance(optimizing: Optimizing, steps: range) -> None:
    for step in steps:
        optimizing.set_rates(step)
        for number, weight in enumerate(optimizing.parameters.values()):
            weight.grad = slope(weight.detach(), number)
        optimizing.optimizer.step()
        optimizing.optimizer.zero_grad()
        optimizing.stepped(step)


def rates(peaks: list[float], step: int) -> list[float]:
    return [peak * min(1.0, step / WARMUP) for peak in peaks]


def adamw(weights: Tensors, peaks: list[float], steps: int, s: dict[str, Any]) -> Tensors:
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for t in range(1, steps + 1):
        for i, lr in enumerate(rates(peaks, t - 1)):
            g = slope(weights[i], i)
            m[i] = s["betas"][0] * m[i] + (1 - s["betas"][0]) * g
            v[i] = s["betas"][1] * v[i] + (1 - s["betas"][1]) * g * g
            mean, square = (x / (1 - b**t) for x, b in zip((m[i], v[i]), s["betas"], strict=True))
            step = mean / (square.sqrt() + s["eps"])
            weights[i] = weights[i] * (1 - lr * s["weight_decay"]) - lr * step
    return weights


def lion(weights: Tensors, peaks: list[float], steps: int, s: dict[str, Any]) -> Tensors:
    m = [torch.zeros_like(w) for w in weights]
    for t in range(1, steps + 1):
        for i, lr in enumerate(rates(peaks, t - 1)):
            g, (one, two) = slope(weights[i], i), s["betas"]
            step = (one * m[i] + (1 - one) * g).sign() + s["weight_decay"] * weights[i]
            m[i] = two * m[i] + (1 - two) * g
            weights[i] = weights[i] - lr * step
    return weights


def prodigy(weights: Tensors, peaks: list[float], steps: int, s: dict[str, Any]) -> Tensors:
    """Algorithm 4 of the paper; with safeguard the learning rate is no part of s."""
    start, d, r, k = [w.clone() for w in weights], s["d0"], 0.0, 0
    m, v, sums = ([torch.zeros_like(w) for w in weights] for _ in range(3))
    one, two = s["betas"]
    root = math.sqrt(two)
    for t in range(1, steps + 1):
        lr = rates(peaks, t - 1)[0]
        if lr == 0:
            continue
        scaled = d * lr
        if s["use_bias_correction"]:
            scaled *= math.sqrt(1 - two ** (k + 1)) / (1 - one ** (k + 1))
        grads = [slope(w, i) for i, w in enumerate(weights)]
        r = root * r + (1 - root) * d * scaled * sum(
            float((g * (x0 - w)).sum()) for g, x0, w in zip(grads, start, weights, strict=True)
        )
        for i, g in enumerate(grads):
            m[i] = one * m[i] + (1 - one) * d * g
            v[i] = two * v[i] + (1 - two) * d * d * g * g
            size = d if s["safeguard_warmup"] else scaled
            sums[i] = root * sums[i] + (1 - root) * d * size * g
        d = max(d, s["d_coef"] * r / sum(float(x.abs().sum()) for x in sums))
        for i in range(len(weights)):
            step = m[i] / (v[i].sqrt() + d * s["eps"])
            weights[i] = weights[i] * (1 - scaled * s["weight_decay"]) - scaled * step
        k += 1
    return weights


def adafactor(weights: Tensors, peaks: list[float], steps: int, s: dict[str, Any]) -> Tensors:
    rows = [torch.zeros(w.shape[0], dtype=w.dtype) for w in weights]
    columns = [torch.zeros(w.shape[1], dtype=w.dtype) for w in weights]
    for t in range(1, steps + 1):
        decay = 1 - t ** s["decay_rate"]
        for i, lr in enumerate(rates(peaks, t - 1)):
            g = slope(weights[i], i)
            square = g * g + s["eps"][0]
            rows[i] = decay * rows[i] + (1 - decay) * square.mean(dim=1)
            columns[i] = decay * columns[i] + (1 - decay) * square.mean(dim=0)
            step = g / (torch.outer(rows[i], columns[i]) / rows[i].mean()).sqrt()
            step = step / max(1.0, float(step.square().mean().sqrt()) / s["clip_threshold"])
            size = 1.0
            if s["scale_parameter"]:
                size = max(float(weights[i].square().mean().sqrt()), s["eps"][1])
            weights[i] = weights[i] * (1 - lr * size * s["weight_decay"]) - lr * size * step
    return weights


def schedule_free(weights: Tensors, peaks: list[float], steps: int, s: dict[str, Any]) -> Tensors:
    """The three sequences of the paper: gradients at y, steps of z, average x."""
    x, z = ([w.clone() for w in weights] for _ in range(2))
    v, total = [torch.zeros_like(w) for w in weights], [0.0] * len(weights)
    one, two = s["betas"]
    for t in range(1, steps + 1):
        for i, peak in enumerate(peaks):
            lr = peak * min(1.0, t / WARMUP)
            y = (1 - one) * z[i] + one * x[i]
            g = slope(y, i)
            v[i] = two * v[i] + (1 - two) * g * g
            step = g / ((v[i] / (1 - two**t)).sqrt() + s["eps"]) + s["weight_decay"] * y
            z[i] = z[i] - lr * step
            total[i] += t ** s["r"] * lr**2
            share = t ** s["r"] * lr**2 / total[i]
            x[i] = (1 - share) * x[i] + share * z[i]
    return x


CASES: list[tuple[str, dict[str, Any], Reference]] = [
    ("adamw", {"weight_decay": 0.3}, adamw),
    ("adamw8bit", {"weight_decay": 0.3, "min_8bit_size": 100_000}, adamw),
    ("lion", {"weight_decay": 0.3}, lion),
    ("prodigy", {"d0": 1e-3, "d_coef": 0.7, "weight_decay": 0.3}, prodigy),
    ("prodigy", {"d0": 1e-3, "use_bias_correction": True, "safeguard_warmup": True}, prodigy),
    ("adafactor", {"weight_decay": 0.3}, adafactor),
    ("adafactor", {"scale_parameter": True, "clip_threshold": 0.5}, adafactor),
    ("schedule_free", {"weight_decay": 0.3}, schedule_free),
    ("schedule_free", {"r": 2.0}, schedule_free),
]


@pytest.mark.parametrize(("kind", "options", "reference"), CASES)
def test_steps_are_those_of_the_formulas(
    kind: str, options: dict[str, Any], reference: Reference
) -> None:
    settings, first = settings_of(kind, options), first_weights()
    told = settings.optimizer.model_dump()
    optimizing = made(settings, first)
    advance(optimizing, range(STEPS))
    optimizing.finish()
    peaks = [settings.lr, settings.lr, settings.lr_text or 0.0]
    wanted = reference([w.double() for w in first], peaks, STEPS, told)
    for start, want, found in zip(first, wanted, optimizing.parameters.values(), strict=True):
        assert (want - found.detach()).norm() < 1e-3 * (want - start).norm()


def test_8_bits_are_near_32_and_are_8() -> None:
    """The first step is exact, as moments are rounded after it; its code book is of 256 values."""
    options = {"min_8bit_size": 100}
    first = first_weights()
    one = settings_of("adamw8bit", options).model_copy(update={"warmup": 0.0})
    optimizing = made(one, first)
    plain = made(settings_of("adamw", {}).model_copy(update={"warmup": 0.0}), first)
    large = NAMES[2]
    for steps, apart in ((range(1), 1e-4), (range(1, STEPS), 0.05)):
        for each in (optimizing, plain):
            advance(each, steps)
        pair = [each.parameters[large].detach() for each in (optimizing, plain)]
        moved = (pair[1] - first[2]).norm()
        assert (pair[0] - pair[1]).norm() < apart * moved
    state = optimizing.optimizer.state[optimizing.parameters[large]]
    assert state["state1"].dtype == torch.uint8 and len(state["qmap1"]) == 256
    blocks = state["qmap1"][state["state1"].flatten().long()].split(256)
    moment = torch.cat([b * a for b, a in zip(blocks, state["absmax1"], strict=True)])
    want = plain.optimizer.state[plain.parameters[large]]["exp_avg"].flatten()
    assert float((moment - want).norm() / want.norm()) < 0.02
    small = optimizing.optimizer.state[optimizing.parameters[NAMES[0]]]
    assert small["state1"].dtype == torch.float32


RESUMED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *((kind, options, {}) for kind, options, _ in CASES),
    ("adamw8bit", {"min_8bit_size": 100}, {}),
    ("adamw", {}, {"ema": {"decay": 0.9, "power": 0.75}}),
    ("lion", {}, {"ema": {}, "schedule": "cosine"}),
]


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize(("kind", "options", "more"), RESUMED)
def test_a_state_holds_everything(
    tmp_path: Path, kind: str, options: dict[str, Any], more: dict[str, Any], at: int
) -> None:
    told = settings_of(kind, options).model_dump() | more
    settings, resume = Train.model_validate(told), Resume(tmp_path / "t", "a" * 16)
    whole, before, after = (made(settings, first_weights()) for _ in range(3))
    advance(whole, range(STEPS))
    advance(before, range(at))
    with before.averaged():  # validation changes nothing of what follows
        pass
    resume.save(at, before.parameters, before.optimizer, {}, before.averages)
    assert resume.load(after.parameters, after.optimizer, after.averages) == (at, {})
    advance(after, range(at, STEPS))
    for each in (whole, after):
        each.finish()
    for one, other in zip(whole.parameters.values(), after.parameters.values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("ema", [{}, {"power": 0.75, "decay": 0.6}, {"update_after_step": 3}])
def test_the_average_is_diffusers(ema: dict[str, Any]) -> None:
    from diffusers.training_utils import EMAModel

    settings = settings_of("adamw", {}).model_copy(update={"ema": Train(ema=ema).ema})  # type: ignore[arg-type]
    optimizing = made(settings, first_weights())
    told = {"use_ema_warmup": "power" in ema, "decay": 0.9999} | ema
    theirs = EMAModel(list(optimizing.parameters.values()), **told)
    for step in range(STEPS):
        advance(optimizing, range(step, step + 1))
        theirs.step(optimizing.parameters.values())
    last = [weight.detach().clone() for weight in optimizing.parameters.values()]
    with optimizing.averaged():
        for want, found in zip(theirs.shadow_params, optimizing.parameters.values(), strict=True):
            assert torch.allclose(want, found.detach(), atol=1e-6)
    for want, found in zip(last, optimizing.parameters.values(), strict=True):
        assert torch.equal(want, found)
    optimizing.finish()
    gap = [(a - b).abs().max() for a, b in zip(last, optimizing.parameters.values(), strict=True)]
    assert min(gap) > 1e-4


@pytest.mark.parametrize("cycles", [1, 3])
@pytest.mark.parametrize("warmup", [0, 7, 0.15])
@pytest.mark.parametrize(
    "schedule", ["constant", "linear", "cosine", "cosine_with_restarts", "polynomial"]
)
def test_learning_rates_are_diffusers(schedule: str, warmup: float, cycles: int) -> None:
    from diffusers.optimization import get_scheduler

    steps, power = 40, 1.0 if cycles == 1 else 2.0
    theirs = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=3e-4)
    name = "constant_with_warmup" if schedule == "constant" else schedule
    rising = int(warmup * steps) if warmup < 1 else int(warmup)
    scheduler = get_scheduler(name, theirs, None, rising, steps, cycles, power)
    more: dict[str, Any] = {}
    if schedule == "cosine_with_restarts":
        more = {"schedule_cycles": cycles}
    elif schedule == "polynomial":
        more = {"schedule_power": power}
    train = Train(lr=3e-4, lr_text=6e-5, schedule=schedule, warmup=warmup, **more)  # type: ignore[arg-type]
    parameters = {n: nn.Parameter(w) for n, w in zip(NAMES, first_weights(), strict=True)}
    optimizing = Optimizing(parameters, train, steps)
    for step in range(steps):
        want = theirs.param_groups[0]["lr"]
        assert optimizing.set_rates(step) == pytest.approx(want, rel=1e-9, abs=1e-18)
        text = optimizing.optimizer.param_groups[1]["lr"]
        assert text == pytest.approx(0.2 * want, rel=1e-9, abs=1e-18)
        theirs.step()
        scheduler.step()


def test_each_network_has_its_rate() -> None:
    names = [f"{network}.x.lora_A.weight" for network in ("unet", "text_encoder", "text_encoder_2")]
    for settings, wanted in (
        ({"lr_text": 2e-5}, [1e-4, 2e-5, 2e-5]),
        ({"lr_text": 2e-5, "lr_text_2": 3e-6}, [1e-4, 2e-5, 3e-6]),
    ):
        parameters = {name: nn.Parameter(torch.ones(2, 2)) for name in names}
        optimizing = Optimizing(parameters, Train(warmup=0, **settings), 10)  # type: ignore[arg-type]
        optimizing.set_rates(5)
        assert [group["lr"] for group in optimizing.optimizer.param_groups] == wanted


PRODIGY = {"optimizer": {"kind": "prodigy"}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (PRODIGY, "set lr to 1"),
        (PRODIGY | {"lr": 1, "lr_text": 0.5}, "cannot train a text encoder at another rate"),
        (PRODIGY | {"lr": 1, "lr_text": 1, "lr_text_2": 0.5}, "cannot train a text encoder"),
        ({"optimizer": {"kind": "schedule_free"}, "schedule": "cosine"}, "needs schedule constant"),
        ({"optimizer": {"kind": "schedule_free"}, "ema": {}}, "averages the weights itself"),
        ({"optimizer": {"kind": "lion", "eps": 1e-8}}, "Extra inputs"),
        ({"optimizer": {"kind": "adafactor", "betas": [0.9, 0.9]}}, "Extra inputs"),
        ({"optimizer": {"min_8bit_size": 1}}, "Extra inputs"),
        ({"optimizer": {"kind": "adam"}}, "adamw"),
        ({"lr_text_2": 1e-5}, "set lr_text too"),
        ({"schedule_cycles": 2}, "no effect on schedule constant"),
        ({"schedule": "cosine", "schedule_power": 2}, "no effect on schedule cosine"),
        ({"schedule": "polynomial", "lr": 1e-8}, "must be larger"),
        ({"warmup": 7.5}, "neither a share below 1 nor a whole number"),
        ({"warmup": 101, "steps": 100}, "more than the 100"),
        ({"ema": {"decay": 1.0}}, "decay"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Train.model_validate(settings)
    assert Train.model_validate(PRODIGY | {"lr": 1, "lr_text": 1, "lr_text_2": 0}).lr == 1


def test_a_warm_up_longer_than_the_epochs_is_refused() -> None:
    with pytest.raises(SystemExit, match="7500 steps is longer than the run of 6"):
        made(settings_of("adamw", {}).model_copy(update={"warmup": 7500}), first_weights())


def test_what_is_not_chosen_is_not_imported() -> None:
    """Also not by peft, which looks for bitsandbytes by itself, also for each adapter."""
    code = (
        "import sys; from melablate.imports import quick_imports\n"
        "with quick_imports(): import melablate.training.job, melablate.training.optimizing\n"
        "import torch; from types import SimpleNamespace as Names\n"
        "from melablate.training.draws import Draws; from melablate.training.lora import add_lora\n"
        "from melablate.training.settings import Train\n"
        "unet = torch.nn.Sequential(torch.nn.Linear(2, 2))\n"
        "assert add_lora(Names(networks={'unet': unet}), Train(targets='all'), Draws(0))\n"
        "late = {'bitsandbytes', 'prodigyopt', 'schedulefree', 'lion_pytorch'}\n"
        "assert not late & set(sys.modules)\n"
        "import bitsandbytes\n"
    )
    folder = Path(importlib.import_module("melablate").__path__[0]).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
