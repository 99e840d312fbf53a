"""A large study: what Melablate adds to Snakemake's own time and memory before the first job.

    python benchmarks/scale.py --out benchmarks/scale.md

A study of so many arms, three seeds each, one YAML file an arm, beside `scale_bare.smk`: the same
jobs and files without params, resources and environments. Both are dry-run as typed, in turns.
Then all outputs are made, empty, and `snakemake --touch` records them as any run does, so that the
dry run of a finished study can be timed too. No job is run. Memory is the peak of the process.
On a machine that others use too, processor seconds tell more than seconds. With `--work`, what was
measured there before is taken from there.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent
SIZES = (100, 300, 1000)
DIRECTORIES = {"audio", "images", "samples", "report"} | {
    "unet", "vae", "text_encoder", "tokenizer", "scheduler"}  # fmt: skip
# `--touch` sleeps a tenth of a second a job, a quarter of an hour for nothing here.
TOUCH = """
import sys
from snakemake.cli import main
from snakemake.executors import touch
touch.Executor.SLEEPING_TIME = 0
main(sys.argv[1:])
"""
PLAN = """
import sys, time
sys.path.insert(0, "scripts")
import yaml
from melablate.plan import make_plan
config = yaml.safe_load(open("config/scale.yaml"))
start = time.process_time()
make_plan(config, ["config/scale.yaml"])
print(time.process_time() - start)
"""


@dataclass(frozen=True)
class Side:
    """A folder in which Snakemake is started, and how."""

    name: str
    root: Path
    words: tuple[str, ...]

    def command(self, *words: str) -> list[str]:
        """As typed, but for the interpreter."""
        return [sys.executable, "-m", "snakemake", *words, *self.words]


@dataclass(frozen=True)
class Spent:
    """One process."""

    seconds: float
    processor: float
    """Seconds of it."""
    megabytes: float
    said: str


def main() -> None:
    """Time every size, write a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where the studies are made, and kept")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = arguments.work or Path(folder)
        rows = [measured(work.resolve(), arms, arguments.repeats) for arms in arguments.sizes]
    text = page(rows)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


# The two sides


def ours(root: Path, arms: int) -> Side:
    """The tracked files and a study; all of its arms differ, one in a hundred in its images."""
    if not root.exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).exists() and not name.startswith("tests/"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name, follow_symlinks=False)
        write_study(root, arms)
    words = ("--profile", "profiles/local", "--configfile", "config/scale.yaml")
    return Side("Melablate", root, words)


def write_study(root: Path, arms: int) -> None:
    """The demo's models and corpora, and arms of what ablations are made of."""
    study = yaml.safe_load((root / "config/demo.yaml").read_text(encoding="utf-8"))
    names = ["baseline", *(f"arm-{number:04}" for number in range(1, arms))]
    study |= {"study": "scale", "seeds": [0, 1, 2], "arms": names}
    study |= {"arms_folder": "config/scale-arms"}
    (root / "config/scale.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    folder = root / "config/scale-arms"
    folder.mkdir()
    for number, name in enumerate(names):
        arm = {"label": f"Arm {number}", "claim": {"verdict": "improved", "words": "Said so"}}
        arm["changes"] = changes_of(number) if number else {}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(arm), encoding="utf-8")


def changes_of(number: int) -> dict[str, object]:
    """One of eight tricks, each time with another learning rate."""
    tricks: list[dict[str, object]] = [
        {},
        {"train.rank": {"times": 2}, "train.alpha": {"times": 2}},
        {"train.loss": {"kind": "huber", "c": 0.1, "schedule": "snr"}},
        {"train.noise_offset": 0.05},
        {"train.batch_size": {"times": 2}},
        {"train.epochs": {"times": 2}},
        {"train.captions": {"shuffle": "clauses"}},
        {"train.min_snr_gamma": 5.0},
    ]
    own = {} if number % 100 else {"spectrogram": {"pre_emphasis": number / 1e5}}
    return {"train.lr": round(1e-3 + number * 1e-6, 9)} | tricks[number % 8] | own


def bare(root: Path, arms: int) -> Side:
    """The yardstick, under the same profile."""
    if not root.exists():
        (root / "profiles").mkdir(parents=True)
        shutil.copy2(HERE / "scale_bare.smk", root / "Snakefile")
        shutil.copytree(ROOT / "profiles/local", root / "profiles/local")
        (root / "config.yaml").write_text(f"arms: {arms}\n", encoding="utf-8")
    words = ("--profile", "profiles/local", "--configfile", "config.yaml")
    return Side("bare", root, words)


# Measuring


def spend(side: Side, *words: str) -> Spent:
    """Start Snakemake, wait, ask the system what it took."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            side.command(*words), cwd=side.root, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(f"{side.name}: {' '.join(words)} failed:\n{text[-2000:]}")
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def jobs_in(said: str) -> Counter[str]:
    """Jobs by rule, as a dry run counts them at its end."""
    table = said.rpartition("Job stats:")[2]
    rows = re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)
    return Counter({rule: int(count) for rule, count in rows})


def finish(side: Side) -> None:
    """Make every output, empty, and have Snakemake record that a run made it."""
    for line in spend(side, "--summary").said.splitlines():
        if "\t" in line and not line.startswith("output_file"):
            path = side.root / line.partition("\t")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name in DIRECTORIES:
                path.mkdir(exist_ok=True)
            else:
                path.touch()
    command = [sys.executable, "-c", TOUCH, "--touch", *side.words, "--quiet", "all"]
    done = subprocess.run(command, cwd=side.root, capture_output=True, text=True, check=False)
    said = spend(side, "--dry-run").said
    if "Nothing to be done" not in said:
        raise SystemExit(f"{side.name} is not finished: {done.stderr[-2000:]}\n{said[:2000]}")


def plan_seconds(side: Side) -> float:
    """Reading, checking and laying out the study, apart from Snakemake."""
    command = [sys.executable, "-c", PLAN]
    done = subprocess.run(command, cwd=side.root, capture_output=True, text=True, check=True)
    return float(done.stdout)


@dataclass(frozen=True)
class Row:
    """One size."""

    arms: int
    jobs: int
    load: float
    spent: dict[str, list[list[float]]]
    """Seconds, processor seconds and megabytes of every start, by what was done and by whom."""
    plan: list[float]

    def median(self, what: str, side: str, part: int) -> float:
        """Of seconds (0), processor seconds (1) or megabytes (2)."""
        return statistics.median(one[part] for one in self.spent[f"{what}, {side}"])


def measured(work: Path, arms: int, repeats: int) -> Row:
    """Now, or from an earlier start."""
    kept = work / f"{arms}.json"
    if not kept.exists():
        row = measure(work, arms, repeats)
        kept.write_text(json.dumps(asdict(row)), encoding="utf-8")
    return Row(**json.loads(kept.read_text(encoding="utf-8")))


def measure(work: Path, arms: int, repeats: int) -> Row:
    """Dry runs of what is to be done, then of what is finished; parsing alone."""
    sides = [bare(work / f"bare-{arms}", arms), ours(work / f"ours-{arms}", arms)]
    spent: dict[str, list[list[float]]] = {}

    def in_turns(what: str, *words: str) -> list[str]:
        said = [""] * len(sides)
        for repeat in range(repeats):
            for number in (0, 1) if repeat % 2 else (1, 0):
                one = spend(sides[number], *words)
                figures = [one.seconds, one.processor, one.megabytes]
                spent.setdefault(f"{what}, {sides[number].name}", []).append(figures)
                said[number] = one.said
        return said

    for side in sides:  # a study that is kept from an earlier start is made anew
        for name in ("results", ".snakemake"):
            shutil.rmtree(side.root / name, ignore_errors=True)
    spend(sides[1], "--list-rules")  # the identities of code are known from then on
    counts = [jobs_in(said) for said in in_turns("all to be done", "--dry-run")]
    if counts[0] != counts[1] or not counts[0]:
        raise SystemExit(f"not the same jobs: {counts[0]} and {counts[1]}")
    in_turns("parsing", "--list-rules")
    job = ("--mode", "remote", "--target-jobs", "train_arm:row=arm-0001,seed=0")
    in_turns("parsing in a job", "--list-rules", *job)
    for side in sides:
        finish(side)
    in_turns("nothing to be done", "--dry-run")
    plans = [plan_seconds(sides[1]) for _ in range(repeats)]
    return Row(arms, counts[0]["total"], os.getloadavg()[0], spent, plans)


# The page


def page(rows: list[Row]) -> str:
    """Markdown."""
    kinds = ("all to be done", "nothing to be done", "parsing", "parsing in a job")
    repeats = ", ".join(str(len(row.plan)) for row in rows)
    loads = ", ".join(f"{row.load:.0f}" for row in rows)
    return "\n".join(
        [
            "# A study of 1,000 arms",
            "",
            f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), Python "
            f"{platform.python_version()}, snakemake {version('snakemake')}; load of the machine "
            f"{loads}. Medians of {repeats} starts, both sides in turns. Page made by "
            "`benchmarks/scale.py`.",
            "",
            "Arms are one YAML file each, with three seeds. `bare` is `benchmarks/scale_bare.smk`: "
            "the same jobs and files without params, resources and environments. `snakemake -n` of "
            "a study of which nothing is made, and of one that is finished; `--list-rules` for "
            "parsing alone, and the same told that it is a job of one arm on a cluster, where "
            "every job starts Snakemake twice. Seconds are of the processor: the machine was in "
            "use.",
            "",
            "| | arms | jobs | bare s | Melablate s | ratio | bare MB | Melablate MB |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *(line for what in kinds for line in of_what(what, rows)),
            "",
            "What one arm of three seeds costs (dry run less parsing, all to be done), and the "
            "plan alone: reading, checking and laying out every arm.",
            "",
            "| arms | bare ms | Melablate ms | plan s | plan, ms an arm |",
            "| ---: | ---: | ---: | ---: | ---: |",
            *map(of_arm, rows),
            "",
        ]
    )


def of_what(what: str, rows: list[Row]) -> Iterator[str]:
    """A line a size, of those that were measured so."""
    for row in (row for row in rows if f"{what}, bare" in row.spent):
        bare_, own = (row.median(what, side, 1) for side in ("bare", "Melablate"))
        memory = [f"{row.median(what, side, 2):.0f}" for side in ("bare", "Melablate")]
        yield (
            f"| {what} | {row.arms:,} | {row.jobs:,} | {bare_:.2f} | {own:.2f} | "
            f"×{own / bare_:.2f} | {memory[0]} | {memory[1]} |"
        )


def of_arm(row: Row) -> str:
    """What grows with the number of arms, by their number: the same in each line if all is well."""
    plan = statistics.median(row.plan)
    each = [
        1000 * (row.median("all to be done", side, 1) - row.median("parsing", side, 1)) / row.arms
        for side in ("bare", "Melablate")
    ]
    return (
        f"| {row.arms:,} | {each[0]:.1f} | {each[1]:.1f} | {plan:.2f} | "
        f"{1000 * plan / row.arms:.2f} |"
    )


if __name__ == "__main__":
    main()
