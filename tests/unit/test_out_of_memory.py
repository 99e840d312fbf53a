"""Memory that runs out halves the micro-batch, and changes no more than last bits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.models.weights import read_tensors, save_tensors
from melablate.training import ema, loop, optimizing
from melablate.training.settings import Train
from melablate.training.validating import Validating
from training_runs import run, weights, write_latents

SETTINGS = {
    "steps": 4,
    "rank": 2,
    "batch_size": 4,
    "accumulation": 2,
    "lr_text": 1e-3,
    "noise_offset": 0.1,
    "captions": {"dropout": 0.3, "shuffle": "clauses"},
}


class Refused(torch.autograd.Function):
    """Runs out of memory on the way back."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, *slopes: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def scarce(
    monkeypatch: pytest.MonkeyPatch, fits: Callable[[int, int], bool], backward: bool = False
) -> list[int]:
    """Make the n-th call of the loss fail unless its samples fit; sizes of those that did."""
    losses, sizes = loop.losses, list[int]()

    def limited(r: Any, state: Any, texts: Any, samples: Any, progress: float) -> torch.Tensor:
        if not fits(len(sizes), len(samples)):
            if not backward:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return Refused.apply(losses(r, state, texts, samples, progress))
        sizes.append(len(samples))
        return losses(r, state, texts, samples, progress)

    monkeypatch.setattr(loop, "losses", limited)
    return sizes


def largest_difference(one: Path, other: Path) -> float:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys() and any(value.abs().max() > 1e-3 for value in b.values())
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.mark.parametrize("backward", [False, True])
def test_a_step_is_done_again_in_smaller_parts(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    backward: bool,
) -> None:
    """It fails in the second part of the third step, whose first part has left gradients."""
    latents = write_latents(tmp_path / "latents.safetensors")
    whole = run(bases["sd"], tmp_path / "whole", SETTINGS, latents)
    assert whole["out_of_memory"] == [] and whole["micro_batch"] == 4
    sizes = scarce(monkeypatch, lambda done, size: done < 5 or size <= 2, backward)
    record = run(bases["sd"], tmp_path / "t", SETTINGS, latents)
    assert sizes == [4] * 5 + [2] * 8
    assert record["out_of_memory"] == [{"step": 3, "micro_batch": 2}]
    assert record["micro_batch"] == 2 and record["settings"]["batch_size"] == 4
    assert "out of memory at step 3; from here on 2 images" in capsys.readouterr().err
    assert largest_difference(tmp_path / "whole", tmp_path / "t") < 1e-6


def test_it_halves_until_it_fits_and_goes_on_so_after_a_kill(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = write_latents(tmp_path / "latents.safetensors", clips=8)
    settings = SETTINGS | {"batch_size": 7, "accumulation": 1}
    run(bases["sd"], tmp_path / "whole", settings, latents)
    sizes = scarce(monkeypatch, lambda done, size: size <= 2)
    with monkeypatch.context() as patch:
        patch.setattr(optimizing, "factor", lambda step, *_: 1 / (2 - step))  # no third step
        with pytest.raises(ZeroDivisionError):
            run(bases["sd"], tmp_path / "t", settings, latents, save_every=1)
    assert sizes == [2, 2, 2, 1] * 2
    sizes.clear()
    record = run(bases["sd"], tmp_path / "t", settings, latents)
    assert sizes == [2, 2, 2, 1] * 2 and record["resumed_at"] == 2
    assert [event["micro_batch"] for event in record["out_of_memory"]] == [4, 2]


def test_one_image_that_does_not_fit_is_told_with_what_to_do(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = write_latents(tmp_path / "latents.safetensors")
    scarce(monkeypatch, lambda done, size: False)
    with pytest.raises(SystemExit, match=r"step 1 with one image at a time\. .*bf16.*rank"):
        run(bases["sd"], tmp_path / "t", SETTINGS, latents)


NO_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")


@pytest.mark.parametrize(
    ("what", "name"),
    [(torch.optim.AdamW, "step"), (torch.nn.Module, "to"), (ema.Average, "__init__")],
)
def test_memory_that_no_smaller_part_saves_is_told_too(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any, name: str
) -> None:
    """The first step makes the optimizer's moments: twice the weights of full fine-tuning."""

    def refused(*_: Any, **__: Any) -> None:
        raise NO_MEMORY

    latents = write_latents(tmp_path / "latents.safetensors")
    monkeypatch.setattr(what, name, refused)
    with pytest.raises(SystemExit, match=r"t: out of memory .*2.00 GiB\).*adamw8bit") as left:
        run(bases["sd"], tmp_path / "t", SETTINGS | {"ema": {}}, latents)
    assert "\n" not in str(left.value)


@pytest.mark.parametrize(
    ("settings", "copied"),
    [({}, False), ({"ema": {}}, True), ({"optimizer": {"kind": "schedule_free"}}, True)],
)
def test_weights_are_copied_only_where_others_take_their_place(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], copied: bool
) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    found = optimizing.Optimizing({"unet.w": weight}, Train.model_validate(settings), 1)
    copies, clone = [], torch.Tensor.clone
    monkeypatch.setattr(torch.Tensor, "clone", lambda t: copies.append(t) or clone(t))
    with found.averaged():
        assert bool(copies) is copied


def test_another_error_is_no_lack_of_memory(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(loop, "losses", broken)
    latents = write_latents(tmp_path / "latents.safetensors")
    with pytest.raises(RuntimeError, match="do not match"):
        run(bases["sd"], tmp_path / "t", SETTINGS, latents)


def test_validation_before_the_first_step_halves_too(
    bases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit while training does not fit while validating, which comes first."""
    path = write_latents(tmp_path / "latents.safetensors")
    tensors, metadata = read_tensors(path)
    splits = ["train"] * 6 + ["heldout"] * (len(tensors["mean"]) - 6)
    save_tensors(path, tensors, metadata | {"splits": json.dumps(splits)})
    settings = SETTINGS | {"accumulation": 1, "validation": {"every": 2, "draws": 4}}
    whole = run(bases["sd"], tmp_path / "whole", settings, path)
    errors = Validating._errors

    def limited(self: Validating, r: Any, texts: Any, cells: Any) -> torch.Tensor:
        if len(cells) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return errors(self, r, texts, cells)

    monkeypatch.setattr(Validating, "_errors", limited)
    record = run(bases["sd"], tmp_path / "t", settings, path)
    assert record["out_of_memory"] == [{"step": 1, "micro_batch": 2}]
    assert record["best"]["validation_loss"] == pytest.approx(whole["best"]["validation_loss"])
