"""How wrong forecasts are, on a finished study: from one arm's jobs, those of all other arms.

    cd PROJECT && PYTHONPATH=scripts python benchmarks/forecast_errors.py \
        --configfiles config/demo.yaml config/demo-full.yaml --out benchmarks/forecast.md

Three ways: from the built-in table alone, from the baseline's first seed, and from all its seeds.
One run on one machine. A record is compared with what is forecast for its own command line.
"""

import argparse
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from melablate.config_files import read_config
from melablate.forecast.costs import Costs
from melablate.forecast.counts import Counts
from melablate.forecast.gpus import chosen_gpu
from melablate.forecast.measured import Measured
from melablate.forecast.records import Ran, read_records
from melablate.forecast.trainings import Trained, read_trained
from melablate.plan import make_plan
from melablate.study import merge

RULES = ("train_arm", "generate_samples", "score_samples")


def main() -> None:
    """Read the study, forecast, write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfiles", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    config = {}
    for file in args.configfiles:
        config = merge(config, read_config(file))
    plan = make_plan(config, args.configfiles)
    costs = Costs(Counts(plan), chosen_gpu())
    arms = f"logs/{plan.study.study}/"
    records = [ran for ran in read_records().values() if ran.log.startswith(arms)]
    text = describe(costs, records, read_trained(costs), plan.study.baseline)
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


def describe(costs: Costs, records: list[Ran], trained: list[Trained], baseline: str) -> str:
    """Markdown: a row a rule and way."""
    of_baseline = [ran for ran in records if f"/{baseline}/" in ran.log]
    own = [run for run in trained if run.arm == baseline]
    ways: dict[str, tuple[list[Ran], list[Trained]]] = {
        "built-in table": ([], []),
        "one job of the baseline": ([r for r in of_baseline if "seed-0" in r.log], own[-1:]),
        "all jobs of the baseline": (of_baseline, own),
    }
    rows = []
    for way, (known, runs) in ways.items():
        measured = Measured(costs, known, runs)
        for rule, errors in compared(measured, records, baseline).items():
            sizes = sorted(abs(e - 1) for e, _, _ in errors)
            total = sum(f for _, f, _ in errors) / sum(s for _, _, s in errors) - 1
            rows.append(
                f"| {rule} | {way} | {len(errors)} | {100 * statistics.median(sizes):.0f} % "
                f"| {100 * sizes[int(0.9 * len(sizes))]:.0f} % | {100 * total:+.0f} % |"
            )
    return "\n".join([*head(), *sorted(rows), ""])


def compared(
    measured: Measured, records: Iterable[Ran], baseline: str
) -> dict[str, list[tuple[float, float, float]]]:
    """Forecast over actual seconds, and both, of the other arms' jobs."""
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for ran in records:
        if ran.command.rule in RULES and f"/{baseline}/" not in ran.log:
            forecast = measured.guess(ran.command).seconds
            found[ran.command.rule].append((forecast / ran.seconds, forecast, ran.seconds))
    return found


def head() -> list[str]:
    """What was measured, and where."""
    return [
        "# How wrong forecasts are",
        "",
        f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, the embedded study with all its rows. "
        "`benchmarks/forecast_errors.py`: jobs of all arms but the baseline, forecast in three "
        "ways. Errors are of single jobs, without their sign; the last column is of the sum.",
        "",
        "| rule | forecast from | jobs | median error | 90 % are below | all together |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]


if __name__ == "__main__":
    main()
