"""From config to arms: merging, sweeps, warm starts."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from melablate.config_errors import ConfigError
from melablate.config_files import Sources
from melablate.plan import make_plan
from melablate.study import ResolvedArm, _undot, flatten, merge
from melablate.training.checkpoint_settings import Checkpoint

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))

KEYS = st.text("abc", min_size=1, max_size=2)
TREES = st.recursive(
    st.dictionaries(KEYS, st.integers(), min_size=1),
    lambda inner: st.dictionaries(KEYS, st.integers() | inner, min_size=1),
    max_leaves=8,
)


def arms(**changes: Any) -> dict[str, ResolvedArm]:
    return make_plan(DEMO | changes).arms


@given(TREES)
def test_dotted_and_nested_changes_are_one(tree: dict[str, Any]) -> None:
    assert _undot(flatten(tree), "x") == tree == _undot(tree, "x")


@given(TREES, TREES)
def test_a_merge_holds_what_is_changed(base: dict[str, Any], changes: dict[str, Any]) -> None:
    merged = flatten(merge(base, changes))
    assert flatten(changes).items() <= merged.items()
    assert merge(base, {}) == base == merge(base, base)
    kept = {k: v for k, v in flatten(base).items() if k not in flatten(changes)}
    touched = [k for k in kept if not any(_over(k, other) for other in flatten(changes))]
    assert all(merged[key] == kept[key] for key in touched)


def _over(key: str, other: str) -> bool:
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def test_another_kind_replaces_a_mapping_whole() -> None:
    base = {"loss": {"kind": "huber", "c": 0.3}}
    assert merge(base, {"loss": {"kind": "mse"}}) == {"loss": {"kind": "mse"}}
    assert merge(base, {"loss": {"c": 0.2}}) == {"loss": {"kind": "huber", "c": 0.2}}


def test_an_arm_is_the_baseline_with_its_changes() -> None:
    found = arms(arms=["rank-up", "baseline", "regularization"])
    assert list(found) == ["baseline", "rank-up", "regularization"]
    base, up = found["baseline"].recipe, found["rank-up"].recipe
    changed = {"rank": 16, "alpha": 16.0}
    assert up == base.model_copy(update={"train": base.train.model_copy(update=changed)})
    assert found["rank-up"].changes == {"train.rank": 16, "train.alpha": 16}
    assert found["rank-up"].claim.verdict == "improved"


def test_a_change_of_the_baselines_file_is_every_arms(tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_text("label: B\nchanges: {train.rank: 6}\n")
    (tmp_path / "lr.yaml").write_text("label: L\nchanges: {train.lr: 1e-4}\n")
    found = arms(arms_folder=str(tmp_path), arms=["baseline", "lr"])
    assert found["lr"].recipe.train.rank == 6
    assert found["lr"].recipe.train.lr == 1e-4


@pytest.mark.parametrize(
    ("study", "changes", "key", "value"),
    [
        ({"batch_size": 8}, "{train.batch_size: {times: 2}}", "batch_size", 16),
        ({"batch_size": 6}, "{train: {batch_size: {times: 1.5}}}", "batch_size", 9),
        ({"batch_size": 3}, "{train.batch_size.times: 1.3333333333333333}", "batch_size", 4),
        ({"epochs": 30}, "{train.epochs: {times: .5}}", "epochs", 15.0),
        ({"lr": "1e-4"}, "{train.lr: {times: 10}}", "lr", 1e-4 * 10),
        ({"rank": 8, "alpha": 8}, "{train: {rank: {times: 4}, alpha: {times: 4}}}", "rank", 32),
    ],
)
def test_an_arm_may_multiply_the_baselines_number(
    tmp_path: Path, study: dict[str, Any], changes: str, key: str, value: float
) -> None:
    (tmp_path / "baseline.yaml").write_text("label: B\n")
    (tmp_path / "my.yaml").write_text(f"label: M\nchanges: {changes}\n")
    given = {"arms_folder": str(tmp_path), "arms": ["baseline", "my"]}
    plan = make_plan(DEMO | given | {"train": DEMO["train"] | study})
    arm = plan.arms["my"]
    found = getattr(arm.recipe.train, key)
    assert found == value and type(found) is type(value)
    assert arm.changes[f"train.{key}"] == value  # what the report shows beside the baseline's
    # Written out, the arm is the same arm: nothing is trained again.
    (tmp_path / "my.yaml").write_text(
        "label: M\nchanges:\n" + "".join(f"  {k}: {v!r}\n" for k, v in arm.changes.items())
    )
    plain = make_plan(DEMO | given | {"train": DEMO["train"] | study})
    assert plain.train("my", 0) == plan.train("my", 0)


def test_a_multiple_is_of_the_baseline_after_its_own_changes(tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_text("label: B\nchanges: {train.rank: {times: 3}}\n")
    (tmp_path / "up.yaml").write_text("label: U\nchanges: {train.rank: {times: 2}}\n")
    found = arms(arms_folder=str(tmp_path), arms=["baseline", "up"])
    assert [found[name].recipe.train.rank for name in found] == [12, 24]


def test_a_sweep_of_multiples() -> None:
    found = arms(arms=["baseline"], sweep={"train.rank": [{"times": 1}, {"times": 2}]})
    assert list(found) == ["baseline", "rank-times-2"]
    assert found["rank-times-2"].recipe.train.rank == 8
    assert found["rank-times-2"].label == "train.rank × 2"


def test_null_switches_off(tmp_path: Path) -> None:
    (tmp_path / "baseline.yaml").write_text("label: B\n")
    (tmp_path / "plain.yaml").write_text(
        "label: P\nchanges: {regularization: null, train.regularization: null}\n"
    )
    found = make_plan(
        DEMO
        | {"arms_folder": str(tmp_path), "arms": ["baseline", "plain"], "regularization": "broad"}
        | {"train": DEMO["train"] | {"regularization": {"weight": 0.5}}}
    ).arms
    assert found["baseline"].recipe.train.regularization is not None
    assert found["plain"].recipe.train.regularization is None


def test_a_sweep_is_every_combination_but_the_baseline() -> None:
    sweep = {"train.rank": [4, 16], "train.loss": [{"kind": "mse"}, {"kind": "huber", "c": 0.3}]}
    found = arms(arms=["baseline"], sweep=sweep)
    assert list(found) == [
        "baseline",
        "rank-4_loss-c-0.3-kind-huber",
        "rank-16_loss-kind-mse",
        "rank-16_loss-c-0.3-kind-huber",
    ]
    assert found["rank-16_loss-kind-mse"].recipe.train.rank == 16
    assert found["rank-16_loss-kind-mse"].label == "train.rank = 16, train.loss = {'kind': 'mse'}"


def test_a_swept_number_may_be_written_as_yaml_reads_it() -> None:
    sweep = yaml.safe_load("{train.lr: [1e-4, 1.0e-3], train.clip_norm: [null, 2]}")
    assert list(arms(arms=["baseline"], sweep=sweep)) == [
        "baseline",
        *(f"lr-{lr}_clip_norm-{clip}" for lr in ("1e-4", "0.001") for clip in ("none", "2")),
    ]


def test_a_minus_is_part_of_a_name() -> None:
    found = arms(arms=["baseline"], sweep={"spectrogram.loudness": [-20, -23.5]})
    assert list(found) == ["baseline", "loudness-minus-20", "loudness-minus-23.5"]


@pytest.mark.parametrize("name", ["models", "music", "corpus", "latents", "spectrograms", "fetch"])
def test_a_study_is_not_named_as_a_folder_that_all_share(name: str) -> None:
    with pytest.raises(ConfigError, match=f"study: {name} is the name of a folder"):
        arms(study=name)


@pytest.mark.parametrize("steps", [7, 10**6, 12_345_678])
def test_checkpoints_are_told_as_whole_numbers(steps: int) -> None:
    words = Checkpoint(seconds=0.5, steps=steps).options.split()
    assert words == ["--checkpoint-seconds", "0.5", "--checkpoint-steps", str(steps)]


def test_the_nearest_file_that_holds_a_key_is_named() -> None:
    files = {
        "a.yaml": {"train": {"rank": 1, "lr": 2}},
        "b.yaml": {"study": "x", "train": {"lr": 3}},
    }
    config = {"study": "x", "train": {"rank": 1, "lr": 3, "alpha": 4}, "seeds": [1]}
    sources = Sources(files, config)
    assert sources.of("train.rank") == "a.yaml"
    assert sources.of("train.lr") == "b.yaml"
    assert sources.of("train.optimizer.eps") == "b.yaml"
    assert sources.of("train.alpha") == sources.of("seeds[0]") == "command line (--config)"
    assert sources.of("") == "a.yaml + b.yaml"
    assert Sources({}, config).of("train.rank") == "config"
    # As a module of another workflow, whose file holds the study below a key of its own.
    other = {"theirs.yaml": {"melablate": config}}
    assert Sources(other, config).of("train.rank") == "theirs.yaml"


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_chain_of_warm_starts_is_followed(tmp_path: Path, steps: int) -> None:
    (tmp_path / "baseline.yaml").write_text("label: B\n")
    names = [f"step-{n}" for n in range(steps)]
    for number, name in enumerate(names):
        start = names[number - 1] if number else "baseline"
        (tmp_path / f"{name}.yaml").write_text(
            f"label: {name}\nchanges: {{train.warm_start.arm: {start}}}\n"
        )
    plan = make_plan(DEMO | {"arms_folder": str(tmp_path), "arms": ["baseline", *reversed(names)]})
    for name, start in zip(names, ["baseline", *names], strict=False):
        for seed in plan.study.seeds:
            reads = plan.train(name, seed).reads
            assert reads["warm_start"] == plan.train(start, seed).identity
