"""Large studies: the work of an arm stays the same, and a job looks at no arm but its own."""

import copy
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml
from melablate import code_cache, identity
from melablate.plan import Plan, make_plan

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
ARMS = {
    "baseline": "label: B\n",
    "rank": "label: R\nchanges: {train: {rank: 8, alpha: 16}}\n",
    "mel": "label: M\nchanges: {spectrogram.pre_emphasis: 0}\n",
    "whole": "label: W\nchanges: {latents.cached: false}\n",
    "warm": "label: V\nchanges: {train: {warm_start: {arm: rank}, rank: 8, alpha: 16, lr: 1.0e-3}}\n",  # noqa: E501
    "hot": "label: H\nchanges: {train: {warm_start: {arm: warm}, rank: 8, alpha: 16, lr: 1.0e-4}}\n",  # noqa: E501
    "swept": (
        "label: S\nchanges: {train: {warm_start: {arm: rank-5_epochs-7}, rank: 6, epochs: 8}}\n"
    ),
}
SWEEP = {"train.rank": [4, 5], "train.epochs": [6, 7]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(folder: Path, arms: dict[str, str], **more: Any) -> dict[str, Any]:
    """The demo with arms of its own, a file each."""
    for name, text in arms.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return copy.deepcopy(DEMO) | {"arms_folder": str(folder), "arms": list(arms)} | more


def many(number: int) -> dict[str, str]:
    """So many arms, no two alike."""
    lr = {f"arm-{n}": f"label: L{n}\nchanges: {{train.lr: {n}.0e-6}}\n" for n in range(1, number)}
    return {"baseline": "label: B\n"} | lr


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, Python's own among them."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_the_work_of_an_arm_does_not_grow_with_their_number(folder: Path) -> None:
    configs = {number: study(folder, many(number)) for number in (20, 40, 160)}
    make_plan(configs[20])  # what is done once, such as imports
    found = {number: calls(lambda c=config: make_plan(c)) for number, config in configs.items()}
    few, more = (found[40] - found[20]) / 20, (found[160] - found[40]) / 120
    assert few > 100 and more == pytest.approx(few, rel=0.02)


def stages(plan: Plan, row: str, seed: int) -> list[Any]:
    """All that a job of this row is told."""
    train = [] if row not in plan.arms else [plan.train(row, seed)]
    found = [*train, plan.samples(row, seed), plan.prompts(), plan.scores()]
    corpora = [plan.study.corpora.keys(), plan.embedders, plan.recipe(row)]
    return [found, [plan.upstream(stage) for stage in found], corpora]


def test_a_job_is_told_the_same_by_the_plan_of_its_row(folder: Path) -> None:
    config = study(folder, ARMS, sweep=SWEEP)
    whole = make_plan(config)
    assert "rank-5_epochs-7" in whole.arms
    for row, seed in whole.rows():
        part = make_plan(config, only={row})
        assert stages(part, row, seed) == stages(whole, row, seed), row
        places = part.corpus_places()
        assert places == {key: whole.corpus_places()[key] for key in places}
        reads = {value for stage in stages(part, row, seed)[0] for value in stage.reads.values()}
        assert not (reads & whole.corpora.keys()) - places.keys()


@pytest.mark.parametrize(
    ("row", "needs"),
    [
        ("rank", {"rank"}),
        ("hot", {"hot", "warm", "rank"}),
        ("swept", {"swept", "rank-5_epochs-7"}),
        ("rank-4_epochs-7", {"rank-4_epochs-7"}),
        ("untuned-base", set()),
        ("of another workflow", set()),
    ],
)
def test_no_other_arms_file_is_opened(folder: Path, row: str, needs: set[str]) -> None:
    config = study(folder, ARMS, sweep=SWEEP)
    for name in ARMS.keys() - needs - {"baseline"}:
        (folder / f"{name}.yaml").unlink()
    assert make_plan(config, only={row}).arms.keys() == needs | {"baseline"}


# Code


@pytest.fixture
def scripts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the scripts, and nothing known of it yet."""
    copied = folder / "scripts"
    shutil.copytree(ROOT / "scripts", copied, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(identity, "SCRIPTS", copied)
    monkeypatch.setattr(identity, "LIBRARY", copied / "melablate")
    forget()
    return copied


def forget() -> None:
    """As a new start does."""
    cached = (code_cache._code, code_cache._known, code_cache._state)
    for function in (*cached, identity._code, identity._parse, identity._imports, identity._tree):
        function.cache_clear()


PLUGINS = ["training/losses/mse.py"]


def test_what_is_kept_of_code_is_what_is_so(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = identity.code_identity
    monkeypatch.setattr(
        identity, "code_identity", lambda *words: asked.append(words) or real(*words)
    )
    first = code_cache.code_identity("train_lora.py", PLUGINS)
    assert first == real("train_lora.py", PLUGINS) and len(asked) == 1
    forget()
    assert code_cache.code_identity("train_lora.py", PLUGINS) == first and len(asked) == 1
    loss = scripts / "melablate" / PLUGINS[0]
    loss.write_text(loss.read_text(encoding="utf-8") + "\nadded = 1\n", encoding="utf-8")
    forget()
    changed = code_cache.code_identity("train_lora.py", PLUGINS)
    assert changed == real("train_lora.py", PLUGINS) != first


def test_a_new_module_is_seen(scripts: Path) -> None:
    script, package = scripts / "one.py", scripts / "melablate" / "added"
    package.mkdir()
    (package / "__init__.py").write_text("other = 1\n")
    script.write_text("from melablate.added import other\n")
    before = code_cache.code_identity("one.py")
    (package / "other.py").write_text("value = 1\n")  # which that import now runs
    forget()
    assert code_cache.code_identity("one.py") != before


@pytest.mark.parametrize("text", ["{", "[]", '{"state": 1}', '{"codes": {"make_table.py": "x"}}'])
def test_a_broken_list_of_codes_is_made_anew(scripts: Path, text: str) -> None:
    code_cache.KEPT.parent.mkdir()
    code_cache.KEPT.write_text(text)
    found = code_cache.code_identity("make_table.py")
    assert found == identity.code_identity("make_table.py")
    assert json.loads(code_cache.KEPT.read_text())["codes"] == {"make_table.py": found}
