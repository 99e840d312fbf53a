"""Snakemake asked for its jobs: all of the graph, and which of them it would run now."""

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..forecast.jobs import Job, rule_of
from ..plan import Plan

STAND_INS = "MELABLATE_STAND_INS"
"""Tells the rules where empty files are taken for those that are not fetched yet."""


def asked_jobs(
    snakefile: Path,
    configfiles: Sequence[Path] = (),
    config: Mapping[str, Any] | None = None,
    targets: Sequence[str] = (),
) -> tuple[list[Job], Plan]:
    """Its own decision, not a copy of it; nothing runs, and nothing is locked or written.

    Jobs that were cut off count as to be done, as in every profile (`rerun-incomplete`). Of what
    was not fetched yet, empty files in a folder of their own take the place.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import WorkflowError
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        RerunTrigger,
        ResourceSettings,
    )

    given = ConfigSettings(configfiles=list(configfiles), config=dict(config or {}))
    with _stand_ins(), SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        logging.getLogger("snakemake").setLevel(logging.ERROR)
        asked = api.workflow(
            resource_settings=ResourceSettings(cores=1), config_settings=given, snakefile=snakefile
        )
        # As in every profile, environments do not count: they are not known here.
        triggers = frozenset(set(RerunTrigger) - {RerunTrigger.SOFTWARE_ENV})
        dag = asked.dag(
            DAGSettings(targets=frozenset(targets), force_incomplete=True, rerun_triggers=triggers)
        )
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                dag.printrulegraph()  # builds the graph; the shortest of the ways to ask for it
        except WorkflowError as error:
            api.print_exception(error)
            raise SystemExit(1) from None
        return _jobs(asked._workflow)


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="melablate-") as folder:
        os.environ[STAND_INS] = folder
        try:
            yield
        finally:
            del os.environ[STAND_INS]


def _jobs(workflow: Any) -> tuple[list[Job], Plan]:
    dag = workflow.dag
    with_work = [job for job in dag.jobs if job.rule.shellcmd]  # targets run nothing
    number = {job: place for place, job in enumerate(with_work)}
    jobs = []
    for job in with_work:
        needs = {number[need] for need in dag.dependencies[job] if need in number}
        jobs.append(
            Job(
                rule=rule_of(job.rule.name),
                wildcards={name: str(value) for name, value in job.wildcards_dict.items()},
                command=job.shellcmd or "",
                log=str(next(iter(job.log), "")),
                outputs=tuple(map(str, job.output)),
                needs=tuple(sorted(needs)),
                threads=int(job.threads),
                gpus=_whole(job.resources.get("gpu")),
                priority=_whole(job.rule.priority),
                done=not dag.needrun(job),
            )
        )
    plans = (job.rule.module_globals.get("PLAN") for job in with_work)
    return jobs, next(plan for plan in plans if plan)


def _whole(value: Any) -> int:
    """A resource that says nothing here, as a text or a number to be found out, is none."""
    return int(value) if isinstance(value, int | float) else 0
