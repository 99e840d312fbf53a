"""Say what a study would take: jobs, GPU-hours, wall time, disk; and how wrong the last one was.

Snakemake is asked which jobs it would run now; nothing runs.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from melablate.cluster.asked_jobs import asked_jobs
from melablate.files import write_json
from melablate.forecast.costs import Costs
from melablate.forecast.counts import Counts
from melablate.forecast.forecast import make_forecast
from melablate.forecast.gpus import chosen_gpu
from melablate.forecast.jobs import Job
from melablate.forecast.past import outcome, outcome_in_words
from melablate.forecast.records import Ran, read_records
from melablate.forecast.schedule import Slots
from melablate.forecast.table import in_words
from melablate.forecast.trainings import read_trained


def main() -> None:
    """Read the command line, ask, reckon, tell, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snakefile", type=Path, default=Path("Snakefile"))
    parser.add_argument("--configfiles", type=Path, nargs="*", default=[])
    parser.add_argument("--config", type=json.loads, default={}, help="JSON over these files")
    parser.add_argument("--targets", nargs="*", default=[], help="default: all")
    parser.add_argument("--gpus", type=int, help="default: several numbers of them")
    parser.add_argument("--cores", type=int, help="of one machine; none on a cluster")
    parser.add_argument("--jobs", type=int, help="jobs at a time")
    parser.add_argument("--json", action="store_true", help="print what is kept, not a table")
    args = parser.parse_args()
    jobs, plan = asked_jobs(args.snakefile, args.configfiles, args.config, args.targets)
    gpu, records = chosen_gpu(), read_records()
    trained = read_trained(Costs(Counts(plan), gpu))
    slots = Slots(args.gpus, args.cores, args.jobs)
    forecast = make_forecast(plan, jobs, records, trained, gpu, slots)
    kept = Path(f"results/{plan.study.study}/forecast.json")
    became = _last(kept, jobs, records)
    if forecast.jobs:
        write_json(kept, forecast.as_json())
    if args.json:
        print(json.dumps(forecast.as_json() | {"last": became[1]}, indent=1))
    else:
        print("\n\n".join(filter(None, [became[0], in_words(forecast)])))


def _last(
    kept: Path, jobs: Sequence[Job], records: Mapping[str, Ran]
) -> tuple[str, dict[str, Any] | None]:
    """What became of the forecast that is kept, in words and figures."""
    if not kept.is_file():
        return "", None
    last = json.loads(kept.read_text(encoding="utf-8"))
    found = outcome(last, jobs, records)
    return outcome_in_words(last, found), found


if __name__ == "__main__":
    main()
