"""Snakemake logger plugin `jobs`: one JSON line a job into the file that MELABLATE_JOBS names.

What Snakemake prints is made for people and changes with messages, quietness and versions; the
events behind it name rule and wildcards always.
"""

import json
import os
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Beside the usual output, not instead of it."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        # Targets like `all` run nothing.
        if getattr(record, "event", None) == LogEvent.JOB_INFO and record.shellcmd:
            job = {
                "rule": record.rule_name,
                "wildcards": dict(record.wildcards),
                "reason": record.reason,
                "gpu": record.resources.get("gpu", 0),
            }
            with Path(os.environ["MELABLATE_JOBS"]).open("a", encoding="utf-8") as file:
                file.write(json.dumps(job) + "\n")
