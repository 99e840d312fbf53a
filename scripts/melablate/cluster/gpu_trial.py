"""Put each of this job's GPUs to work for a moment: `python gpu_trial.py`."""

import os
import sys

ENVIRONMENT = 78
"""Exit code where what is installed would work with no such GPU (EX_CONFIG of sysexits.h)."""
try:
    import torch
except Exception as error:
    print(f"torch cannot be imported: {error}", file=sys.stderr)
    sys.exit(ENVIRONMENT)

TOO_OLD = ("driver on your system is too old", "driver version is insufficient", "no kernel image")
"""What torch and CUDA say of a build for other drivers or GPUs."""
SIZE = 1024
"""Of a square matrix of ones, whose product with itself is exact in any format: SIZE everywhere."""


def main() -> None:
    """SystemExit with the reason where one does not work."""
    print("torch is there", flush=True)  # what comes is up to the GPUs
    if torch.version.cuda is None and torch.version.hip is None:
        print("this torch is built for CPUs: the job's GPU stays idle", file=sys.stderr)
        return
    given = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    try:
        torch.cuda.init()
        if (found := torch.cuda.device_count()) < len(given):
            raise SystemExit(f"{found} of {len(given)} GPUs can be seen")
        for number in range(found):
            _try(number)
    except (RuntimeError, AssertionError) as error:
        said = (str(error).strip().splitlines() or ["torch fails"])[0]
        print(said, file=sys.stderr)
        sys.exit(ENVIRONMENT if any(words in said for words in TOO_OLD) else 1)


def _try(number: int) -> None:
    ones = torch.ones(SIZE, SIZE, device=f"cuda:{number}")
    wrong = int((ones @ ones != SIZE).sum())
    if wrong:
        raise SystemExit(f"GPU {number} computes {wrong} of {SIZE**2} products wrongly")


if __name__ == "__main__":
    main()
