"""Times to come from times that were measured, and what a forecast became."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate.forecast.costs import Cost
from melablate.forecast.forecast import told
from melablate.forecast.gpus import GPUS, VARIABLE, chosen_gpu
from melablate.forecast.jobs import STAGES, Command, Job, id_in, rule_of
from melablate.forecast.measured import scaled
from melablate.forecast.past import error, outcome, outcome_in_words
from melablate.forecast.records import Ran, read_records
from melablate.forecast.table import aligned, duration

ROOT = Path(__file__).parents[2]


def test_a_command_line_says_its_options() -> None:
    settings = json.dumps({"words": "it's a --test", "n": [1, 2]})
    line = f'python "$S"/train_lora.py --settings {shlex.quote(settings)} --images --seed 3 2>&1'
    said = Command("train_arm", line)
    assert said.settings == {"words": "it's a --test", "n": [1, 2]}
    assert said.options["seed"] == "3" and said.options["images"] == ""
    assert said.script == "train_lora"
    assert (
        Command("x", "echo 'no end").options == {} == Command("x", "echo --settings [1]").settings
    )


def test_every_rule_that_makes_something_has_a_stage() -> None:
    rules = {
        line.split()[1].rstrip(":")
        for file in (ROOT / "rules").glob("*.smk")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("rule ")
    }
    targets = {"corpus", "spectrograms", "export", "latents", "train", "samples", "scores", "table"}
    beside = {"report", "fetch", "forecast", "doctor", "export_images", "export_pipeline"}
    assert STAGES.keys() <= rules
    assert rules - STAGES.keys() - targets - beside == set()


def test_names_of_a_module_and_ids_of_paths() -> None:
    assert rule_of("ablation_train_arm") == rule_of("train_arm") == "train_arm"
    assert rule_of("own") == "own"
    assert id_in("results/latents/0123456789ab/latents.safetensors") == "0123456789ab"
    assert id_in("results/models/0123456789ab") == "0123456789ab"
    assert id_in("results/0123456789abc/x") == ""


@given(
    st.floats(0.1, 100),
    st.floats(0.01, 10),
    st.lists(st.floats(1, 500), min_size=2, max_size=8),
    st.floats(1, 1000),
)
def test_jobs_on_a_line_give_the_line(
    start: float, slope: float, works: list[float], work: float
) -> None:
    """seconds = start + slope · work, whatever the built-in figures say of either."""
    works = [*works, 3 * max(works)]
    seen = [(Cost(5.0, w), start + slope * w) for w in works]
    assert scaled(Cost(5.0, work), seen) == pytest.approx(start + slope * work, rel=1e-3, abs=1e-3)


@given(st.floats(0.1, 20), st.floats(1, 100), st.floats(1, 1000))
def test_one_amount_of_work_gives_one_factor(factor: float, work: float, asked: float) -> None:
    seen = [(Cost(5.0, work), factor * (5 + work))] * 3
    assert scaled(Cost(5.0, asked), seen) == pytest.approx(factor * (5 + asked))


def test_a_fall_in_time_is_no_law() -> None:
    """Twice the work in half the time is noise, not a forecast below zero."""
    seen = [(Cost(1.0, 1.0), 10.0), (Cost(1.0, 2.0), 5.0)]
    assert scaled(Cost(1.0, 100.0), seen) > 10


def record(folder: Path, name: str, **told: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(told), encoding="utf-8")


def test_records_of_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder, line = tmp_path / ".snakemake/metadata", "python s/score_samples.py"
    ran = {"rule": "score_samples", "shellcmd": line}
    # Two outputs of one job, a job of a cluster without and with a time beside its log, no record.
    for name in "ab":
        record(folder, name, **ran, log=["logs/x.log"], starttime=100.0, endtime=103.5)
    record(folder / "deep", "c", **ran, log=["logs/y.log"], starttime=200.0, endtime=200.0)
    record(folder, "d", **ran, log=["logs/z.log"], starttime=300.0, endtime=299.99)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/z.tsv").write_text("s\th:m:s\n7.25\t0:00:07\n", encoding="utf-8")
    (folder / "e").write_text("half a rec", encoding="utf-8")
    record(folder, "f", rule="all", log=[], starttime=None, endtime=None)
    found = read_records(folder)
    assert {log: job.seconds for log, job in found.items()} == {
        "logs/x.log": pytest.approx(3.5),
        "logs/z.log": 7.25,
    }
    assert read_records(tmp_path / "none") == {}


def test_a_training_on_a_cluster_tells_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "arm", "train.json", job_seconds=12.5, loop_seconds=40.0)
    line = "python s/train_lora.py --settings {} --out arm/train.safetensors"
    told_of = {"rule": "train_arm", "shellcmd": line, "log": ["logs/t.log"]}
    record(tmp_path / "meta", "a", **told_of, starttime=5.0, endtime=5.0)
    assert read_records(tmp_path / "meta")["logs/t.log"].seconds == 40.0


def test_what_a_forecast_became(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    for file in files:
        file.write_bytes(b"x" * 1000)
    jobs = [
        Job("train_arm", log=f"{n}.log", outputs=(str(file),), done=True)
        for n, file in enumerate(files)
    ]
    kept = {
        "study": "s",
        "made": 1000.0,
        "walls": [{"gpus": 2, "cores": None, "jobs": None, "seconds": 45.0}],
        "jobs": {
            "0.log": {"stage": "train", "seconds": 30.0, "bytes": 500},
            "1.log": {"stage": "train", "seconds": 30.0, "bytes": 500},
            "2.log": {"stage": "train", "seconds": 30.0, "bytes": 500},
        },
    }
    ran = Ran(Command("train_arm", ""), "0.log", 20.0, 1020.0)
    before = replace(ran, log="1.log", ended=999.0)
    found = outcome(kept, jobs, {"0.log": ran, "1.log": before})
    assert found["not_run"] == 2 and found["wall_seconds"] == 20
    said = outcome_in_words(kept, found)
    assert "forecast with 2 GPUs: 45 s" in said
    assert "+50 %" in said and "-50 %" in said and "2 jobs of it have not run yet" in said
    both = outcome(kept, jobs, {"0.log": ran, "1.log": replace(ran, log="1.log", ended=1030.0)})
    assert (both["wall_seconds"], both["busy"]) == (30.0, 2)
    assert outcome_in_words(kept, outcome(kept, jobs, {})) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0.4 s"),
        (59, "59 s"),
        (90, "1.5 min"),
        (3599, "1 h 00 min"),
        (3600 * 25, "25 h 00 min"),
        (3600 * 73, "3 d 01 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_sizes_errors_and_columns() -> None:
    assert [told(n) for n in (0, 999, 1000, 2.5e6, 9.999e8)] == [
        "0 B", "999 B", "1 kB", "2.5 MB", "1 GB"]  # fmt: skip
    assert (error(50, 100), error(150, 100), error(1, 0)) == ("-50 %", "+50 %", "–")
    assert aligned([("a", "1", "w"), ("bbb", "100", "x")]) == ["a      1  w", "bbb  100  x"]


def test_which_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in [("NVIDIA A100-SXM4-80GB", "a100"), ("Tesla T4", "t4"), ("rtx4090", "4090")]:
        monkeypatch.setenv(VARIABLE, name)
        assert chosen_gpu() is GPUS[key]
    monkeypatch.setenv(VARIABLE, "T400")
    with pytest.raises(SystemExit, match="name one of a100, v100"):
        chosen_gpu()
    # The published iterations a second, at 32 latents each.
    assert GPUS["a100"].latents / 32 == pytest.approx(3.6)
    assert GPUS["t4"].latents / 32 == pytest.approx(1 / 2.3)
