"""What a run leaves: weights, logs and a record."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import write_json, write_text
from ..models.base import Base
from . import trained
from .log import table
from .provenance import commit, machine, versions
from .run import Run
from .state import State


def write_outputs(run: Run, state: State, record: Mapping[str, Any], start: float) -> None:
    """`<prefix>.safetensors` and its kin, each whole or not at all."""

    def beside(end: str) -> Path:
        return run.resume.prefix.with_name(run.resume.prefix.name + end)

    def save(end: str, weights: Mapping[str, torch.Tensor], kohya: Base | None = None) -> None:
        identity, chain = run.resume.identity, run.draws.chain
        trained.save(beside(end), weights, run.settings, identity, chain, kohya)

    write_text(beside(".csv"), state.log.csv())
    write_text(beside(".validation.csv"), table(("step", "loss"), state.validation))
    write_json(beside(".json"), {**record, **_figures(run, state, start)})
    # Without validation the last weights are the best that are known.
    best = run.resume.best(state.best[0]) if state.best else state.parameters
    save(".best.safetensors", best)
    save(".kohya.safetensors", state.parameters, run.base)
    save(".safetensors", state.parameters)


def _figures(run: Run, state: State, start: float) -> dict[str, Any]:
    stream, seconds, processes = run.stream, state.seconds, run.processes
    gpus = processes.count if processes.device.type == "cuda" else 0
    return {
        "images": len(stream.images),
        "regularization_images": len(stream.regularization) if stream.regularization else 0,
        "steps": run.steps,
        "trained_weights": sum(weight.numel() for weight in state.parameters.values()),
        "resumed_at": state.first,
        "loop_seconds": round(seconds, 3),
        "gpu_seconds": round(gpus * seconds, 3),
        "job_seconds": round(time.monotonic() - start, 3),
        "steps_per_second": round(run.steps / seconds, 4) if seconds else None,
        "processes": processes.count,
        "micro_batch": state.micro.size,
        "loss_scale": state.scaler.get_scale() if state.scaler.is_enabled() else None,
        "out_of_memory": state.micro.events,
        "final_loss": state.log.rows[-1][2],
        "best": dict(zip(("step", "validation_loss"), state.best, strict=True))
        if state.best
        else None,
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "peak": state.peak,
    }
