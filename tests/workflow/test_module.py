"""The workflow as a module of another Snakefile, in another folder."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from workflow_project import HERE, Project, everything, fresh_project

SNAKEFILE = """\
configfile: "study.yaml"

module melablate:
    snakefile: "{project}/Snakefile"
    config: config["melablate"]

use rule * from melablate{rename}

from melablate.cluster.hooks import hooks

onstart:
    hooks(workflow).start()
    print("runs noted:", len(os.listdir(".snakemake/running")))

onerror:
    hooks(workflow).error()

rule own:
    default_target: True
    input:
        "results/tiny/table.md",
        "results/tiny/report",
    output:
        "own.txt",
    shell:
        "cp {{input[0]}} {{output}}"
"""


@pytest.fixture
def other(tmp_path: Path) -> Project:
    """A folder that has a study and its music, but not the workflow."""
    source = fresh_project(tmp_path / "the workflow")
    root = tmp_path / "other"
    root.mkdir()
    shutil.move(source.root / "music", root / "music")
    shutil.move(source.root / "config/tiny-arms", root / "config/tiny-arms")
    study = (HERE / "study/tiny.yaml").read_text(encoding="utf-8")
    lines = "".join(f"  {line}\n" for line in study.splitlines())
    (root / "study.yaml").write_text(f"melablate:\n{lines}", encoding="utf-8")
    shutil.copytree(source.root / "profiles", root / "profiles")
    (source.root / "config/tiny.yaml").unlink()
    return Project(root, "")


@pytest.mark.parametrize(("rename", "prefix"), [("", ""), (" as ablation_*", "ablation_")])
def test_a_module_has_the_same_jobs(other: Project, rename: str, prefix: str) -> None:
    text = SNAKEFILE.format(project=other.root.parent / "the workflow", rename=rename)
    (other.root / "Snakefile").write_text(text, encoding="utf-8")
    asked = [job for job in everything() if job != "report_corpus"]  # pages are asked for by `all`
    wanted = Counter([*(prefix + job for job in asked), "own"])
    assert other.would_run().jobs == wanted
    if not prefix:
        ran = other.run("corpus")
        assert ran.jobs == Counter(["compose_music", *["scan_corpus", "report_corpus"] * 2])
        assert "runs noted: 1\n" in ran.said
        assert len(list(other.results("corpus").glob("*/manifest.parquet"))) == 2
    listed = other.would_run(f"{prefix}fetch")
    assert listed.jobs == Counter([f"{prefix}fetch"]) and "nothing to fetch" in listed.said
