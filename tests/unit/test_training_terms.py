"""Losses, weights, noise, captions, schedules, against values from the formulas."""

import csv
import importlib
import math
import re

import pytest
import torch
from melablate.models.schedule import cumulative_alphas
from melablate.training.captions import caption_of, parts_of, prepared, shuffled
from melablate.training.draws import Draws
from melablate.training.noise import noised, target
from melablate.training.plugins import plugins
from melablate.training.settings import Captions, Loss, Train
from melablate.training.weighting import min_snr, signal_to_noise
from pydantic import ValidationError
from real_tables import REAL, needs_real_tables

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
ALPHAS = cumulative_alphas(SD)


def value(settings: Loss, difference: float, timestep: int, progress: float = 0.0) -> float:
    function = importlib.import_module(f"melablate.training.losses.{settings.kind}").loss
    prediction = torch.full((1, 1, 1, 1), 0.5 + difference)
    found = function(
        prediction,
        torch.full((1, 1, 1, 1), 0.5),
        settings=settings,
        timesteps=torch.tensor([timestep]),
        alphas=ALPHAS,
        progress=progress,
    )
    return float(found)


def alpha_bar(timestep: int) -> float:
    """In plain Python, from the definition."""
    product = 1.0
    for step in range(timestep + 1):
        root = 0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * step / 999
        product *= 1 - root * root
    return product


def test_alphas_are_the_schedulers() -> None:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    for config in (SD, {}, {"beta_schedule": "linear", "num_train_timesteps": 50}):
        expected = DDPMScheduler(**config).alphas_cumprod
        assert torch.equal(cumulative_alphas(config), expected)
    assert float(ALPHAS[700]) == pytest.approx(alpha_bar(700), rel=1e-4)
    with pytest.raises(SystemExit, match="beta_schedule"):
        cumulative_alphas({"beta_schedule": "sigmoid"})


def test_min_snr_of_gamma_5() -> None:
    at = torch.tensor([0, 50, 100, 250, 700])
    ratios = signal_to_noise(ALPHAS)
    weights = min_snr(ratios, 5.0, "epsilon")[at]
    assert weights[:3].tolist() == pytest.approx([0.004, 0.25, 0.59], abs=0.006)
    assert weights[3:].tolist() == [1.0, 1.0]
    snr = alpha_bar(100) / (1 - alpha_bar(100))
    v = min_snr(ratios, 5.0, "v_prediction")
    assert float(v[100]) == pytest.approx(min(snr, 5.0) / (snr + 1), rel=1e-4)


@pytest.mark.parametrize("difference", [0.0, 0.03, -0.4, 3.0])
def test_losses_of_a_constant_threshold(difference: float) -> None:
    c = 0.1
    expected = {
        "mse": difference**2,
        "l1": abs(difference),
        "huber": 2 * c * (math.sqrt(difference**2 + c * c) - c),
        "smooth_l1": 2 * (math.sqrt(difference**2 + c * c) - c),
    }
    for kind, wanted in expected.items():
        settings = Loss(kind=kind, c=c, schedule="constant")
        assert value(settings, difference, 10) == pytest.approx(wanted, abs=1e-6)


def test_threshold_schedules() -> None:
    sigma = math.sqrt((1 - alpha_bar(300)) / alpha_bar(300))
    expected = {
        "constant": 0.1,
        "exponential": math.exp(300 * math.log(0.1) / 1000),
        "snr": 0.9 / (1 + sigma) ** 2 + 0.1,
    }
    for schedule, c in expected.items():
        wanted = 2 * c * (math.sqrt(0.04 + c * c) - c)
        found = value(Loss(kind="huber", c=0.1, schedule=schedule), 0.2, 300)
        assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("kind", ["huber", "smooth_l1"])
@pytest.mark.parametrize("schedule", ["constant", "exponential", "snr"])
@pytest.mark.parametrize("c_end", [None, 0.05])
def test_gradients_of_the_huber_losses(kind: str, schedule: str, c_end: float | None) -> None:
    """d/dp 2(√(d² + c²) − c) = 2d/√(d² + c²), times c for huber; c itself has no gradient."""
    settings = Loss(kind=kind, c=0.15, c_end=c_end, schedule=schedule)
    function = importlib.import_module(f"melablate.training.losses.{kind}").loss
    differences, at, progress = [-2.0, -0.1, 0.0, 0.02, 0.7], 400, 0.25
    prediction = torch.tensor(differences).view(1, 1, 1, -1).requires_grad_()
    times = torch.tensor([at])
    told = {"settings": settings, "timesteps": times, "alphas": ALPHAS, "progress": progress}
    function(prediction, torch.zeros_like(prediction), **told).sum().backward()
    start = 0.15 if c_end is None else 0.15 + (c_end - 0.15) * progress
    sigma = math.sqrt((1 - alpha_bar(at)) / alpha_bar(at))
    c = {
        "constant": start,
        "exponential": math.exp(at * math.log(start) / 1000),
        "snr": (1 - start) / (1 + sigma) ** 2 + start,
    }[schedule]
    slopes = [2 * d / math.sqrt(d * d + c * c) for d in differences]
    wanted = [slope * c if kind == "huber" else slope for slope in slopes]
    assert prediction.grad is not None
    assert prediction.grad.flatten().tolist() == pytest.approx(wanted, rel=1e-4)


def test_dynamic_huber_moves_over_the_run() -> None:
    settings = Loss(kind="huber", c=0.15, c_end=0.05, schedule="constant")
    for progress, c in ((0.0, 0.15), (0.5, 0.10), (1.0, 0.05)):
        wanted = 2 * c * (math.sqrt(1 + c * c) - c)
        assert value(settings, 1.0, 0, progress) == pytest.approx(wanted, rel=1e-5)


def test_huber_has_mse_slope_near_zero_and_its_own_far_from_it() -> None:
    for kind, far in (("huber", 2 * 0.1), ("smooth_l1", 2.0)):
        settings = Loss(kind=kind, c=0.1, schedule="constant")
        slope = (value(settings, 5.001, 0) - value(settings, 4.999, 0)) / 0.002
        assert slope == pytest.approx(far, rel=0.01)
    small = value(Loss(kind="huber", c=0.1, schedule="constant"), 0.001, 0)
    assert small == pytest.approx(1e-6, rel=0.05)


def test_noising_and_targets_are_consistent() -> None:
    x, e = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    a = torch.tensor([0.3, 0.9])
    mixed = noised(x, e, a)
    assert torch.allclose(mixed[0], math.sqrt(0.3) * x[0] + math.sqrt(0.7) * e[0])
    assert target("epsilon", x, e, a) is e
    v = target("v_prediction", x, e, a)
    back = a.view(-1, 1, 1, 1).sqrt() * mixed - (1 - a).view(-1, 1, 1, 1).sqrt() * v
    assert torch.allclose(back, x, atol=1e-5)
    with pytest.raises(SystemExit, match="sample"):
        target("sample", x, e, a)


def test_captions_of_clauses_and_sentences() -> None:
    caption = "A slow piano piece, sad; with strings. Made for a film! Drums at 1,200 bpm"
    parts = [
        "A slow piano piece",
        "sad",
        "with strings.",
        "Made for a film!",
        "Drums at 1,200 bpm",
    ]
    assert parts_of(caption, "clauses") == parts
    tags = ["piano", "80s", "sad", "slow", "3 drums"]
    assert parts_of("piano,80s,sad;slow , 3 drums", "clauses") == tags
    assert parts_of(caption, "sentences") == [
        ", ".join(parts[:3]).replace("sad,", "sad;"),
        *parts[3:],
    ]
    assert shuffled("a, b, c. d", "clauses", 1, [2, 1, 0]) == "a, d, c. b"
    assert shuffled("A, b. C! D", "sentences", 0, [2, 0, 1]) == "D. A, b. C!"
    for kind, every in (("clauses", parts), ("sentences", parts_of(caption, "sentences"))):
        settings = Captions(shuffle=kind, keep_first=1)
        made = {prepared(caption, settings, Draws(0), i) for i in range(40)}
        assert len(made) == min(len(made), math.factorial(len(every) - 1)) > 1
        assert all(text.startswith(every[0]) for text in made)
        assert (
            all(sorted(parts_of(text, kind)) == sorted(every) for text in made) or kind != "clauses"
        )
    assert prepared("no clause at all", settings, Draws(0), 0) == "no clause at all"
    assert prepared(caption, Captions(), Draws(0), 0) == caption


@needs_real_tables
@pytest.mark.parametrize("kind", ["clauses", "sentences"])
def test_shuffling_song_describers_captions_keeps_every_word(kind: str) -> None:
    """Half of them are shuffled by clauses, a fifth by sentences; kohya's commas reach as few."""
    with REAL.open(newline="", encoding="utf-8") as file:
        captions = [row["caption"] for row in csv.DictReader(file)]
    changed = 0
    for caption in captions:
        parts = parts_of(caption, kind)
        made = shuffled(caption, kind, 0, list(range(len(parts)))[::-1])
        assert sorted(re.findall(r"\w+", made)) == sorted(re.findall(r"\w+", caption))
        assert not re.search(r"\s[,.;]|[,.]{2}\s*,|,\s*,", made) or re.search(
            r"\s[,.;]|\.\.", caption
        )
        changed += made != caption
    assert changed > {"clauses": 0.5, "sentences": 0.15}[kind] * len(captions)


def test_captions_of_commas_alone_are_shuffled_as_kohyas_tags_are() -> None:
    """Split at commas, the first kept, the rest in another order, joined by a comma."""
    tags = ["dreamy", "lo-fi", "80s synth", "female voice"]
    settings = Captions(shuffle="clauses", keep_first=2)
    made = {prepared(",".join(tags), settings, Draws(1), i) for i in range(20)}
    assert made == {", ".join(tags), ", ".join([*tags[:2], tags[3], tags[2]])}


def test_caption_dropout_share() -> None:
    settings = Captions(dropout=0.2)
    empty = sum(prepared("x", settings, Draws(0), i) == "" for i in range(2000))
    assert 330 < empty < 470


def test_one_caption_of_a_track_is_drawn() -> None:
    visits = [caption_of(["a", "b", "c"], "7-0", visit, Draws(0)) for visit in range(30)]
    assert all(sorted(visits[i : i + 3]) == ["a", "b", "c"] for i in range(0, 30, 3))
    assert visits != [caption_of(["a", "b", "c"], "7-0", visit, Draws(1)) for visit in range(30)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rank": 0}, "rank"),
        ({"alpha": float("nan")}, "alpha"),
        ({"alpha": 0}, "alpha"),
        ({"warmup": -0.1}, "warmup"),
        ({"lr": -1}, "lr"),
        ({"lr": float("inf")}, "lr"),
        ({"loss": {"kind": "huber", "c": 0}}, "c"),
        ({"loss": {"c_end": 0.05}}, "c_end has no effect"),
        ({"captions": {"keep_first": 1}}, "keep_first has no effect on shuffle none"),
        ({"ema": {"inv_gamma": 2.0}}, "inv_gamma has no effect without power"),
        ({"exclude_words": [" "]}, "empty word"),
        ({"exclude_words": ["*"]}, "empty word"),
        ({"exclude_words": ["no vocals"]}, "no single word"),
        ({"exclude_words": ["*vocal"]}, "no single word"),
        ({"optimizer": {"betas": [0.9, 1.0]}}, "betas"),
        ({"clip_skip": 0}, "clip_skip"),
        ({"captions": {"dropout": 1.5}}, "dropout"),
        ({"rnak": 4}, "rnak"),
    ],
)
def test_nonsense_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Train.model_validate(settings)


def test_steps_from_epochs() -> None:
    settings = Train(epochs=3, repeats=2, batch_size=2, accumulation=2)
    assert settings.total_steps(5) == math.ceil(3 * 2 * 5 / 4)
    assert Train(steps=7).total_steps(1000) == 7
    assert set(plugins(Train(loss={"kind": "huber"}))) == {
        "training/losses/huber.py",
        "training/optimizers/adamw.py",
    }
