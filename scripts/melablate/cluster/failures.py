"""What a person reads of a job that failed: its log's last lines and its path.

Snakemake logs a failed job as a record of fields, from which it prints the whole command and, where
it is asked to, whole logs: hours of progress at every try. Without a scheduler it logs an exception
with the command once more. Here the record is made shorter before it is printed.
"""

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

LINES = 15
"""Of a log's end that are shown."""
WIDTH = 500
"""Letters of a line that are shown."""
BYTES = 65536
"""Read at the end of a log, which may be long."""
SCHEDULERS = re.compile(r"\d+(_\d+)?\.log")
"""The name of a log that Slurm writes: the number of the job."""
SLURM = re.compile(r"(slurmstepd|srun|slurmd|sbatch)\b.*: ")
"""A line of Slurm itself in such a log; the rest is Snakemake's, which the program's log tells."""
NOISE = re.compile(
    r"\n\s*sbatch call:.*|\s*For further error details see the cluster/cloud log.*"
    r"|\s*Detailed failure reason unavailable .*?\.(?=\s|$)|\s*Consider enabling requeueing.*",
    re.DOTALL,
)
"""What the executor adds to its message: a command of a page, and words for its own settings."""


class Failures(logging.Filter):
    """A filter of Snakemake's logger; it keeps what failed for the end of the run."""

    def __init__(self, whole: bool, on_failure: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.whole = whole
        """Whether Snakemake shows whole logs (`--show-failed-logs`): then the ends are left out."""
        self.on_failure = on_failure
        """Called for every failure, before the next try."""
        self.failed: dict[Any, tuple[str, list[str], str]] = {}
        """By job: its rule, its outputs, and what was shown last."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what the record of a failed job tells as well."""
        if getattr(record, "event", None) == "job_error":
            self._shorten(vars(record))
            self.on_failure()
        exception = getattr(record, "exception", None)
        return exception != "RuleException" or "CalledProcessError" not in record.getMessage()

    def _shorten(self, said: dict[str, Any]) -> None:
        message = NOISE.sub("", said.get("rule_msg") or "").strip()
        logs = [str(log) for log in said.get("log") or []]
        ends = dict(_ends(logs))
        shown = "" if self.whole else "".join(map(_block, ends.items()))
        said.update(rule_msg=message or "the program ended with an error", input=[], shellcmd=None)
        said["aux"] = {name: value for name, value in (said.get("aux") or {}).items() if value}
        said["rule_msg"] += shown
        last = next((lines[-1] for lines in ends.values() if lines), message)
        where = next(iter(ends), logs[0] if logs else "no log")
        outputs = [str(path) for path in said.get("output") or []]
        self.failed[said.get("jobid")] = (str(said.get("rule_name")), outputs, f"{where}: {last}")

    def summary(self) -> str:
        """The jobs that failed at their last try, a line each."""
        lines = [
            f"  {rule}: {told}"
            for rule, outputs, told in self.failed.values()
            if not all(Path(_path(output)).exists() for output in outputs)
        ]
        told = "These jobs failed, with the last line of their logs:"
        return "\n".join([told, *lines]) if lines else ""


def _path(output: str) -> str:
    """Snakemake marks some: `results/x (retrieve from storage)`."""
    return output.partition(" (")[0] if not Path(output).exists() else output


def _ends(logs: Iterable[str]) -> Iterable[tuple[str, list[str]]]:
    """The last lines of each log that holds any: of the program's, and what Slurm has to add."""
    found = False
    for log in logs:
        lines = _lines(Path(log))
        if SCHEDULERS.fullmatch(Path(log).name):
            lines = [*([] if found else _program(lines)), *filter(SLURM.match, lines)]
        if lines:
            found = True
            yield log, [line[:WIDTH] for line in lines[-LINES:]]


def _program(lines: list[str]) -> list[str]:
    """What stands between Snakemake's own words on the job's start and on its failure."""
    end = next((n for n, line in enumerate(lines) if line.startswith("Error in rule")), len(lines))
    begins = [n + 1 for n, line in enumerate(lines[:end]) if line.startswith("Reason: ")]
    return [line for line in lines[max(begins, default=0) : end] if not SLURM.match(line)]


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def _block(end: tuple[str, list[str]]) -> str:
    log, lines = end
    return f"\n    last lines of {log}:" + "".join(f"\n      {line}" for line in lines)
