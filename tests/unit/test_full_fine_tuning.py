"""All weights of the UNet: trained, saved, resumed, sampled from, read by others' names."""

from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.models.base import load_base
from melablate.models.lora import load_into
from melablate.models.weights import read_tensors
from melablate.models.whole import CHECKPOINT, write_checkpoint
from melablate.sampling.generate import generate_latents
from melablate.sampling.prompts import Prompt
from melablate.sampling.settings import Sample
from melablate.training.settings import Train
from pydantic import ValidationError
from test_lora_full_size import unet
from test_resume import interrupted
from training_runs import run, weights, write_latents

FULL: dict[str, Any] = {"weights": "full", "steps": 5, "lr": 1e-3, "log_every": 3}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


def back(checkpoint: dict[str, torch.Tensor], config: Any) -> dict[str, torch.Tensor]:
    """diffusers' own conversion of Stability AI's names."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    converted: dict[str, torch.Tensor] = convert_ldm_unet_checkpoint(checkpoint, dict(config))
    return converted


@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_every_weight_trains_and_both_files_hold_them(
    bases: dict[str, Path], latents: Path, tmp_path: Path, kind: str
) -> None:
    settings = FULL | {"ema": {"decay": 0.5}, "gradient_checkpointing": True}
    run(bases[kind], tmp_path / "whole", settings, latents)
    interrupted(bases[kind], tmp_path / "again", settings, latents)
    assert run(bases[kind], tmp_path / "again", settings, latents)["resumed_at"] > 0
    found, again = weights(tmp_path / "whole"), weights(tmp_path / "again")
    plain = load_base(bases[kind], ("unet",)).unet
    own = {f"unet.{name}": weight for name, weight in plain.named_parameters()}
    assert found.keys() == own.keys()
    assert all(torch.equal(found[name], again[name]) for name in found)
    assert all((found[name] - own[name]).abs().max() > 1e-5 for name in found)
    checkpoint, _ = read_tensors(tmp_path / "whole.kohya.safetensors")
    assert all(name.startswith(CHECKPOINT) for name in checkpoint)
    converted = back(checkpoint, plain.config)
    assert {f"unet.{name}" for name in converted} == found.keys()
    assert all(torch.equal(converted[n], found[f"unet.{n}"]) for n in converted)


@pytest.mark.parametrize("xl", [False, True])
def test_names_of_the_real_architectures(xl: bool, tmp_path: Path) -> None:
    """A weight of one number for each; diffusers finds them all again."""
    from types import SimpleNamespace

    network = unet(xl)
    named = {
        f"unet.{n}": torch.full((1,), float(i))
        for i, (n, _) in enumerate(network.named_parameters())
    }
    base: Any = SimpleNamespace(unet=network)
    write_checkpoint(tmp_path / "c.safetensors", named, base, {})
    converted = back(read_tensors(tmp_path / "c.safetensors")[0], network.config)
    assert {f"unet.{name}": float(value) for name, value in converted.items()} == {
        name: float(value) for name, value in named.items()
    }


def test_samples_are_those_of_the_trained_weights(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    run(bases["sd"], tmp_path / "t", FULL, latents)
    tuned, plain = (load_base(bases["sd"], ("unet", "text")) for _ in range(2))
    load_into(tuned, tmp_path / "t.safetensors")
    for name, value in weights(tmp_path / "t").items():
        assert torch.equal(tuned.unet.get_parameter(name.removeprefix("unet.")), value)
    jobs = [(Prompt("0" * 16, "a piano"), 0)]
    one, other = (generate_latents(b, jobs, (4, 8), Sample(steps=2), 0) for b in (tuned, plain))
    assert one.isfinite().all() and (one - other).abs().max() > 1e-3
    with pytest.raises(SystemExit, match="does not hold the UNet of a base like"):
        load_into(load_base(bases["xl"], ("unet", "text")), tmp_path / "t.safetensors")


def test_masters_stay_in_32_bits_whatever_is_computed_and_saved_in(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    """Steps far below what bf16 could hold add up."""
    small = FULL | {"precision": "bf16", "lr": 1e-6, "warmup": 0}
    run(bases["sd"], tmp_path / "t", small, latents)
    plain = load_base(bases["sd"], ("unet",)).unet
    moved = [
        float((value - plain.get_parameter(name.removeprefix("unet."))).abs().max())
        for name, value in weights(tmp_path / "t").items()
    ]
    assert min(moved) > 1e-7 and max(moved) < 1e-5
    for told, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        run(bases["sd"], tmp_path / told, small | {"save_precision": told}, latents)
        full, half = weights(tmp_path / "t"), weights(tmp_path / told)
        assert all(torch.equal(half[name], full[name].to(dtype)) for name in full)


def test_warm_starts_are_of_one_kind(bases: dict[str, Path], latents: Path, tmp_path: Path) -> None:
    run(bases["sd"], tmp_path / "full", FULL, latents)
    run(bases["sd"], tmp_path / "lora", {"steps": 1}, latents)
    start: dict[str, Any] = {"warm_start": {"arm": "x"}}
    for settings, first, said in (
        (FULL, "lora", "holds an adapter .* this arm trains whole weights"),
        ({"steps": 1}, "full", "holds whole weights .* this arm trains an adapter"),
    ):
        with pytest.raises(SystemExit, match=said):
            path = tmp_path / f"{first}.safetensors"
            run(bases["sd"], tmp_path / "t", settings | start, latents, warm_start=path)
    path = tmp_path / "full.safetensors"
    still = FULL | start | {"steps": 1, "lr": 1e-12}
    assert run(bases["sd"], tmp_path / "t", still, latents, warm_start=path)["runs_before"] == 1
    one, other = weights(tmp_path / "full"), weights(tmp_path / "t")
    assert all(torch.allclose(one[name], other[name], atol=1e-7) for name in one)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr_text": 1e-4}, "trains the UNet alone"),
        ({"conv_rank": 4}, "conv_rank has no effect on weights full"),
        ({"adapter_dropout": {"rank": 0.1}}, "adapter_dropout has no effect"),
        ({"rank_stabilized": True}, "rank_stabilized has no effect"),
    ],
)
def test_what_belongs_to_adapters_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Train.model_validate(FULL | settings)
