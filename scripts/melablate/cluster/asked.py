"""What the jobs of a workflow ask for, as the profile and the command line have it in the end."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from logging import getLogger
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..files import write_json
from ..plan import Plan

Examples = Sequence[Mapping[str, Any]]
"""Wildcards; each rule takes the first that fit it."""
TOLD = Path("logs/doctor.json")
_TOLD_OF = set[int]()


def tell_doctor(workflow: Any, config: Mapping[str, Any], plan: Plan) -> Path:
    """A file that holds the study and how it is run; scripts/check_setup.py reads it."""
    if not workflow.dryrun and id(workflow) not in _TOLD_OF:
        _TOLD_OF.add(id(workflow))  # params are asked for more than once
        files = [str(file) for file in workflow.configfiles]
        site = site_of(workflow, examples_of(plan))
        write_json(TOLD, {"files": files, "config": config, "site": site})
        if shutil.which("conda") is None:
            # Snakemake asks it before any job; that there is none is for the doctor to say.
            methods = workflow.deployment_settings.deployment_method
            methods -= {one for one in methods if str(one) == "conda"}
    return TOLD


def examples_of(plan: Plan) -> Examples:
    """The baseline's job of every rule."""
    row, seed = plan.study.baseline, plan.study.seeds[0]
    ids = [id for known in vars(plan).values() if isinstance(known, dict) for id in known]
    return [{"row": row, "seed": seed, "id": id} for id in ids]


def site_of(workflow: Any, examples: Examples) -> dict[str, Any]:
    """How the workflow is run, for `melablate.doctor`."""
    settings = workflow.executor_settings
    return {
        "program": _program(),
        "options": [word for word in sys.argv[1:] if word != "doctor"],
        "executor": workflow.executor_plugin.name,
        "deployment": [str(one) for one in workflow.deployment_settings.deployment_method],
        "settings": {} if settings is None else _plain(asdict(settings)),
        "requests": list(_requests(workflow, examples)),
    }


def _program() -> str:
    """As it was typed, or as it can be."""
    here = os.path.relpath(sys.argv[0])
    return "snakemake" if here.startswith("..") else here


def _requests(workflow: Any, examples: Examples) -> Iterator[dict[str, Any]]:
    last = 1 + workflow.execution_settings.retries
    for rule in workflow.rules:
        if not workflow.is_local(rule):
            tries = [_resources(rule, examples, attempt) for attempt in (1, last)]
            if all(tries):
                chosen = _partition(workflow, rule.name, tries[0])
                tries = [{**chosen, **resources} for resources in tries]
                yield {"rule": rule.name, "resources": tries[0], "last": tries[1]}


def _partition(workflow: Any, rule: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    """The partition that the executor would choose from its file, where none is named."""
    file = getattr(workflow.executor_settings, "partition_config", None)
    if not file or resources.get("slurm_partition") or not Path(file).is_file():
        return {}
    from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file

    job = SimpleNamespace(name=rule, threads=resources.get("_cores", 1), resources=resources)
    best = get_best_partition(read_partition_file(Path(file)), job, getLogger(__name__))
    return {"slurm_partition": best} if best else {}


def _resources(rule: Any, examples: Examples, attempt: int) -> dict[str, Any]:
    """Of one job; empty where no example is one."""
    from snakemake.exceptions import WorkflowError
    from snakemake.iocontainers import InputFiles, Wildcards

    for values in examples:
        wildcards = Wildcards(fromdict={name: str(value) for name, value in values.items()})
        try:
            found = rule.expand_resources(wildcards, InputFiles([]), attempt)
        except WorkflowError:  # the identity is of another kind of stage
            continue
        return _plain({name: found.get(name) for name in found.keys()})  # noqa: SIM118
    return {}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold."""
    return {
        name: value if isinstance(value, int | float | str | None) else str(value)
        for name, value in values.items()
    }
