"""Whole runs on random tiny bases, and the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from melablate.models.base import autoencoder_digest, load_base
from melablate.models.conditioning import encode
from melablate.models.weights import read_tensors, save_tensors
from melablate.training import text
from melablate.training.log import Log, NotFiniteError
from melablate.training.settings import Train
from training_runs import IDENTITY, OUTPUTS, command, run, start, weights, write_latents

SHORT = {"steps": 4, "rank": 2, "lr": 1e-2, "log_every": 2}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


def difference(one: Path, other: Path) -> float:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def test_the_command_line_writes_weights_log_and_provenance(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a folder" / "train"
    more = ["--provenance", '{"study": "s"}', "--name", "baseline seed 0", "--latents", latents]
    done = start(command(bases["sd"], out, SHORT, *more))
    _, said = done.communicate(timeout=120)
    assert done.returncode == 0, said
    assert "baseline seed 0: 4/4" in said
    assert sorted(path.name for path in out.parent.iterdir()) == OUTPUTS
    record = json.loads((out.parent / "train.json").read_text())
    assert record["identity"] == IDENTITY and record["provenance"] == {"study": "s"}
    assert record["images"] == 6 and record["steps"] == 4 and record["settings"]["rank"] == 2
    assert {"commit", "versions", "machine", "peak", "steps_per_second"} <= record.keys()
    lines = (out.parent / "train.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,loss,lr,grad_norm"
    assert [line.split(",")[0] for line in lines[1:]] == ["2", "4"]
    # The same in this process: same bytes.
    run(bases["sd"], tmp_path / "again", SHORT, latents)
    for end in ("csv", "safetensors", "kohya.safetensors", "best.safetensors", "validation.csv"):
        again = (tmp_path / f"again.{end}").read_bytes()
        assert (out.parent / f"train.{end}").read_bytes() == again


def test_it_learns(bases: dict[str, Path], latents: Path, tmp_path: Path) -> None:
    settings = {
        "steps": 60,
        "batch_size": 8,
        "repeats": 2,
        "targets": "all",
        "lr": 0.05,
        "log_every": 20,
    }
    run(bases["sd"], tmp_path / "t", settings, latents)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    losses = [float(line.split(",")[2]) for line in lines[1:]]
    assert losses[-1] < 0.97 * losses[0]


def test_sdxls_shape_trains_text_encoders_and_all(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    run(bases["xl"], tmp_path / "t", SHORT | {"lr_text": 1e-3}, latents)
    names = {name.partition(".")[0] for name in weights(tmp_path / "t")}
    assert names == {"unet", "text_encoder", "text_encoder_2"}
    with pytest.raises(SystemExit, match="two text encoders"):
        run(bases["xl"], tmp_path / "u", SHORT | {"clip_skip": 2}, latents)


def test_accumulation_is_a_bigger_batch(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    for name, batch, accumulation in (("one", 6, 1), ("three", 2, 3)):
        settings = SHORT | {"batch_size": batch, "accumulation": accumulation, "lr": 1e-3}
        run(bases["sd"], tmp_path / name, settings, latents)
    assert difference(tmp_path / "one", tmp_path / "three") < 1e-5


def test_regularization_weight_scales_the_loss(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    other = write_latents(tmp_path / "other.safetensors", clips=4, seed=5)
    losses = {}
    for weight in (1.0, 0.5, 1e-9):
        settings = {"steps": 1, "batch_size": 12, "log_every": 1}
        settings["regularization"] = {"weight": weight}  # type: ignore[assignment]
        run(bases["sd"], tmp_path / "t", settings, latents, regularization=other)
        losses[weight] = float((tmp_path / "t.csv").read_text().split("\n")[1].split(",")[2])
    assert losses[0.5] == pytest.approx((losses[1.0] + losses[1e-9]) / 2, rel=1e-5)
    assert losses[1e-9] == pytest.approx(losses[1.0] / 2, rel=0.2)


def test_warm_start_goes_on_from_another_run(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    run(bases["sd"], tmp_path / "first", SHORT, latents)
    settings = SHORT | {"warm_start": {"arm": "first"}, "rank": 4, "lr": 1e-12}
    first = tmp_path / "first.safetensors"
    run(bases["sd"], tmp_path / "second", settings, latents, warm_start=first)
    one, two = weights(tmp_path / "first"), weights(tmp_path / "second")
    # kohya's keys of the same weights lead to the same run.
    beside = tmp_path / "first.kohya.safetensors"
    run(bases["sd"], tmp_path / "kohya", settings, latents, warm_start=beside)
    assert difference(tmp_path / "second", tmp_path / "kohya") == 0
    for name in one:
        if ".lora_A." in name:
            assert torch.allclose(one[name], two[name][:2], atol=1e-6)
    third = {"steps": 1, "warm_start": {"arm": "second"}, "rank": 4}
    before = run(
        bases["sd"], tmp_path / "t", third, latents, warm_start=tmp_path / "second.safetensors"
    )
    assert before["runs_before"] == 2


def test_latents_encoded_in_the_loop_are_the_cached_ones(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    from melablate.audio.codecs.mel_db.settings import MelDb
    from melablate.audio.png import image_to_png
    from melablate.audio.shards import ClipRow, write_shards
    from melablate.training.latents import encode, variant
    from melablate.training.latents_settings import SpecAugment

    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (5, 16, 32), generator=generator, dtype=torch.uint8)
    clip_ids = [f"{i}-0" for i in range(5)]
    captions = [[f"tune {i}"] for i in range(5)]
    splits = ["train"] * 4 + ["heldout"]
    codec = MelDb(seconds=0.9, n_mels=16, width=32)
    rows = [
        ClipRow(i, i[0], split, tuple(texts), image_to_png(image[None].numpy(), codec), "", 0.0)
        for i, split, texts, image in zip(clip_ids, splits, captions, pixels, strict=True)
    ]
    write_shards(tmp_path / "images", rows, codec, 256)
    augment = SpecAugment(variants=2, frequency_width=0.25, time_width=0.25)
    vae, span = load_base(bases["sd"], ("vae",)).vae, (0.0, 255.0)
    variants = [
        variant(image[None], i, n, augment, 0)
        for i, image in zip(clip_ids, pixels, strict=True)
        for n in range(3)
    ]
    mean, std = encode(vae, torch.stack(variants), span)
    save_tensors(
        tmp_path / "latents.safetensors",
        {"mean": mean.unflatten(0, (5, 3)), "std": std.unflatten(0, (5, 3))},
        {
            "clip_ids": json.dumps(clip_ids),
            "captions": json.dumps(captions),
            "splits": json.dumps(splits),
        },
    )
    settings = SHORT | {"augment_share": 0.5, "lr": 1e-3}
    run(bases["sd"], tmp_path / "cached", settings, tmp_path / "latents.safetensors")
    run(
        bases["sd"],
        tmp_path / "loop",
        settings,
        None,
        images=tmp_path / "images",
        latents_settings={"cached": False, "specaugment": augment},
    )
    assert difference(tmp_path / "cached", tmp_path / "loop") == 0


def test_a_loss_that_is_no_number_stops_with_step_batch_and_settings(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    settings = SHORT | {"lr": 1e20, "clip_norm": None, "steps": 9}
    with pytest.raises(SystemExit) as stopped:
        run(bases["sd"], tmp_path / "t", settings, latents, save_every=1)
    said = str(stopped.value)
    assert "loss became" in said and "at step" in said and "-0" in said and '"lr":1e+20' in said
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_gradient_that_is_no_number_stops_though_the_loss_is_one(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The root's slope at 0 is infinite: a finite loss, at the last step, with NaN behind it."""
    from melablate.training.losses import mse

    def bent(prediction: torch.Tensor, target: torch.Tensor, **_: object) -> torch.Tensor:
        return (prediction - target).square() + (prediction * 0).sqrt()

    monkeypatch.setattr(mse, "loss", bent)
    with pytest.raises(SystemExit, match="gradient's norm became nan at step 1; the batch was"):
        run(bases["sd"], tmp_path / "t", SHORT | {"steps": 1}, latents)
    assert not (tmp_path / "t.safetensors").exists()


def test_weights_that_are_no_numbers_are_not_written(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    """The only step has a finite loss and gradient, and throws the weights out of range."""
    with pytest.raises(SystemExit, match="weights are not finite, such as unet"):
        run(bases["sd"], tmp_path / "t", SHORT | {"steps": 1, "lr": 1e39}, latents)
    assert list(tmp_path.iterdir()) == []


def test_fp16_may_skip_steps_but_not_for_ever() -> None:
    """Overflows are left out of the means; a run of nothing else stops."""
    one, much = torch.tensor(1.0), torch.tensor(torch.inf)
    log = Log(every=4, epoch_steps=1.0, scaled=True)
    for step, norm in enumerate([one, much, much, 3 * one]):
        log.add(step, one, norm, 0.1, last=False)
    assert log.rows == [[4, 4.0, 1.0, 0.1, 2.0]]
    resumed = Log(every=4, epoch_steps=1.0, scaled=True)
    resumed.restore(json.loads(json.dumps(log.state())))
    with pytest.raises(NotFiniteError) as stopped:
        for step in range(4, 100):
            resumed.add(step, one, much, 0.1, last=False)
    assert stopped.value.step == 4 + 50 and stopped.value.what == "gradient's norm"
    plain = Log(every=1, epoch_steps=1.0)
    with pytest.raises(NotFiniteError):
        plain.add(0, one, much, 0.1, last=False)


@pytest.mark.parametrize(
    ("settings", "more", "said"),
    [
        ({"augment_share": 0.5}, {}, "latents.specaugment"),
        ({"batch_size": 100}, {}, "larger than all"),
        ({"exclude_words": ["tune"]}, {}, "sets aside every one"),
        ({"regularization": {}}, {}, "need --regularization"),
        ({"warm_start": {"arm": "x"}}, {}, "need --warm-start"),
        ({}, {"latents_settings": {"cached": False}}, "need --images"),
        ({}, {"images": Path("x.parquet")}, "given but not used: --images"),
        ({"clip_skip": 4}, {}, "skips more"),
    ],
)
def test_what_does_not_fit_is_said(
    bases: dict[str, Path],
    latents: Path,
    tmp_path: Path,
    settings: dict[str, object],
    more: dict[str, object],
    said: str,
) -> None:
    with pytest.raises(SystemExit, match=said):
        run(bases["sd"], tmp_path / "t", SHORT | {"epochs": 1} | settings, latents, **more)


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("xl", {"clip_skip": 2}, "no effect on a base with two"),
        ("sd", {"lr_text": 1e-3, "lr_text_2": 1e-3}, "has one text encoder"),
        ("sd", {"warm_start": {"arm": "x"}}, "larger than this arm's"),
        ("sd", {"spectrogram_loss": {}}, "vae cannot be loaded|vae lacks"),
    ],
)
def test_what_an_arm_cannot_do_is_said_before_a_gpu_is_used(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    kind: str, settings: dict[str, Any], said: str,
) -> None:  # fmt: skip
    start = tmp_path / "start.safetensors" if "warm_start" in settings else None
    if start:
        run(bases[kind], tmp_path / "start", {"steps": 1, "rank": 4}, latents)
    base = Path(shutil.copytree(bases[kind], tmp_path / "base"))
    (base / "vae/diffusion_pytorch_model.safetensors").write_bytes(b"not whole")

    def used(*_: Any, **__: Any) -> None:
        raise AssertionError("a network is on its way to the device")

    monkeypatch.setattr(UNet2DConditionModel, "to", used)
    with pytest.raises(SystemExit, match=said):
        run(base, tmp_path / "t", {"steps": 1, "rank": 2} | settings, latents, warm_start=start)


def test_latents_of_another_autoencoder_are_refused(
    bases: dict[str, Path], latents: Path, tmp_path: Path
) -> None:
    """Of the same shape: nothing else would tell them apart."""
    tensors, metadata = read_tensors(latents)
    for whose, other in (("sd", False), ("xl", True)):
        told = metadata | {"autoencoder": autoencoder_digest(bases[whose])}
        path = tmp_path / f"{whose}.safetensors"
        save_tensors(path, tensors, told)
        if other:
            with pytest.raises(SystemExit, match="encoded by another autoencoder"):
                run(bases["sd"], tmp_path / "t", SHORT, path)
            with pytest.raises(SystemExit, match="encoded by another autoencoder"):
                settings = SHORT | {"regularization": {}}
                run(bases["sd"], tmp_path / "t", settings, latents, regularization=path)
        else:
            run(bases["sd"], tmp_path / "t", SHORT, path)


def test_encoded_captions_are_kept_with_dropout_too_and_more_of_them_change_none(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(base: Any, captions: Any, skip: int) -> Any:
        calls.append(list(captions))
        return encode(base, captions, skip)

    monkeypatch.setattr(text, "encode", counted)
    captions = [f"tune {number}" for number in range(40)]
    settings = Train.model_validate({"captions": {"dropout": 0.5}})
    made = [
        text.Texts(load_base(bases["sd"], ("text",)), settings, ["", *captions], more)
        for more in ([], ["another", "tune 3", "a third"])
    ]
    assert calls[-1] == ["another", "a third"] and len(calls) == 2 + 3
    one, other = (texts(["tune 7", "", "tune 39"]).hidden for texts in made)
    assert torch.equal(one, other) and len(calls) == 5
    assert made[1](["a third"]).hidden.shape == (1, *one.shape[1:])
    assert made[0].base.text_encoders == []
    shuffled = Train.model_validate({"captions": {"shuffle": "clauses"}})
    text.Texts(load_base(bases["sd"], ("text",)), shuffled, captions)(["tune 1"])
    assert calls[5:] == [["tune 1"]]


def test_latents_of_another_shape_are_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    path = write_latents(tmp_path / "l.safetensors", channels=8)
    with pytest.raises(SystemExit, match=r"8 channels.*takes 4"):
        run(bases["sd"], tmp_path / "t", SHORT, path)
    short = tmp_path / "short.safetensors"
    short.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SystemExit, match="not a whole safetensors"):
        run(bases["sd"], tmp_path / "t", SHORT, short)
    save_tensors(path, {"mean": torch.zeros(1)}, {})
    with pytest.raises(SystemExit, match="not a latents file"):
        run(bases["sd"], tmp_path / "t", SHORT, path)
    other = write_latents(tmp_path / "o.safetensors", channels=8)
    good = write_latents(tmp_path / "g.safetensors")
    with pytest.raises(SystemExit, match="regularization latents"):
        settings = SHORT | {"regularization": {}}
        run(bases["sd"], tmp_path / "t", settings, good, regularization=other)
