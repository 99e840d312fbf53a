"""Train low-rank adapters on a base: one arm, one seed.

Run the same command again and it goes on from its last saved state, to the same bits. SIGTERM,
SIGUSR1, Ctrl-C and the end of its time make it save and leave with exit code 75; any other failure
is 1.
"""

import argparse
import json
import os
import time
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

START = time.monotonic()
# Without these the libraries would look for a network, and for other frameworks.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", USE_TF="0", USE_FLAX="0")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products

from melablate.imports import quick_imports  # noqa: E402
from melablate.training.latents_settings import Latents  # noqa: E402
from melablate.training.launch import follow, helpers, is_helper, launched  # noqa: E402
from melablate.training.settings import Train  # noqa: E402
from melablate.training.signals import Stop  # noqa: E402
from pydantic import ValidationError  # noqa: E402


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of the arm's train section")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--identity", required=True, help="identity of this run")
    parser.add_argument("--base", required=True, type=Path, help="base model folder")
    # A file that this arm does not read may be given without a value.
    optional: dict[str, Any] = {"type": Path, "nargs": "?"}
    parser.add_argument("--latents", **optional, help="latents.safetensors, where cached")
    parser.add_argument("--images", **optional, help="shards, where latents are not cached")
    parser.add_argument("--latents-settings", default="{}", help="JSON of the latents section")
    parser.add_argument("--regularization", **optional, help="latents.safetensors of another set")
    parser.add_argument("--warm-start", **optional, help="train.safetensors of another arm")
    parser.add_argument("--provenance", default="{}", help="JSON to record beside the weights")
    parser.add_argument("--study", default="", help="name to record")
    parser.add_argument("--arm", default="", help="name to record")
    parser.add_argument("--checkpoint-seconds", type=float, help="save a state so often")
    parser.add_argument("--checkpoint-steps", type=int, help="the same, in steps")
    parser.add_argument("--checkpoint-budget", type=float, help="save and leave after so many s")
    parser.add_argument("--processes", type=int, default=1, help="share every batch among so many")
    parser.add_argument("--watch", default="{}", help="JSON: TensorBoard, samples at intervals")
    parser.add_argument("--watch-folder", type=Path, help="where that goes; none: nothing of it")
    parser.add_argument("--name", help="what to call the run in messages; default: --out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--out", required=True, type=Path, help="the weights' file, or the prefix of all outputs"
    )
    return parser.parse_args()


def main() -> None:
    """Check the settings before the heavy imports, then train."""
    args = arguments()
    stop = Stop()
    follow()
    try:
        settings = Train.model_validate_json(args.settings)
        latents = Latents.model_validate_json(args.latents_settings)
    except ValidationError as error:
        raise SystemExit(f"--settings or --latents-settings: {error}") from None
    prefix = args.out.with_suffix("") if args.out.suffix == ".safetensors" else args.out
    # By its name: who may train when changes no result, so that a change there runs nothing again.
    lease = import_module("melablate.cluster.lease")
    lock = stop.covering(lease.alone(prefix), lease.lock_of(prefix))
    with nullcontext() if is_helper() else lock as waited:
        if waited and not launched() and lease.finished(prefix, args.identity):
            print(f"{args.name or prefix}: trained by the process that was waited for")
            return
        with helpers(args.processes):
            train(args, settings, latents, prefix, stop)


def train(
    args: argparse.Namespace, settings: Train, latents: Latents, prefix: Path, stop: Stop
) -> None:
    """Import what training takes, and train."""
    with quick_imports():
        from melablate.training.inputs import Inputs
        from melablate.training.job import run
        from melablate.training.resume import Cadence

    names = {name: value for name in ("study", "arm") if (value := getattr(args, name))}
    inputs = Inputs(
        base=args.base,
        latents=args.latents,
        images=args.images,
        regularization=args.regularization,
        warm_start=args.warm_start,
    )
    run(
        settings=settings,
        latents=latents,
        inputs=inputs,
        seed=args.seed,
        identity=args.identity,
        name=args.name or str(prefix),
        threads=args.threads,
        prefix=prefix,
        provenance=names | json.loads(args.provenance),
        cadence=Cadence(args.checkpoint_seconds, args.checkpoint_steps),
        budget=args.checkpoint_budget,
        stop=stop,
        watch=json.loads(args.watch),
        watch_folder=args.watch_folder and args.watch_folder.with_suffix(""),
        start=START,
    )


if __name__ == "__main__":
    main()
