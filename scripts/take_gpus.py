"""Run a script of this workflow; one that needs GPUs waits until some are free, and sees no others.

The rules' `python` is this where a machine shows GPUs, and in Slurm's jobs, which try theirs before
work begins (rules/gpus.smk).
"""

import os
import sys
from pathlib import Path

from melablate.cluster.broken_gpus import check_gpus
from melablate.gpus.pool import take
from melablate.gpus.visible import CHOSEN, chosen, visible

ON_GPU = (
    "encode_latents.py",
    "train_lora.py",
    "generate_samples.py",
    "render_autoencoder.py",
    "embed_reference.py",
    "score_samples.py",
)


def main() -> None:
    """Take GPUs if the script uses any, try them under Slurm, and become its process."""
    words = sys.argv[1:]
    script = Path(words[0]).name if words else ""
    if script in ON_GPU:
        choose(script, wanted(script))
        # Without the variable Slurm gave none, as where a study is tried without any.
        if os.environ.get("SLURM_JOB_ID") and chosen():
            check_gpus()
    os.execv(sys.executable, [sys.executable, *words])


def wanted(script: str) -> int:
    """A training may share its batches among several."""
    return int(os.environ.get("MELABLATE_PROCESSES", "1")) if script == "train_lora.py" else 1


def choose(script: str, count: int) -> None:
    """Set what CUDA shows; fewer than wanted is the script's own affair."""
    gpus = visible()
    if not gpus or (len(gpus) == 1 and os.environ.get("SLURM_JOB_ID")):
        return  # what Slurm gives a job is its own
    try:
        taken = take(gpus, min(count, len(gpus)))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    os.environ[CHOSEN] = ",".join(gpu.word for gpu in taken)
    print(f"{script}: GPU {', '.join(gpu.word for gpu in taken)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
