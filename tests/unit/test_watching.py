"""Samples, their entropy and TensorBoard's files: beside the outputs, without a trace in them."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from melablate.identity import code_identity
from melablate.watching.settings import Watch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import OUTPUTS, run, write_latents

SETTINGS = {"steps": 5, "rank": 2, "lr": 1e-2, "log_every": 2, "validation": {"every": 3}}
WATCH = {"every": 2, "samples": 2, "steps": 2}


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_latents(tmp_path_factory.mktemp("latents") / "latents.safetensors")


def table(folder: Path) -> dict[str, dict[str, float]]:
    with (folder / "entropy.csv").open() as file:
        rows = {row.pop("step"): row for row in csv.DictReader(file)}
    return {step: {k: float(v) for k, v in row.items()} for step, row in rows.items()}


def board(folder: Path) -> EventAccumulator:
    (file,) = folder.glob("events.out.tfevents.*")
    events = EventAccumulator(str(file), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    return events


def scalars(events: EventAccumulator, tag: str) -> dict[int, float]:
    found = [(event.step, event.value) for event in events.Scalars(tag)]
    assert len(dict(found)) == len(found)
    return dict(found)


def entropy(rows: np.ndarray) -> float:
    """Of the normalised spectrum of each frame, log₂, as a share of log₂(rows)."""
    shares = []
    for frame in rows.T.astype(float):
        if frame.sum() > 0:
            p = frame[frame > 0] / frame.sum()
            shares.append(-sum(x * math.log2(x) for x in p) / math.log2(len(rows)))
    return sum(shares) / len(shares) if shares else 0.0


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_looking_at_samples_leaves_every_output_as_it_is(
    bases: dict[str, Path], latents: Path, tmp_path: Path, precision: str
) -> None:
    settings = SETTINGS | {"precision": precision, "ema": {}}
    plain, seen = tmp_path / "plain" / "train", tmp_path / "seen" / "train"
    shown = tmp_path / "logs" / "seed-0"
    run(bases["sd"], plain, settings, latents)
    run(bases["sd"], seen, settings, latents, watch=WATCH, watch_folder=shown)
    for name in OUTPUTS:
        if name != "train.json":
            assert (plain.parent / name).read_bytes() == (seen.parent / name).read_bytes(), name
    # Only one clip is held out, so there is one sample a look.
    looks = ["real-0.png", *(f"step-{step:07}-0.png" for step in (0, 2, 4, 5))]
    assert sorted(path.name for path in shown.glob("*.png")) == looks
    rows = table(shown)
    assert list(rows) == ["real", "0", "2", "4", "5"]
    assert {"spectral_entropy_band4", "spectral_entropy_half2"} < rows["real"].keys()
    for step, name in (("real", "real-0"), ("4", "step-0000004-0")):
        grey = np.asarray(Image.open(shown / f"{name}.png").convert("L"))
        grey = grey[:, : 1 + 14400 // 512]  # what is right of the sound is padding
        assert rows[step]["spectral_entropy"] == pytest.approx(entropy(grey), abs=2e-6)
        assert rows[step]["spectral_entropy_half2"] == pytest.approx(
            entropy(grey[:, 15:]), abs=2e-6
        )
    events = board(shown)
    assert scalars(events, "train/loss").keys() == {2, 4, 5}
    assert scalars(events, "validation/loss").keys() == {0, 3, 5}
    of_real = scalars(events, "of_real/spectral_entropy")
    for step, value in of_real.items():
        wanted = rows[str(step)]["spectral_entropy"] / rows["real"]["spectral_entropy"]
        assert value == pytest.approx(wanted, rel=1e-4)
    assert {image.step for image in events.Images("samples/0")} == {0, 2, 4, 5}


@pytest.mark.parametrize("board", [True, False])
def test_a_run_that_cannot_show_says_so_once_and_goes_on(
    bases: dict[str, Path],
    latents: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    board: bool,
) -> None:
    taken = tmp_path / "logs"
    taken.write_text("a file where the folder is to be, as unwritable as a full disk")
    watch = {"tensorboard": True} if board else WATCH | {"tensorboard": False}
    run(bases["sd"], tmp_path / "plain" / "train", SETTINGS, latents)
    run(
        bases["sd"], tmp_path / "seen" / "train", SETTINGS, latents, watch=watch, watch_folder=taken
    )
    said = capfd.readouterr()
    assert (said.out + said.err).count("nothing more is shown of this run, which goes on") == 1
    for name in OUTPUTS:
        if name != "train.json":
            plain, seen = (tmp_path / one / name for one in ("plain", "seen"))
            assert plain.read_bytes() == seen.read_bytes(), name


def test_a_run_that_goes_on_shows_all_and_nothing_twice(
    bases: dict[str, Path], latents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from melablate.training import optimizing

    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "step-0000099-0.png").write_bytes(b"of an earlier run")
    given = {"watch": WATCH, "watch_folder": shown}
    whole, out = tmp_path / "whole", tmp_path / "train"
    run(bases["sd"], whole, SETTINGS, latents, watch=WATCH, watch_folder=tmp_path / "of whole")
    with monkeypatch.context() as patch:
        patch.setattr(optimizing, "factor", lambda step, *_: 1 / (4 - step))  # no fifth step
        with pytest.raises(ZeroDivisionError):
            run(bases["sd"], out, SETTINGS, latents, save_every=3, **given)
    assert run(bases["sd"], out, SETTINGS, latents, **given)["resumed_at"] == 3
    assert table(shown).keys() == table(tmp_path / "of whole").keys()
    assert not (shown / "step-0000099-0.png").exists()
    events = board(shown)
    assert scalars(events, "train/loss").keys() == {2, 4, 5}
    assert scalars(events, "validation/loss").keys() == {0, 3, 5}
    assert {image.step for image in events.Images("samples/0")} == {0, 2, 4, 5}


def test_no_identity_knows_of_it(tmp_path: Path) -> None:
    """Not even the trainer's code: what shows a run may change without training anew."""
    import shutil

    from melablate import identity

    copy = Path(shutil.copytree(identity.SCRIPTS, tmp_path / "scripts"))
    patch = pytest.MonkeyPatch()
    patch.setattr(identity, "SCRIPTS", copy)
    patch.setattr(identity, "LIBRARY", copy / "melablate")
    before = code_identity("train_lora.py")
    for path in (copy / "melablate/watching").glob("*.py"):
        path.write_text("changed = True\n")
    for cached in (identity._code, identity._parse, identity._imports, identity._tree):
        cached.cache_clear()
    assert code_identity("train_lora.py") == before
    (copy / "melablate/training/loop.py").write_text("changed = True\n")
    for cached in (identity._code, identity._parse, identity._imports, identity._tree):
        cached.cache_clear()
    assert code_identity("train_lora.py") != before
    patch.undo()
    assert " " not in Watch(every=3).options.removeprefix("--watch ")
