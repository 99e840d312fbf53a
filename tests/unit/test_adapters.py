"""What is left out of adapters while they train, and whole runs with each way to train weights."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate import identity
from melablate.models.base import load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.training.draws import Draws
from melablate.training.dropouts import Dropouts
from melablate.training.images import cached_images
from melablate.training.lora import add_lora
from melablate.training.plugins import plugins
from melablate.training.recompute import recompute_activations
from melablate.training.settings import Train
from melablate.training.stream import Sample, Stream
from test_resume import interrupted
from training_runs import run, weights, write_latents

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
KERNEL = "down_blocks.0.resnets.0.conv1"
WIDTH, TOKENS = 16, 4000
FIGURES = ("loss", "grad_norm")


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


def samples_of(latents: Path, count: int = 3) -> list[Sample]:
    return Stream(Train(), Draws(0), cached_images(latents)).samples(0, count)


def kept(base: Path, latents: Path, dropout: dict[str, float], steps: int = 1) -> list[Any]:
    """What an adapter that adds its input lets through of ones: [samples, tokens, width]."""
    loaded = load_base(base, ("unet",))
    train = Train(rank=WIDTH, alpha=WIDTH, adapter_dropout=dropout)  # type: ignore[arg-type]
    parameters, found = add_lora(loaded, train, Draws(0)), []
    for side in ("lora_A", "lora_B"):
        parameters[f"unet.{LINEAR}.{side}.weight"].data = torch.eye(WIDTH)
    layer, ones = loaded.unet.get_submodule(LINEAR), torch.ones(3, TOKENS, WIDTH)
    dropouts, samples = Dropouts(loaded, train, Draws(0)), samples_of(latents)
    for step in range(steps):
        dropouts.at(step, samples)
        with torch.no_grad():
            found.append(layer(ones) - layer.base_layer(ones))
            parts = []
            for row, sample in enumerate(samples):  # as in smaller batches, and once more
                dropouts.at(step, [sample])
                parts.append(layer(ones[row : row + 1]) - layer.base_layer(ones[:1]))
        assert torch.equal(torch.cat(parts), found[-1])
    dropouts.off()
    assert torch.allclose(layer(ones) - layer.base_layer(ones), ones, atol=1e-5)
    return found


@pytest.mark.parametrize("what", ["input", "neuron"])
def test_a_share_of_the_values_is_dropped(bases: dict[str, Path], latents: Path, what: str) -> None:
    (found,) = kept(bases["sd"], latents, {what: 0.3})
    dropped = found.abs() < 1e-4
    assert float(dropped.float().mean()) == pytest.approx(0.3, abs=0.005)
    assert torch.allclose(found[~dropped], torch.tensor(1 / 0.7), atol=1e-4)
    assert not torch.equal(dropped[0], dropped[1])
    assert not torch.equal(dropped[:, 0], dropped[:, 1])


def test_whole_ranks_are_dropped(bases: dict[str, Path], latents: Path) -> None:
    (found,) = kept(bases["sd"], latents, {"rank": 0.5})
    dropped = found.abs() < 1e-4
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))  # of every token alike
    assert 4 < int(dropped[:, 0].sum()) < 3 * WIDTH - 4
    assert not torch.equal(dropped[0], dropped[1])
    assert torch.allclose(found[~dropped], torch.tensor(2.0), atol=1e-4)


def test_whole_adapters_are_dropped(bases: dict[str, Path], latents: Path) -> None:
    found = torch.stack(kept(bases["sd"], latents, {"module": 0.25}, steps=200))
    means = found.mean(dim=(1, 2, 3))
    assert torch.allclose(means.round(), means, atol=1e-4)  # all of a batch, not scaled
    assert 30 < int((means < 0.5).sum()) < 70


def test_ranks_of_a_convolution_are_dropped(bases: dict[str, Path], latents: Path) -> None:
    loaded = load_base(bases["sd"], ("unet",))
    train = Train(conv_rank=WIDTH, adapter_dropout={"rank": 0.5})  # type: ignore[arg-type]
    add_lora(loaded, train, Draws(0))
    down = loaded.unet.get_submodule(f"{KERNEL}.lora_A.default")
    dropouts, seen = Dropouts(loaded, train, Draws(0)), torch.rand(3, WIDTH, 4, 4)
    plain = down(seen)
    dropouts.at(0, samples_of(latents))
    share = (down(seen) / plain).flatten(2)
    assert share.shape == (3, WIDTH, 16)
    assert torch.allclose(share, share[..., :1].expand_as(share), atol=1e-4)
    assert set(share[..., 0].round(decimals=3).unique().tolist()) == {0.0, 2.0}


EVERYTHING = {
    "steps": 6,
    "rank": 2,
    "conv_rank": 2,
    "lr": 1e-2,
    "lr_text": 1e-3,
    "log_every": 3,
    "batch_size": 4,
    "ema": {"decay": 0.8},
    "adapter_dropout": {"input": 0.1, "neuron": 0.1, "rank": 0.2, "module": 0.2},
}


@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_checkpointing_and_resuming_change_no_bit(
    bases: dict[str, Path], latents: Path, tmp_path: Path, kind: str
) -> None:
    """Dropouts are the same when activations are computed again."""
    run(bases[kind], tmp_path / "whole", EVERYTHING, latents)
    again = EVERYTHING | {"gradient_checkpointing": True}
    interrupted(bases[kind], tmp_path / "again", again, latents)
    assert run(bases[kind], tmp_path / "again", again, latents)["resumed_at"] > 0
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "again")
    assert one.keys() == other.keys() and len(one) > 50
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("on", [False, True])
def test_checkpointing_computes_again(bases: dict[str, Path], on: bool) -> None:
    """Layers of UNet and text encoder are called again in the backward pass."""
    loaded = load_base(bases["sd"], ("unet", "text"))
    train = Train(lr_text=1e-3, gradient_checkpointing=on)
    add_lora(loaded, train, Draws(0))
    if on:
        recompute_activations(loaded, train)
    calls: list[str] = []
    for network in loaded.networks.values():
        for name, module in network.named_modules():
            if name.endswith(("resnets.0.conv1", "layers.1.mlp.fc1")):
                module.register_forward_hook(lambda *_, name=name: calls.append(name))  # type: ignore[misc]
    x = torch.zeros(1, 4, 4, 8)
    text = encode(loaded, ["a piano"])
    out = loaded.unet(x, torch.tensor([10]), **unet_arguments(loaded, text, x)).sample
    once = len(calls)
    out.square().mean().backward()
    again = set(calls[once:])
    assert once > 3 and ("encoder.layers.1.mlp.fc1" in again) == on
    assert any(name.endswith("conv1") for name in again) == on


def test_batches_of_any_size_drop_the_same(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    whole, rows = EVERYTHING | {"steps": 2, "log_every": 1}, {}
    for name, other in (
        ("whole", {}),
        ("half", {"batch_size": 2, "accumulation": 2}),
        ("none", {"adapter_dropout": {}}),
    ):
        run(bases["sd"], tmp_path / name, whole | other, latents)
        with (tmp_path / f"{name}.csv").open(encoding="utf-8") as file:
            rows[name] = [float(r[key]) for r in csv.DictReader(file) for key in FIGURES]
    assert rows["half"] == pytest.approx(rows["whole"], rel=1e-3)
    assert rows["none"] != pytest.approx(rows["whole"], rel=1e-2)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": {"kind": "adamw8bit", "min_8bit_size": 8}},
        {"optimizer": {"kind": "lion"}},
        {"optimizer": {"kind": "prodigy"}, "lr": 1, "lr_text": 1},
        {"optimizer": {"kind": "adafactor"}},
        {"optimizer": {"kind": "schedule_free"}},
        {"lr_text_2": 0},
        {"lr_text_2": 1e-4, "schedule": "cosine_with_restarts", "schedule_cycles": 2},
        {"schedule": "polynomial", "warmup": 2, "rank_stabilized": True},
    ],
)
def test_every_way_trains_and_resumes(
    bases: dict[str, Path], latents: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    short = {"steps": 5, "rank": 2, "lr": 1e-2, "lr_text": 1e-3, "log_every": 3} | settings
    run(bases["xl"], tmp_path / "whole", short, latents)
    interrupted(bases["xl"], tmp_path / "again", short, latents)
    assert run(bases["xl"], tmp_path / "again", short, latents)["resumed_at"] > 0
    for end in ("safetensors", "kohya.safetensors", "csv"):
        pair = [(tmp_path / f"{name}.{end}").read_bytes() for name in ("whole", "again")]
        assert pair[0] == pair[1]
    found = weights(tmp_path / "whole")
    moved = {name.partition(".")[0] for name in found if "_B." in name and found[name].any()}
    second = set() if settings.get("lr_text_2") == 0 else {"text_encoder_2"}
    assert moved == {"unet", "text_encoder"} | second


@pytest.mark.parametrize(
    "settings", [{"ema": {"decay": 0.7}}, {"optimizer": {"kind": "schedule_free"}}]
)
def test_looking_at_the_average_changes_no_bit(
    bases: dict[str, Path], latents: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Nor do dropouts take part in what is measured, which is of the weights that are saved."""
    dropped = {"adapter_dropout": {"rank": 0.3}, "steps": 4, "log_every": 2, "lr": 1e-2}
    short, last = dropped | settings, []
    run(bases["sd"], tmp_path / "blind", short, latents)
    validation = {"every": 2, "clips": 1, "draws": 3}
    run(bases["sd"], tmp_path / "seen", short | {"validation": validation}, latents)
    one, other = weights(tmp_path / "blind"), weights(tmp_path / "seen")
    assert all(torch.equal(one[name], other[name]) for name in one)
    still = {"steps": 1, "lr": 1e-20, "warm_start": {"arm": "x"}, "validation": validation}
    start = tmp_path / "blind.safetensors"
    run(bases["sd"], tmp_path / "again", still, latents, warm_start=start)
    for name in ("seen", "again"):
        lines = (tmp_path / f"{name}.validation.csv").read_text().split()
        last.append(float(lines[-1].split(",")[1]))
    assert last[0] == pytest.approx(last[1], rel=1e-5)


def test_a_second_rate_needs_a_second_encoder(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    settings = {"steps": 1, "lr_text": 1e-3, "lr_text_2": 1e-3}
    with pytest.raises(SystemExit, match="has one text encoder"):
        run(bases["sd"], tmp_path / "t", settings, latents)


def test_what_a_run_does_not_use_is_no_part_of_its_code() -> None:
    """An edit of the moving average retrains what averages, and nothing else."""
    used = {
        "training/ema.py": Train(ema={}),  # type: ignore[arg-type]
        "training/adapter_masks.py": Train(adapter_dropout={"rank": 0.1}),  # type: ignore[arg-type]
        "training/recompute.py": Train(gradient_checkpointing=True),
        "training/optimizers/lion.py": Train(optimizer={"kind": "lion"}),  # type: ignore[arg-type]
    }
    always = identity._closure((identity.SCRIPTS / "train_lora.py",))
    for name, train in used.items():
        assert name in plugins(train) and name not in plugins(Train())
        assert (identity.LIBRARY / name).is_file() and identity.LIBRARY / name not in always
