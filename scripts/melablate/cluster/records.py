"""A cluster's job records what it was made by itself.

Snakemake compares later runs with its records of params, code and input, and only the run that sent
a job writes them: where that was killed, a job that ends after it leaves results without a record,
and no change of them is ever seen. With --immediate-submit, where nobody waits for the jobs, each
writes its own record; here each does always, and a run that lives writes the same once more.
"""

from functools import wraps
from typing import Any


def record_itself(persistence: Any) -> None:
    """Have Snakemake's keeper of records (a class) write them in a job's own process too."""
    finished = persistence.finished

    @wraps(finished)
    async def recorded(self: Any, job: Any) -> None:
        execution = self.dag.workflow.remote_execution_settings
        before, execution.immediate_submit = execution.immediate_submit, True
        try:
            await finished(self, job)
        finally:
            execution.immediate_submit = before

    persistence.finished = recorded
