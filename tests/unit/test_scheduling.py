"""Snakemake looks for jobs when there is something new, not ever more often."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
JOBS = 40
# Every clock is a thread; each lives for a second and then starts the next.
SNAKEFILE = """
import sys, threading
sys.path.insert(0, {scripts!r})
from melablate.cluster.scheduling import without_rate_limit

onstart:
    print("taken away:", {mended} and without_rate_limit(workflow.scheduler))

onsuccess:
    clocks = sum(isinstance(thread, threading.Timer) for thread in threading.enumerate())
    print("clocks:", clocks)

rule all:
    input: expand("{{n}}.txt", n=range({jobs}))

rule job:
    output: "{{n}}.txt"
    shell: "touch {{output}}"
"""


def said(folder: Path, mended: bool, *words: str) -> str:
    text = SNAKEFILE.format(scripts=str(SCRIPTS), mended=mended, jobs=JOBS)
    (folder / "Snakefile").write_text(text)
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    done = subprocess.run(
        [snakemake, "--cores", "2", "--scheduler", "greedy", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and len(list(folder.glob("*.txt"))) == JOBS, done.stdout
    return done.stdout


def test_no_look_for_jobs_starts_another(tmp_path: Path) -> None:
    out = said(tmp_path, mended=True)
    assert "taken away: True" in out and "clocks: 0" in out


def test_snakemake_still_needs_it(tmp_path: Path) -> None:
    """Once this fails, a newer Snakemake has mended it, and ours can go."""
    out = said(tmp_path, mended=False)
    (line,) = (line for line in out.splitlines() if line.startswith("clocks:"))
    assert int(line.split()[1]) > 0


@pytest.mark.parametrize("limit", ["50/1s", "100/2s"])
def test_a_limit_that_someone_chose_stays(tmp_path: Path, limit: str) -> None:
    assert "taken away: False" in said(tmp_path, True, "--max-jobs-per-timespan", limit)
