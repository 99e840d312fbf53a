"""What a run does beside its jobs: before the first, when one fails, and at the end."""

import logging
from pathlib import Path
from typing import Any

from .broken_gpus import LeaveOut
from .failures import Failures
from .running import WhoHolds, job_name, leave_note


class Hooks:
    """One of a run, however many modules it has."""

    def __init__(self, workflow: Any, logger: logging.Logger) -> None:
        self.workflow = workflow
        self.logger = logger
        self.leave_out = LeaveOut()
        self.failures = Failures(
            whole=workflow.output_settings.show_failed_logs,
            on_failure=lambda: self.leave_out(workflow.scheduler),
        )
        for added in (self.failures, WhoHolds()):
            logger.addFilter(added)

    def start(self) -> None:
        """Leave a note of this run, end what killed ones have left in the queue."""
        from .leftovers import end_leftovers
        from .scheduling import without_rate_limit

        sent_as = job_name(self.workflow.scheduler)
        leave_note(sent_as)
        without_rate_limit(self.workflow.scheduler)
        # A run that writes nothing (fetch, forecast, doctor) may go on beside one that does.
        if any(job.output for job in self.workflow.dag.needrun_jobs()):
            end_leftovers(Path.cwd(), needed=bool(sent_as))
        self.leave_out(self.workflow.scheduler)

    def error(self) -> None:
        """Say once more what has failed."""
        if said := self.failures.summary():
            self.logger.error(said)


_made: list[Hooks] = []


def hooks(workflow: Any) -> Hooks:
    """Those of this run; a Snakefile that has the workflow as a module asks for them too."""
    from snakemake.logging import logger

    if not _made or _made[-1].workflow is not workflow:
        _made.append(Hooks(workflow, logger))
    return _made[-1]
