"""What a job costs on Slurm beside its work: submission, Snakemake's own starts, polling.

    python benchmarks/slurm_overhead.py --out benchmarks/slurm_overhead.md

On a running cluster, such as that of tests/cluster/slurm-up. The whole workflow under
`--profile slurm`, with a stub in place of the scripts that sleeps and makes their files, so that
all else is overhead; 21 arms are 201 jobs. Once as the profile is, once with samples and scores of
a run packed into one Slurm job.
"""

import argparse
import itertools
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

import scale

sys.path.insert(0, str(scale.ROOT / "tests/cluster"))
sys.path.insert(0, str(scale.ROOT / "tests/workflow"))
from slurm_project import FILLED

PACKED = ("--groups", "generate_samples=measure", "score_samples=measure")
# Which files a script makes, by its options: those of a name, and folders.
STUB = """#!/bin/sh
began=$(date +%s.%N)
sleep {seconds}
out=
while [ $# -gt 0 ]; do
  case $1 in
    --out | --out-*)
      case $2 in
        */train.safetensors)
          for end in safetensors kohya.safetensors best.safetensors csv validation.csv json; do
            : > "${{2%safetensors}}$end"
          done ;;
        */samples | */report) mkdir -p "$2"; : > "$2/file" ;;
        *) : > "$2" ;;
      esac ;;
  esac
  shift
done
echo "$SLURM_JOB_ID $began $(date +%s.%N)" >> {log}
"""


@dataclass(frozen=True)
class Run:
    """What was seen of one run of the workflow, in seconds."""

    name: str
    works: int
    jobs: int
    wall: float
    figures: dict[str, float]


def main() -> None:
    """Both ways, then a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arms", type=int, default=21)
    parser.add_argument("--seconds", type=float, default=1, help="what a script takes")
    parser.add_argument("--jobs", type=int, default=100, help="in the queue at a time")
    parser.add_argument("--work", type=Path, help="where the study is made, and kept")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = (arguments.work or Path(folder)).resolve() / "project"
        side = project(root, arguments.arms, arguments.seconds)
        ways = {"a Slurm job each": (), "samples and scores packed": PACKED}
        runs = [run(side, name, arguments.jobs, *words) for name, words in ways.items()]
    text = page(runs, arguments)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def project(root: Path, arms: int, seconds: float) -> scale.Side:
    """A study of which all is there that arms share, its profile filled in, and the stub."""
    side = scale.ours(root, arms)
    scale.finish(side)
    path = root / "profiles/slurm/config.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in FILLED.items():
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    stub = root / ".stub/python"
    stub.parent.mkdir()
    stub.write_text(STUB.format(seconds=seconds, log=root / ".work.txt"), encoding="utf-8")
    stub.chmod(0o755)
    words = ("--profile", "slurm", "--configfile", "config/scale.yaml")
    return scale.Side(side.name, root, words)


def run(side: scale.Side, name: str, jobs: int, *words: str) -> Run:
    """Unmake the arms, run, compare the clocks of Snakemake, Slurm and the stub."""
    for made in ("arms", "report", "table.csv", "table.md", "table.json", "table.parquet"):
        path = side.root / "results/scale" / made
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    log = side.root / ".work.txt"
    log.unlink(missing_ok=True)
    path = os.pathsep.join([str(side.root / ".stub"), os.environ["PATH"]])
    start = time.time()
    process = subprocess.Popen(
        side.command("--jobs", str(jobs), *words),
        cwd=side.root,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = [(time.time(), line) for line in process.stdout]
    text = "".join(line for _, line in said)
    (side.root / f".said-{len(words)}.txt").write_text(text, encoding="utf-8")
    if process.wait():
        raise SystemExit(text[-4000:])
    wall = time.time() - start
    works: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        number, *times = line.split()
        if len(times) == 2:  # what ran on the login node has no number
            works[number].append((float(times[0]), float(times[1])))
    count = sum(map(len, works.values()))
    return Run(name, count, len(works), wall, figures(said, works, slurm(works)))


def slurm(numbers: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """When Slurm had, started and ended each job."""
    fields = "JobID,Submit,Start,End"
    command = ["sacct", "--noheader", "--parsable2", "--format", fields]
    command += ["--allocations", "--jobs", ",".join(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        number, *times = line.split("|")
        submit, began, ended = (datetime.fromisoformat(one).timestamp() for one in times)
        found[number] = {"submit": submit, "start": began, "end": ended}
    return found


def figures(
    said: list[tuple[float, str]],
    works: dict[str, list[tuple[float, float]]],
    jobs: dict[str, dict[str, float]],
) -> dict[str, float]:
    """Medians; Slurm's clock has whole seconds, so that means of many jobs tell more than one."""
    submitted, finished = {}, {}
    for at, line in said:
        if match := re.search(r"Job (\S+) has been submitted with SLURM jobid (\d+)", line):
            submitted[match[1]] = (at, match[2])
        if match := re.search(r"Finished (?:group )?job(?:id)?:? ([\w-]+)", line):
            finished[match[1]] = at
    times = sorted(at for at, _ in submitted.values())
    gaps = [b - a for a, b in itertools.pairwise(times) if b - a < 2]
    noticed = [finished[k] - jobs[n]["end"] for k, (_, n) in submitted.items() if k in finished]
    first = {number: min(works[number])[0] for number in jobs}
    last = {number: max(works[number])[1] for number in jobs}
    between = [
        after[0] - before[1]
        for number in jobs
        for before, after in itertools.pairwise(sorted(works[number]))
    ]
    lists = {
        "between two submissions": gaps,
        "waiting in Slurm's queue": [j["start"] - j["submit"] for j in jobs.values()],
        "from Slurm's start to the script": [first[n] - j["start"] for n, j in jobs.items()],
        "between two scripts of a job": between,
        "from the script to Slurm's end": [j["end"] - last[n] for n, j in jobs.items()],
        "until Snakemake notices": noticed,
    }
    return {name: statistics.median(values) for name, values in lists.items() if values}


def page(runs: list[Run], arguments: argparse.Namespace) -> str:
    """Markdown."""
    names = dict.fromkeys(name for one in runs for name in one.figures)
    rows = [
        f"| {name} | " + " | ".join(
            f"{one.figures[name]:.2f}" if name in one.figures else "" for one in runs) + " |"
        for name in names
    ]  # fmt: skip
    total = [
        f"| {what} | " + " | ".join(values) + " |"
        for what, values in {
            "scripts": [str(one.works) for one in runs],
            "Slurm jobs": [str(one.jobs) for one in runs],
            "whole run, s": [f"{one.wall:.0f}" for one in runs],
            "whole run a script, s": [f"{one.wall / one.works:.2f}" for one in runs],
        }.items()
    ]
    slurm_version = subprocess.run(["sinfo", "--version"], capture_output=True, text=True).stdout
    return "\n".join(
        [
            "# What a job costs on Slurm beside its work",
            "",
            f"{date.today()}, {slurm_version.strip()} of tests/cluster, {os.cpu_count()} cores "
            f"({platform.machine()}), snakemake {version('snakemake')}, "
            f"executor {version('snakemake-executor-plugin-slurm')}; load of the machine at the "
            f"end {os.getloadavg()[0]:.0f}. {arguments.arms} arms of three seeds, at most "
            f"{arguments.jobs} jobs in the queue, scripts that sleep {arguments.seconds:g} s. "
            "Medians, seconds. Page made by `benchmarks/slurm_overhead.py`.",
            "",
            "| | " + " | ".join(one.name for one in runs) + " |",
            "| --- |" + " ---: |" * len(runs),
            *total,
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
