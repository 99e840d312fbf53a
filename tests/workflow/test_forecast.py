"""`snakemake forecast`: the very jobs that would run, their time and disk, and how wrong it was."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from melablate.forecast.disk import Sizes, disk_to_do, on_disk, outputs_of
from melablate.plan import make_plan
from workflow_project import Project, copy_of, everything, fresh_project

STAGES = {"train_arm": "train", "generate_samples": "samples", "score_samples": "scores"}


def forecast(project: Project, *words: str, **more: str) -> tuple[dict[str, Any], str]:
    """What is kept, and what was said."""
    kept = project.results("tiny", "forecast.json")
    kept.unlink(missing_ok=True)
    done = project.run("forecast", *words, **more)
    assert done.jobs == Counter(["forecast"])
    return (json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}), done.said


def by_stage(kept: dict[str, Any], figure: str) -> dict[str, Any]:
    return {line["stage"]: line[figure] for line in kept["lines"] if line[figure]}


def logs_of(jobs: Counter[str]) -> set[str]:
    """`train_arm rank 0` → its log; of jobs of an arm."""
    words = [job.split() for job in jobs if len(job.split()) == 3]
    return {f"logs/tiny/{rule}/{row}/seed-{seed}.log" for rule, row, seed in words}


def test_a_fresh_study(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    kept, said = forecast(project)
    assert sum(by_stage(kept, "to_do").values()) == len(everything()) == len(kept["jobs"])
    assert by_stage(kept, "done") == {}
    assert all(set(line["basis"]) == {"built-in"} for line in kept["lines"])
    assert "built-in" in said and "with 2 cores, GPUs not counted:" in said
    assert 10 < kept["walls"][0]["seconds"] < 3600
    # Nothing but what it keeps, and its log.
    assert [path.name for path in project.results("tiny").iterdir()] == ["forecast.json"]


def test_before_models_and_data_are_fetched(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "project")
    shutil.rmtree(project.root / "music")
    assert "song_describer.csv is not there" in project.run("--dry-run", fails=True).said
    bases = {"tiny": {"kind": "folder", "path": "assets/models/stable-diffusion-xl-base-1.0"}}
    project.set(bases=bases, embedder={"kind": "clap", "path": "assets/models/clap"})
    kept, said = forecast(project, "--resources", "gpu=2")
    jobs = [job for job in everything() if job not in ("train_autoencoder", "train_base")]
    # One corpus is enough: `broad` was what the embedded models learned from.
    assert sum(by_stage(kept, "to_do").values()) == len(jobs) - 2 - 2
    assert [wall["gpus"] for wall in kept["walls"]] == [2]
    assert "of an A100, from diffusers' published" in said
    # A run of SDXL takes minutes and hundreds of megabytes, whatever the study.
    assert by_stage(kept, "seconds")["train"] / 8 > 60
    assert not (project.root / "assets").exists()


def test_only_what_would_run_from_what_was_measured(project: Project) -> None:
    kept, said = forecast(project)
    assert kept == {} and "0" in said
    project.arm("rank", train={"rank": 16})
    project.set(seeds=[0, 1, 2])
    would = project.would_run()
    kept, said = forecast(project)
    assert would.jobs and not would.said.count("forecast")
    assert sum(by_stage(kept, "to_do").values()) == would.jobs.total()
    assert logs_of(would.jobs) <= kept["jobs"].keys()
    for rule, stage in STAGES.items():
        count = sum(job.startswith(rule) for job in would.jobs)
        assert by_stage(kept, "to_do")[stage] == count
    measured = {line["stage"]: set(line["basis"]) for line in kept["lines"] if line["to_do"]}
    assert measured["train"] == {"measured", "scaled"}
    assert measured["samples"] <= {"measured", "scaled"} and "built-in" not in said
    assert project.would_run().jobs == would.jobs  # it has changed nothing


def test_its_error_once_the_run_is_over(finished: Project, tmp_path: Path) -> None:
    project = copy_of(finished, tmp_path / "project")
    project.arm("longer", train={"epochs": 8})
    kept, _ = forecast(project)
    forecast_of = {log: job["seconds"] for log, job in kept["jobs"].items()}
    ran = project.run()
    assert ran.jobs.total() == len(forecast_of)
    done = project.run("forecast")
    assert "What became of the last forecast of tiny" in done.said
    assert "have not run yet" not in done.said
    # The record of the run is the oracle; within what one small machine varies by.
    for seed in (0, 1):
        path = project.results("tiny/arms/longer", f"seed-{seed}", "train.json")
        record = json.loads(path.read_text(encoding="utf-8"))
        expected = forecast_of[f"logs/tiny/train_arm/longer/seed-{seed}.log"]
        assert record["job_seconds"] / 4 < expected < 4 * record["job_seconds"]
    assert project.would_run().jobs == Counter()
    # On a cluster, Snakemake's own records hold no times: each rule's own file does.
    assert (project.root / "logs/tiny/score_samples/longer/seed-0.tsv").is_file()


def test_disk_against_what_a_finished_study_holds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The formulae alone: nothing of it was measured."""
    monkeypatch.chdir(project.root)
    plan = make_plan(project.study(), [project.config])
    sizes, found = Sizes(plan), Counter[str]()
    true: Counter[str] = Counter()
    for rule, wildcards, outputs in outputs_of(plan):
        found[rule] += sizes.of(rule, wildcards)
        true[rule] += on_disk(outputs)
    assert disk_to_do(plan) == {}
    for rule in ("make_spectrograms", "encode_latents", "generate_samples", "compose_music"):
        assert 0.75 < found[rule] / true[rule] < 1.33, rule
    assert 0.75 < sum(found.values()) / on_disk(["results"]) < 1.33
