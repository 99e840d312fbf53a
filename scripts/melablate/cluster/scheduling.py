"""Snakemake's scheduler, made to look for jobs only when there is something new."""

from typing import Any

DEFAULT_LIMIT = (100, 1)
"""Jobs and seconds of `--max-jobs-per-timespan` where nobody asked for another limit."""


def without_rate_limit(scheduler: Any) -> bool:
    """Take the default limit of jobs a second away; True where it was there.

    Under a limit, every look for jobs starts a clock that ends in another look (Snakemake 9.27,
    `JobScheduler._schedule_reevalutation`): after n jobs there are n looks a second, each at the
    files of all jobs that are ready. No option switches the limit off. How many jobs run or wait
    at a time is another limit (`--cores`, `--jobs`), which stays.
    """
    limiter = getattr(scheduler, "job_rate_limiter", None)
    limit = (getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None))
    if limit != DEFAULT_LIMIT:
        return False
    scheduler.job_rate_limiter = None
    return True
