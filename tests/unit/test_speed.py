"""What makes steps faster leaves their results as they are."""

from pathlib import Path

import pytest
import torch
from melablate.models.moving import moved
from melablate.training.settings import Train
from pydantic import ValidationError
from test_resume import interrupted
from training_runs import run, weights, write_latents

SHORT = {"steps": 6, "rank": 2, "lr": 1e-3, "lr_text": 1e-3, "log_every": 3, "compile": True}


def test_what_is_moved_is_the_same() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for tensor in (torch.randn(3, 4), torch.tensor([5, 7]), torch.randn(4, 6).T):
        found = moved(tensor, device)
        assert found.device.type == device.type and torch.equal(found.cpu(), tensor)


def test_what_draws_within_the_blocks_cannot_be_compiled() -> None:
    with pytest.raises(ValidationError, match="compile cannot take adapter_dropout"):
        Train.model_validate({"compile": True, "adapter_dropout": {"neuron": 0.1}})


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_blocks_train_alike_and_resume_to_the_bit(
    bases: dict[str, Path], tmp_path: Path, checkpointing: bool
) -> None:
    latents = write_latents(tmp_path / "latents.safetensors")
    settings = SHORT | {"gradient_checkpointing": checkpointing}
    run(bases["sd"], tmp_path / "plain", settings | {"compile": False}, latents)
    run(bases["sd"], tmp_path / "whole", settings, latents)
    one, two = weights(tmp_path / "plain"), weights(tmp_path / "whole")
    assert one.keys() == two.keys()
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4
    interrupted(bases["sd"], tmp_path / "again", settings, latents)
    record = run(bases["sd"], tmp_path / "again", settings, latents)
    assert record["resumed_at"] == 2
    for end in ("safetensors", "kohya.safetensors", "csv"):
        again = (tmp_path / f"again.{end}").read_bytes()
        assert (tmp_path / f"whole.{end}").read_bytes() == again
