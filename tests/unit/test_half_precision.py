"""fp16, on a CPU too: steps that overflow are left out, and the loss is scaled less from there."""

from functools import partial
from pathlib import Path

import pytest
import torch
from melablate.training import optimizing
from training_runs import run, weights, write_latents

SETTINGS = {
    "steps": 40,
    "rank": 2,
    "lr": 1e-3,
    "log_every": 1,
    "precision": "fp16",
    "lr_text": 1e-4,
}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


@pytest.fixture
def scaled_far_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scale begins at 2⁴⁰, far above the largest number of fp16."""
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", partial(scaler, init_scale=2.0**40))


def norms(out: Path) -> list[float]:
    lines = out.with_name(out.name + ".csv").read_text().splitlines()[1:]
    return [float(line.split(",")[4]) for line in lines]


def test_an_overflow_skips_the_step_and_halves_the_scale(
    bases: dict[str, Path], latents: Path, tmp_path: Path, scaled_far_too_much: None
) -> None:
    record = run(bases["sd"], tmp_path / "t", SETTINGS, latents)
    found = torch.tensor(norms(tmp_path / "t"))
    skipped, first = int(found.isnan().sum()), int(found.isfinite().int().argmax())
    assert 10 < first <= skipped < first + 5
    assert record["loss_scale"] == 2.0 ** (40 - skipped)
    # The skipped steps have moved nothing: after those at the beginning all is as it was.
    run(bases["sd"], tmp_path / "few", SETTINGS | {"steps": first}, latents)
    few, all_ = weights(tmp_path / "few"), weights(tmp_path / "t")
    assert not any(few[name].any() for name in few if ".lora_B." in name)
    assert all(all_[name].isfinite().all() for name in all_)
    assert any(all_[name].any() for name in all_ if ".lora_B." in name)


def test_it_goes_on_with_the_same_scale_to_the_same_bits(
    bases: dict[str, Path],
    latents: Path,
    tmp_path: Path,
    scaled_far_too_much: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Left among the steps that overflow, and again after them."""
    settings = SETTINGS | {"schedule": "constant", "warmup": 0.0}
    run(bases["sd"], tmp_path / "whole", settings, latents)
    for last in (7, 35):
        with monkeypatch.context() as patch:
            patch.setattr(optimizing, "factor", lambda step, *_, last=last: 1 / (step != last))
            with pytest.raises(ZeroDivisionError):
                run(bases["sd"], tmp_path / "t", settings, latents, save_every=3)
    assert run(bases["sd"], tmp_path / "t", settings, latents)["resumed_at"] == 33
    for end in ("safetensors", "csv"):
        assert (tmp_path / f"whole.{end}").read_bytes() == (tmp_path / f"t.{end}").read_bytes()


def test_without_overflow_it_is_close_to_full_precision(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    logs = {}
    for precision in ("no", "bf16", "fp16"):
        settings = SETTINGS | {"steps": 6, "precision": precision}
        run(bases["sd"], tmp_path / precision, settings, latents)
        logs[precision] = norms(tmp_path / precision)
    assert logs["fp16"] == pytest.approx(logs["no"], rel=2e-2)
    assert logs["bf16"] == pytest.approx(logs["no"], rel=1e-1)
