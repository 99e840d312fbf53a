"""Prediction types, zero terminal SNR and weights by timestep, from training to samples."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import generate_samples
import pytest
import torch
from audio_signals import mel_db
from melablate.audio.png import png_to_image
from melablate.config_errors import ConfigError
from melablate.models.base import Base, load_base, with_objective
from melablate.models.schedule import cumulative_alphas, zero_terminal
from melablate.models.weights import read_tensors
from melablate.plan import make_plan
from melablate.sampling.generate import decode_latents, generate_latents
from melablate.sampling.prompts import Prompt, write_prompts
from melablate.sampling.settings import Sample
from melablate.training.losses.thresholds import thresholds
from melablate.training.noise import guessed, noised, target
from melablate.training.settings import Loss, Train
from melablate.training.weighting import (
    debiased,
    like_epsilon,
    min_snr,
    signal_to_noise,
    timestep_weights,
)
from pydantic import ValidationError
from training_runs import run, weights, write_latents

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
ALPHAS = cumulative_alphas(SD)
JOBS = [(Prompt("a" * 16, "a piano"), 0), (Prompt("b" * 16, "drums"), 0)]


def roots() -> list[float]:
    """√ᾱ of Stable Diffusion's schedule, in plain Python."""
    product, found = 1.0, []
    for step in range(1000):
        root = 0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * step / 999
        product *= 1 - root * root
        found.append(math.sqrt(product))
    return found


# Schedules


def test_zero_terminal_snr_shifts_and_rescales_the_roots() -> None:
    plain, made = roots(), cumulative_alphas(SD | {"rescale_betas_zero_snr": True})
    assert float(made[-1]) == 0.0
    assert float(made[0]) == pytest.approx(plain[0] ** 2, rel=1e-6)
    for at in (1, 300, 700, 998):
        root = (plain[at] - plain[-1]) * plain[0] / (plain[0] - plain[-1])
        assert float(made[at]) == pytest.approx(root * root, rel=1e-3, abs=1e-7)
    assert torch.all(made[1:] < made[:-1])
    assert torch.equal(made, zero_terminal(ALPHAS))


def test_it_is_the_schedule_that_samplers_use() -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    theirs = DDIMScheduler(**SD, rescale_betas_zero_snr=True).alphas_cumprod
    torch.testing.assert_close(zero_terminal(ALPHAS), theirs, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_prediction_stands_for_latents(kind: str) -> None:
    """Those from which, and from the noised ones, it would follow."""
    x, e, wrong = (torch.randn(3, 4, 2, 2).double() for _ in range(3))
    a = torch.tensor([0.9, 0.3, 0.01]).double()
    mixed, column = noised(x, e, a), a.view(-1, 1, 1, 1)
    found = guessed(kind, x, wrong - target(kind, x, e, a), a)
    if kind == "epsilon":
        assert torch.allclose(column.sqrt() * found + (1 - column).sqrt() * wrong, mixed)
    else:
        assert torch.allclose(found, column.sqrt() * mixed - (1 - column).sqrt() * wrong)
    assert torch.equal(guessed(kind, x, torch.zeros_like(x), a), x)
    zero = torch.zeros(3).double()  # no signal: v is −x, the input all noise
    assert torch.equal(noised(x, e, zero), e) and torch.equal(
        target("v_prediction", x, e, zero), -x
    )
    assert torch.equal(guessed("v_prediction", x, wrong + x, zero), -wrong)


# Weights


@pytest.mark.parametrize("at", [0, 40, 300, 800, 999])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_weights_are_those_of_the_formulas(at: int, kind: str) -> None:
    root = roots()[at]
    ratio, v = root**2 / (1 - root**2), kind == "v_prediction"
    most = min(ratio, 1000.0)
    wanted = {
        "min_snr_gamma": min(ratio, 5.0) / (ratio + 1 if v else ratio),
        "debiased": 1 / (most + 1) if v else 1 / math.sqrt(most),
        "scale_v_like_epsilon": most / (most + 1),
        "v_like_loss": 1 + 0.25 / (most / (most + 1)),
    }
    given = {"min_snr_gamma": 5.0, "debiased": True, "scale_v_like_epsilon": True}
    for name, value in (given | {"v_like_loss": 0.25}).items():
        found = timestep_weights(Train.model_validate({name: value}), ALPHAS, kind)
        assert float(found[at]) == pytest.approx(wanted[name], rel=2e-3)
    both = Train(min_snr_gamma=5.0, debiased=True)
    product = wanted["min_snr_gamma"] * wanted["debiased"]
    assert float(timestep_weights(both, ALPHAS, kind)[at]) == pytest.approx(product, rel=4e-3)
    assert torch.equal(timestep_weights(Train(), ALPHAS, kind), torch.ones(1000))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_weights_are_numbers_without_signal_and_without_noise(kind: str) -> None:
    ends = signal_to_noise(torch.tensor([0.0, 1.0]))
    assert ends.tolist() == [0.0, math.inf]
    assert min_snr(ends, 5.0, kind).tolist() == [0.0 if kind == "v_prediction" else 1.0, 0.0]
    found = debiased(ends, kind)
    assert torch.isfinite(found).all() and found[0] > found[1] > 0
    if kind == "v_prediction":
        assert found.tolist() == pytest.approx([1.0, 1 / 1001])
    for weight in (like_epsilon(ends), 1 / like_epsilon(ends)):
        assert torch.isfinite(weight).all() and (weight > 0).all()


@pytest.mark.parametrize("schedule", ["constant", "exponential", "snr"])
def test_thresholds_of_huber_are_numbers_without_signal(schedule: str) -> None:
    """σ is infinite there: (1 − c)/(1 + σ)² + c is c."""
    alphas, last = zero_terminal(ALPHAS), torch.tensor([999])
    found = thresholds(Loss(kind="huber", c=0.1, schedule=schedule), last, alphas, 0.0)
    assert float(found) == pytest.approx(0.1**0.999 if schedule == "exponential" else 0.1)


def test_an_error_of_v_scaled_like_epsilon_is_that_of_epsilon() -> None:
    x, e, wrong = (torch.randn(1, 4, 3, 3).double() for _ in range(3))
    for at in (200, 500, 900):
        a = ALPHAS[at : at + 1].double()
        v = target("v_prediction", x, e, a)
        guess = a.sqrt() * noised(x, e, a) - (1 - a).sqrt() * wrong
        of_e = (noised(x, e, a) - a.sqrt() * guess) / (1 - a).sqrt()
        scale = like_epsilon(signal_to_noise(a))
        assert torch.allclose(scale * (wrong - v).square(), (of_e - e).square())


# Sampling: a network that knows the answer


def knowing(base: Base, latents: torch.Tensor) -> Base:
    """The base with a network that knows the latents and, from its first call, the noise.

    It predicts what it was trained for whatever it is shown later, so a sampler that takes it for
    something else, or for another noise level, is not put right by it.
    """

    class Oracle:
        device, dtype, config = torch.device("cpu"), torch.float32, base.unet.config
        noise: torch.Tensor | None = None

        def __call__(self, x: torch.Tensor, time: torch.Tensor, **_: Any) -> Any:
            a = base.alphas[time.round().long()].double()
            if self.noise is None:
                self.noise = (x.double() - a.sqrt() * latents) / (1 - a).sqrt()
            found = self.noise
            if base.prediction_type == "v_prediction":
                found = a.sqrt() * self.noise - (1 - a).sqrt() * latents
            return type("Output", (), {"sample": found.float()})

    return replace(base, unet=Oracle())


@pytest.mark.parametrize("sampler", ["dpmsolver++", "ddim", "euler"])
@pytest.mark.parametrize(
    ("kind", "zero"), [("epsilon", False), ("v_prediction", False), ("v_prediction", True)]
)
def test_a_perfect_network_is_sampled_to_the_clean_latents(
    bases: dict[str, Path], sampler: str, kind: str, zero: bool
) -> None:
    base = with_objective(load_base(bases["sd"]), kind, zero)
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)).double()
    settings = Sample.model_validate({"sampler": sampler, "steps": 12, "guidance": 1})
    found = generate_latents(knowing(base, latents), JOBS[:1], (8, 8), settings, seed=0)
    # DDIM ends at Stable Diffusion's first noise level (set_alpha_to_one: false).
    rest = math.sqrt(1 - float(base.alphas[0])) if sampler == "ddim" else 0.0
    error = float((found - latents).abs().mean())
    assert error < 0.01 + rest
    # The wrong objective does not: this test can fail.
    kinds = {"epsilon": "v_prediction", "v_prediction": "v_prediction" if zero else "epsilon"}
    other = with_objective(load_base(bases["sd"]), kinds[kind], False)
    fooled = replace(knowing(base, latents), scheduler=other.scheduler)
    wrong = generate_latents(fooled, JOBS[:1], (8, 8), settings, seed=0)
    assert float((wrong - latents).abs().mean()) > max(0.04, 2 * error)


@pytest.mark.parametrize("sampler", ["dpmsolver++", "ddim", "euler"])
def test_without_terminal_signal_sampling_begins_at_the_last_timestep(
    bases: dict[str, Path], sampler: str
) -> None:
    from melablate.sampling.solvers import make_solver

    base = with_objective(load_base(bases["sd"]), "v_prediction", True)
    solver = make_solver(sampler, base.scheduler)
    solver.set_timesteps(10)
    assert [int(time) for time in solver.timesteps] == [
        999,
        899,
        799,
        699,
        599,
        499,
        399,
        299,
        199,
        99,
    ]


# From the study to the samples


STUDY = {
    "study": "s",
    "corpus": "c",
    "base": "b",
    "corpora": {"c": {"kind": "minimidi", "part": "style"}},
    "bases": {"b": {"kind": "tiny", "corpus": "c"}},
    "embedder": {"kind": "tiny_clap", "corpora": ["c"]},
    "spectrogram": {"seconds": 4.064, "n_mels": 64, "width": 128},
    "clips": {"offset": 0},
    "seeds": [0],
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Any]:
    """The plan of a study with one arm."""

    def plan(changes: dict[str, Any]) -> Any:
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "config" / "arms"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "baseline.yaml").write_text("label: Baseline\n")
        (folder / "arm.yaml").write_text(json.dumps({"label": "Arm", "changes": changes}))
        return make_plan(STUDY | {"arms": ["baseline", "arm"]})

    return plan


def test_an_arm_is_sampled_as_it_was_trained(study: Callable[[dict[str, Any]], Any]) -> None:
    objective = {"prediction_type": "v_prediction", "zero_terminal_snr": True}
    plan = study({"train": objective})
    told = {row: json.loads(plan.samples(row, 0).settings) for row in ("arm", "baseline")}
    assert objective.items() <= told["arm"].items()
    assert not objective.keys() & told["baseline"].keys()
    # The base itself predicts what it always has, even where the baseline does not.
    assert not objective.keys() & json.loads(plan.samples("untuned-base", 0).settings).keys()
    weighed = study({"train": {"debiased": True}})
    assert weighed.samples("baseline", 0) == plan.samples("baseline", 0)
    assert not objective.keys() & json.loads(weighed.samples("arm", 0).settings).keys()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zero_terminal_snr": True}, "as the base does.*set train.prediction_type: v_prediction"),
        ({"zero_terminal_snr": True, "prediction_type": "epsilon"}, "teaches nothing"),
        ({"scale_v_like_epsilon": True}, "is for v_prediction"),
        ({"v_like_loss": 0.1, "prediction_type": "v_prediction"}, "is for epsilon"),
    ],
)
def test_objectives_that_do_not_go_together_stop_the_study(
    study: Callable[[dict[str, Any]], Any], changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=f"arm.yaml.*{said}"):
        study({"train": changes})
    if "prediction_type" in changes:
        with pytest.raises(ValidationError, match=said):
            Train.model_validate(changes)


def test_the_objective_of_a_base_counts_too(
    bases: dict[str, Path], tmp_path: Path, study: Callable[[dict[str, Any]], Any]
) -> None:
    latents = write_latents(tmp_path / "latents.safetensors")
    with pytest.raises(SystemExit, match="the network predicts ε, as the base does"):
        run(bases["sd"], tmp_path / "t", {"zero_terminal_snr": True, "steps": 1}, latents)
    base = load_base(bases["sd"], parts=())
    odd = replace(base, scheduler=base.scheduler | {"prediction_type": "sample"})
    with pytest.raises(SystemExit, match="'sample' is none of: epsilon, v_prediction"):
        with_objective(odd, None, False)
    with pytest.raises(SystemExit, match="ends without signal"):
        with_objective(base, "epsilon", True)


def test_an_arm_trains_towards_v_without_terminal_signal_and_samples_so(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    latents = write_latents(tmp_path / "latents.safetensors")
    short = {"steps": 3, "rank": 2, "lr": 1e-2, "targets": "all", "batch_size": 4, "log_every": 1}
    arms = {
        "epsilon": {},
        "v": {"prediction_type": "v_prediction"},
        "zero": {"prediction_type": "v_prediction", "zero_terminal_snr": True, "debiased": True},
    }
    for name, change in arms.items():
        run(bases["sd"], tmp_path / name, short | change, latents)
    made = {name: weights(tmp_path / name) for name in arms}
    assert any(not torch.equal(made["v"][key], made["epsilon"][key]) for key in made["v"])
    assert any(not torch.equal(made["v"][key], made["zero"][key]) for key in made["v"])

    # Their files say so, to other programs too.
    for name, said in (("epsilon", None), ("v", "v"), ("zero", "v")):
        for end in (".safetensors", ".kohya.safetensors"):
            metadata = read_tensors(tmp_path / f"{name}{end}")[1]
            assert metadata.get("modelspec.prediction_type") == said
            assert metadata.get("ss_zero_terminal_snr") == ("True" if name == "zero" else None)

    from melablate.models.lora import load_into

    def sampled(weights_of: str, **objective: Any) -> torch.Tensor:
        base = with_objective(load_base(bases["sd"]), **objective)
        load_into(base, tmp_path / f"{weights_of}.safetensors")
        return generate_latents(base, JOBS, (8, 8), Sample(steps=3), seed=0)

    v = sampled("v", prediction_type="v_prediction", zero_terminal_snr=False)
    zero = sampled("v", prediction_type="v_prediction", zero_terminal_snr=True)
    plain = sampled("v", prediction_type=None, zero_terminal_snr=False)
    assert all(torch.isfinite(found).all() for found in (v, zero, plain))
    assert not torch.allclose(v, plain, atol=0.1) and not torch.allclose(v, zero, atol=0.1)


def test_the_command_line_samples_as_the_arm_was_trained(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its images are those of the base told to predict so, and of no other."""
    codec, prompts = mel_db(seconds=0.96, n_mels=32, width=32), [prompt for prompt, _ in JOBS]
    write_prompts(tmp_path / "prompts.csv", prompts)
    sample = Sample(steps=2)
    told = {
        "spectrogram": codec.model_dump(mode="json"),
        "sample": sample.model_dump(mode="json"),
        "precision": "no",
        "clip_skip": 1,
        "per_prompt": 1,
    }
    objectives = [(None, False), ("v_prediction", False), ("v_prediction", True)]
    found = []
    for number, (kind, zero) in enumerate(objectives):
        own = {"prediction_type": kind, "zero_terminal_snr": zero} if kind else {}
        out = tmp_path / str(number)
        line = ["--settings", json.dumps(told | own), "--seed", 0, "--base", bases["sd"]]
        line += ["--prompts", tmp_path / "prompts.csv", "--out", out]
        monkeypatch.setattr("sys.argv", ["generate_samples.py", *map(str, line)])
        generate_samples.main()
        images = [png_to_image((out / f"{p.prompt_id}-0.png").read_bytes())[0] for p in prompts]
        base = with_objective(load_base(bases["sd"]), kind, zero)
        latents = generate_latents(base, JOBS, (8, 8), sample, seed=0)
        wanted = decode_latents(base.vae, latents, codec, ["", ""])
        assert all((a == b).all() for a, b in zip(images, wanted, strict=True))
        found.append(images[0])
    assert (found[0] != found[1]).any() and (found[1] != found[2]).any()
