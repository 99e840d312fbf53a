"""Sizes and built-in times, against the networks themselves and against what must hold of them."""

import copy
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from melablate.files import write_text
from melablate.forecast.adapters import KNOWN, trained_numbers
from melablate.forecast.bases import TINY, family_of, speed_of, step_seconds
from melablate.forecast.costs import Cost, Costs
from melablate.forecast.counts import Counts
from melablate.forecast.disk import Sizes, disk_to_do, on_disk, outputs_of
from melablate.forecast.gpus import GPUS
from melablate.forecast.jobs import Command
from melablate.models.base import load_base
from melablate.plan import Plan, make_plan
from melablate.training.draws import Draws
from melablate.training.lora import add_lora
from melablate.training.settings import Train
from tiny_base import write_base

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
REAL = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
A100 = GPUS["a100"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan(study: dict[str, Any] = DEMO, **changes: Any) -> Plan:
    return make_plan(copy.deepcopy(study) | changes)


@pytest.fixture(scope="module", params=[False, True], ids=["sd15", "sdxl"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"), xl=request.param)


@pytest.mark.parametrize("targets", ["attention", "transformer", "all"])
@pytest.mark.parametrize("conv_rank", [None, 3])
@pytest.mark.parametrize("lr_text", [None, 1e-4])
def test_numbers_of_an_adapter(
    base: Path, targets: str, conv_rank: int | None, lr_text: float | None
) -> None:
    """As many as the trainer itself adds to these networks."""
    train = Train(rank=5, targets=targets, conv_rank=conv_rank, lr_text=lr_text)  # type: ignore[arg-type]
    added = add_lora(load_base(base, ("unet", "text")), train, Draws(0))
    family = family_of(str(base), Counts(plan()))
    assert trained_numbers(train, family, str(base)) == sum(w.numel() for w in added.values())


def test_numbers_of_whole_weights(base: Path) -> None:
    unet = load_base(base, ("unet",)).unet
    train = Train(weights="full")
    assert trained_numbers(train, "sd15", str(base)) == sum(w.numel() for w in unet.parameters())


def test_published_sizes() -> None:
    """SD 1.5: 859.52 M (its model card); kohya's rank 4 file of the U-Net alone holds 1.69 M."""
    assert KNOWN["sd15"]["unet"].weights == pytest.approx(859.52e6, rel=1e-4)
    assert KNOWN["sdxl"]["unet"].weights == pytest.approx(2567.46e6, rel=1e-4)
    # diffusers' own example (attention alone, rank 4) makes files of 3.2 MB in float32.
    attention = trained_numbers(Train(rank=4, targets="attention"), "sd15")
    assert attention * 4 == pytest.approx(3.2e6, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_numbers_of_the_true_architectures(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted again in the networks, without memory for them."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from melablate.training.lora import is_convolution, target_layers
    from random_bases import networks

    for name, known in KNOWN[kind].items():  # type: ignore[index]
        with torch.device("meta"):
            network = networks(kind)[name]()
        assert sum(p.numel() for p in network.parameters()) == known.weights
        for targets in ("attention", "transformer", "all"):
            shapes = [
                network.get_submodule(n).weight.shape for n in target_layers(network, targets)
            ]
            assert sum(s[0] + s[1] for s in shapes) == getattr(known, targets), (name, targets)
        layers = [network.get_submodule(n).weight for n in target_layers(network, "all", True)]
        wide = [w.shape for w in layers if is_convolution(w)]
        assert sum(s[0] + 9 * s[1] for s in wide) == known.convolutions


def test_disk_of_the_demo() -> None:
    """By hand: 16 prompts, 65,024 samples of 16 bit, 64 × 128 pixels; 24 arms and seeds."""
    found = disk_to_do(plan())
    wav, png = 16 * 65024 * 2, 16 * 64 * 128 * 0.8
    assert found["samples"] == pytest.approx(30 * (wav + png), rel=0.01)
    # Mean and std of 4 channels at a quarter of the size, in float32; 120 clips and 320.
    assert found["latents"] == pytest.approx(440 * (2 * 4 * 16 * 32 * 4 + 150), rel=0.01)
    assert found["spectrograms"] == pytest.approx(440 * (64 * 128 * 0.8 + 200), rel=0.01)


def test_disk_of_the_real_study() -> None:
    """Not fetched: 547 valid tracks; rank 8 of SD 1.5 with its text encoder, three files."""
    study = plan(REAL, arms=["baseline"], seeds=[0])
    adapter = 8 * (423_936 + 165_888) * 4
    assert disk_to_do(study)["train"] == pytest.approx(3 * adapter, rel=0.01)
    assert disk_to_do(study)["latents"] == pytest.approx(547 * 2 * 4 * 32 * 64 * 4, rel=0.01)
    full = plan(REAL, arms=["baseline", "full-fine-tune"], seeds=[0])
    more = disk_to_do(full)["train"] - disk_to_do(study)["train"]
    assert more == pytest.approx(3 * 4 * 859.52e6, rel=0.01)
    assert Sizes(full).state("full-fine-tune") == pytest.approx(16 * 859.52e6, rel=0.01)


def test_what_is_there_is_not_to_do() -> None:
    study = plan()
    before = disk_to_do(study)
    for rule, wildcards, outputs in outputs_of(study):
        if rule == "train_arm" and wildcards["row"] == "baseline":
            write_text(Path(outputs[0]), "here")
    after = disk_to_do(study)
    assert 0 < before["train"] - after["train"] < before["train"]
    assert {k: v for k, v in before.items() if k != "train"} == {
        k: v for k, v in after.items() if k != "train"
    }


def test_bytes_of_files_and_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "in/deep/a", "12345")
    write_text(tmp_path / "b", "123")
    assert on_disk([str(tmp_path / "in"), str(tmp_path / "b"), str(tmp_path / "none")]) == 8


def command(study: Plan, arm: str) -> Command:
    stage = study.train(arm, 0)
    folder = study.base_folders[stage.reads["base"]]
    latents = f"results/latents/{stage.reads['latents']}/latents.safetensors"
    words = ["--settings", stage.settings, "--base", folder, "--latents", latents]
    return Command("train_arm", f"python s/train_lora.py {shlex.join(words)}")


def work(arm: str, study: dict[str, Any] = DEMO, **changes: Any) -> Cost:
    made = plan(study, **changes)
    found = Costs(Counts(made), A100).of(command(made, arm))
    assert found is not None
    return found


def test_work_grows_as_the_arm_says() -> None:
    quiet = DEMO["train"] | {"validation": None, "epochs": 5}
    base = work("baseline", train=quiet).work
    # The last batch of an epoch is not whole: twice 52½ steps are not twice 53.
    assert work("more-steps", train=quiet).work == pytest.approx(2 * base, rel=0.02)
    assert work("regularization", train=quiet).work == pytest.approx(2 * base, rel=0.02)
    # The same images in half as many steps of twice the batch.
    assert work("batch-size", train=quiet).work == pytest.approx(base, rel=0.05)
    longer = work("baseline", train=quiet | {"steps": 530}, arms=["baseline"])
    assert longer.work == pytest.approx(10 * base, rel=0.01)
    looking = quiet | {"validation": DEMO["train"]["validation"]}
    assert work("baseline", train=looking).work > base  # looks at held-out clips take time


def test_the_demo_as_it_was_timed() -> None:
    """benchmarks/demo_full_times.md: a training of the demo takes 7.3 s (median)."""
    assert work("baseline").seconds == pytest.approx(7.3, rel=0.35)


def test_bases_and_gpus() -> None:
    train = Train(batch_size=4, rank=8)
    a100, t4 = speed_of("sd15", A100), speed_of("sd15", GPUS["t4"])
    assert step_seconds(train, a100, 1.0) < step_seconds(train, t4, 1.0)
    assert step_seconds(train, speed_of("sdxl", A100), 1.0) > 1.5 * step_seconds(train, a100, 1.0)
    again = train.model_copy(update={"gradient_checkpointing": True})
    ratio = step_seconds(again, a100, 4.0) / step_seconds(train, a100, 4.0)
    assert ratio == pytest.approx(3.1 / 2.1)
    assert step_seconds(train, TINY, 0.03, cached=False) > step_seconds(train, TINY, 0.03)


def test_a_base_is_known_by_its_files_or_name(base: Path) -> None:
    counts = Counts(plan())
    assert family_of("assets/models/stable-diffusion-xl-base-1.0", counts) == "sdxl"
    assert family_of("assets/models/stable-diffusion-v1-5", counts) == "sd15"
    assert family_of("results/models/0123456789ab", counts) == "tiny"
    assert family_of("/elsewhere/results/models/0123456789ab", counts) == "tiny"
    real = Counts(plan(REAL, arms=["baseline", "sdxl"]))
    found = {family_of(f"$MELABLATE_BASE_{key}", real) for key in real.plan.bases}
    assert found == {"sd15", "sdxl"}
    with pytest.raises(KeyError):
        family_of("$MELABLATE_BASE_0123456789ab", real)


def test_a_command_of_another_version_is_no_error() -> None:
    costs = Costs(Counts(plan()), A100)
    assert costs.of(Command("train_arm", "python train.py --settings '{\"was\": 1}'")) is None
    assert costs.of(Command("somebody_elses", "true")) is None
    assert costs.of(Command("encode_latents", "x --images results/spectrograms/abc/images")) is None


def test_clips_are_counted_where_they_are() -> None:
    study = plan()
    (images, *_) = study.spectrograms
    expected = Counts(study).clips(images)
    assert expected and not expected.known and expected.all in (120, 320)
    rows = "clip_id,split\n" + "a,train\n" * 7 + "b,heldout\n" * 2
    write_text(Path(f"results/spectrograms/{images}/clips.csv"), rows)
    found = Counts(study).clips(images)
    assert found and (found.train, found.heldout, found.known) == (7, 2, True)
