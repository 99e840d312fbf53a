"""Where the time of a finished study went, from Snakemake's own records.

    python benchmarks/stage_times.py --out benchmarks/demo_times.md

Run it where the study ran. One run on one machine: figures, not a comparison. Only jobs of the
last run count: those without a pause longer than `--pause` seconds between them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections import defaultdict
from datetime import date
from pathlib import Path


def main() -> None:
    """Read the records, write a table of rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, default=Path(".snakemake/metadata"))
    parser.add_argument("--pause", type=float, default=120, help="seconds that end a run")
    parser.add_argument("--target", default="make demo", help="what was run, to be recorded")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    jobs = last_run(read_jobs(arguments.metadata), arguments.pause)
    if not jobs:
        raise SystemExit(f"{arguments.metadata}: no finished job is recorded here")
    text = describe(jobs, arguments.target)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def read_jobs(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Start and end of every job by rule; a job with several outputs, told by its log, is one."""
    seen: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for path in folder.rglob("*"):
        if path.is_file():
            record = json.loads(path.read_text(encoding="utf-8"))
            if record.get("endtime"):
                seen[record["rule"]][str(record["log"])] = (record["starttime"], record["endtime"])
    return {rule: sorted(times.values()) for rule, times in seen.items()}


def last_run(
    jobs: dict[str, list[tuple[float, float]]], pause: float
) -> dict[str, list[tuple[float, float]]]:
    """The jobs since the last long pause; records of earlier runs stay for ever."""
    start = end = 0.0
    for began, ended in sorted(time for times in jobs.values() for time in times):
        start = began if began - end > pause else start
        end = max(end, ended)
    kept = {rule: [t for t in times if t[0] >= start] for rule, times in jobs.items()}
    return {rule: times for rule, times in kept.items() if times}


def commit() -> str:
    """Of the code beside this file."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    where = Path(__file__).parent
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def describe(jobs: dict[str, list[tuple[float, float]]], target: str) -> str:
    """Markdown: a row a rule, in the order in which rules first ran."""
    rows = []
    for rule, times in sorted(jobs.items(), key=lambda item: item[1][0]):
        seconds = [end - start for start, end in times]
        rows.append(
            f"| {rule} | {len(seconds)} | {statistics.median(seconds):.1f} | {sum(seconds):.0f} |"
        )
    first = min(start for times in jobs.values() for start, _ in times)
    last = max(end for times in jobs.values() for _, end in times)
    return "\n".join(
        [
            "# Where the time of the embedded study goes",
            "",
            f"`{target}`, commit {commit()}, {date.today()}, {os.cpu_count()} cores "
            f"({platform.machine()}), Python {platform.python_version()}. "
            "From the first job's start to the last one's end: "
            f"{(last - first) / 60:.1f} minutes, without making the environment.",
            "",
            "| rule | jobs | median s | sum s |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
