"""Training steps, beside a plain loop written as diffusers' own LoRA example is (plain_lora.py).

    PYTHONPATH=scripts python benchmarks/train.py --cases tiny sd15 sd15-4
    PYTHONPATH=scripts python benchmarks/train.py --cases gpu

The same random base, rank, layers with an adapter, batch, size and precision on both sides, each
in a process of its own, in turns. Folders of full-size bases are made in `--bases` where they are
not there yet (2 GB of SD 1.5, 7 GB of SDXL). On a machine that others use too, processor seconds
of one thread tell more than seconds.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate")
CLIPS, RANK, LR = 128, 8, 1e-4
SIDES = ("plain", "ours")


@dataclass(frozen=True)
class Case:
    """What is trained."""

    base: str
    latents: tuple[int, int]
    batch: int
    precision: str
    steps: int
    """That are timed; `warm` ones before them are not."""
    warm: int = 2
    checkpointing: bool = False

    @property
    def name(self) -> str:
        """For people."""
        height, width = self.latents
        return f"{self.base}, {height} × {width}, batch {self.batch}, {self.precision}"


CPU = {
    "tiny": [Case("tiny", (16, 32), 8, "no", 30, 5)],
    "sd15": [Case("sd15", (32, 64), 1, "bf16", 4, 1)],
    "sd15-4": [Case("sd15", (32, 64), 4, "bf16", 3, 1)],
}
GPU = [
    Case(base, latents, batch, "bf16", max(5, 40 // batch), 5, checkpointing=batch == 64)
    for base in ("sd15", "sdxl")
    for latents in ((32, 64), (64, 64))
    for batch in (1, 4, 16, 64)
]


def main() -> None:
    """Read the command line, run every case, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["tiny"], choices=[*CPU, "gpu"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bases", type=Path, default=Path(tempfile.gettempdir()) / "random-bases")
    parser.add_argument("--more", default="{}", help="JSON of further settings of our side")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        side, case = args.child[0], Case(**json.loads(args.child[1]))
        print(json.dumps(measure(side, case, args)))
        return
    cases = [case for name in args.cases for case in (GPU if name == "gpu" else CPU[name])]
    if "gpu" in args.cases and not torch.cuda.is_available():
        raise SystemExit("the case gpu needs a GPU")
    rows = [compared(case, args) for case in cases]
    text = page(rows, args)
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


def compared(case: Case, args: argparse.Namespace) -> dict[str, Any]:
    """Medians of both sides, which run in turns."""
    base_of(case, args.bases)
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(args.repeats):
        for side in SIDES:
            line = [sys.executable, __file__, "--child", side, json.dumps(asdict(case))]
            line += ["--bases", str(args.bases), "--threads", str(args.threads)]
            done = subprocess.run(
                [*line, "--more", args.more], env=environment(args), capture_output=True, text=True
            )
            if done.returncode:
                # Out of memory, say: the other cases go on.
                print(f"{case.name}, {side}: {done.stderr[-400:]}", file=sys.stderr)
                continue
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{case.name}, {side}: {found[side][-1]}", file=sys.stderr, flush=True)
    return {"case": case, **{side: median(found[side]) for side in SIDES}}


def environment(args: argparse.Namespace) -> dict[str, str]:
    """As many threads as are asked for, no network."""
    told = {"OMP_NUM_THREADS": str(args.threads), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    return os.environ | told | {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of every figure."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]} if runs else {}


def base_of(case: Case, bases: Path) -> Path:
    """The folder of a random base; made where it is not there."""
    folder = bases / case.base
    if not (folder / "model_index.json").is_file():
        print(f"making {folder}", file=sys.stderr, flush=True)
        if case.base == "tiny":
            write_tiny(folder)
        else:
            from random_bases import write_base

            write_base(case.base, folder)
    return folder


def write_tiny(folder: Path) -> None:
    """The embedded base's architecture at its defaults."""
    from melablate.models import tiny_unet, tiny_vae
    from melablate.models.settings import TinyUnet, TinyVae
    from melablate.models.tokenizer import write_clip_tokenizer

    settings = TinyUnet()
    write_clip_tokenizer(folder / "tokenizer", settings.text_length)
    tiny_unet.build_unet(settings, (16, 32)).save_pretrained(folder / "unet")
    tiny_unet.build_text_encoder(settings).save_pretrained(folder / "text_encoder")
    tiny_unet.noise_schedule().save_pretrained(folder / "scheduler")
    tiny_unet.write_base(tiny_vae.build(TinyVae()), folder)


class Clock:
    """Asked by the loop after every step whether to stop: it notes the time instead."""

    looping = asked_at_once = interrupted = False

    def __init__(self, case: Case) -> None:
        self.warm, self.last = case.warm, case.warm + case.steps
        self.steps, self.marks = 0, list[tuple[float, float]]()

    @property
    def asked(self) -> bool:
        """Never."""
        self.tick()
        return False

    def tick(self) -> None:
        """After a step: each that is timed on a CPU; a GPU is waited for at the ends alone."""
        self.steps += 1
        if torch.cuda.is_available():
            if self.steps not in (self.warm, self.last):
                return
            torch.cuda.synchronize()
        if self.steps >= self.warm:
            self.marks.append((time.monotonic(), time.process_time()))

    def figures(self) -> dict[str, float]:
        """Seconds to a step: the median of the steps, on a GPU their mean."""
        steps = self.last - self.warm if torch.cuda.is_available() else 1
        pairs = zip(self.marks, self.marks[1:], strict=False)
        seconds = [((c - a) / steps, (d - b) / steps) for (a, b), (c, d) in pairs]
        wall, processor = (statistics.median(column) for column in zip(*seconds, strict=True))
        found = {"seconds": wall, "processor": processor}
        if torch.cuda.is_available():
            return found | {"mib": torch.cuda.max_memory_allocated() / 2**20}
        return found | {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(side: str, case: Case, args: argparse.Namespace) -> dict[str, float]:
    """One run of one side."""
    torch.set_num_threads(args.threads)
    clock = Clock(case)
    if side == "ours":
        work = ours(case, args.bases / case.base, clock, args.threads, json.loads(args.more))
        return clock.figures() | {"tflop": work / 1e12, "ceiling": ceiling(case)}
    for images, captions in batches(case, args.bases / case.base):
        if clock.steps == 0:
            from plain_lora import plain

            folder = args.bases / case.base
            loop = plain(folder, RANK, LR, case.precision, case.checkpointing)
        loop.step(images, captions)
        clock.tick()
    return clock.figures()


def captions_of() -> list[str]:
    """One for each clip."""
    return [f"slow piano and a drum, sad, number {number}" for number in range(CLIPS)]


def batches(case: Case, base: Path) -> Iterator[tuple[torch.Tensor, list[str]]]:
    """What a data loader of the plain loop gives; it costs nothing here."""
    config = json.loads((base / "vae" / "config.json").read_text())
    side = 2 ** (len(config["block_out_channels"]) - 1)
    size = (config["in_channels"], case.latents[0] * side, case.latents[1] * side)
    images, texts = torch.rand(case.batch, *size) * 2 - 1, captions_of()
    for step in range(case.warm + case.steps):
        yield images, [texts[(step * case.batch + i) % CLIPS] for i in range(case.batch)]


def ours(case: Case, base: Path, clock: Clock, threads: int, more: dict[str, Any]) -> int:
    """The workflow's own job from cached latents; the floating-point operations of a step."""
    from melablate.models.weights import save_tensors
    from melablate.training import job, loop
    from melablate.training.latents_settings import Latents
    from melablate.training.resume import Cadence
    from melablate.training.settings import Train
    from torch.utils.flop_counter import FlopCounterMode

    told = {"steps": case.warm + case.steps, "batch_size": case.batch, "rank": RANK, "alpha": RANK}
    told |= {"lr": LR, "targets": "attention", "precision": case.precision, "log_every": 1000}
    told |= {"gradient_checkpointing": case.checkpointing} | more
    plain, counter = loop.gradients, FlopCounterMode(display=False)

    def counted(run: Any, state: Any, texts: Any, step: int) -> torch.Tensor:
        if step:
            return plain(run, state, texts, step)
        with counter:
            return plain(run, state, texts, step)

    loop.gradients = counted
    with tempfile.TemporaryDirectory() as folder:
        latents = Path(folder) / "latents.safetensors"
        shape = (CLIPS, 1, 4, *case.latents)
        metadata = {
            "clip_ids": json.dumps([f"{number:03}-0" for number in range(CLIPS)]),
            "captions": json.dumps([[caption] for caption in captions_of()]),
            "splits": json.dumps(["train"] * CLIPS),
        }
        mean, std = torch.randn(shape), 0.1 * torch.rand(shape)
        save_tensors(latents, {"mean": mean, "std": std}, metadata)
        job.run(
            settings=Train.model_validate(told),
            latents=Latents(),
            inputs=job.Inputs(base, latents=latents),
            seed=0,
            identity="benchmark",
            name="benchmark",
            threads=threads,
            prefix=Path(folder) / "train",
            provenance={},
            cadence=Cadence(),
            stop=clock,
            start=time.monotonic(),
        )
    return int(counter.get_total_flops())


def ceiling(case: Case) -> float:
    """TFLOP/s of a large product of matrices in the case's precision."""
    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if case.precision == "bf16" else torch.float32
    size, times = (8192, 20) if cuda else (2048, 5)
    one = torch.randn(size, size, device="cuda" if cuda else "cpu").to(dtype)
    clock = time.monotonic if cuda else time.process_time
    seconds = []
    for _ in range(times):
        start = clock()
        one @ one
        if cuda:
            torch.cuda.synchronize()
        seconds.append(clock() - start)
    return 2 * size**3 / min(seconds) / 1e12


def page(rows: list[dict[str, Any]], args: argparse.Namespace) -> str:
    """Markdown."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    machine = gpu or f"{processor()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    clock = "seconds" if gpu else "processor"
    lines = [
        "| case | plain s/step | ours s/step | times as fast | by processor time |"
        " plain MiB | ours MiB | of the ceiling |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        one, two = row["plain"], row["ours"]
        if not one or not two:
            lines.append(f"| {row['case'].name} | {'failed' if not one else ''} | | | | | | |")
            continue
        share = two["tflop"] / two[clock] / two["ceiling"]
        lines.append(
            f"| {row['case'].name} | {one['seconds']:.3g} | {two['seconds']:.3g} | "
            f"**{one['seconds'] / two['seconds']:.2f}** | "
            f"{one['processor'] / two['processor']:.2f} | {one['mib']:.0f} | {two['mib']:.0f} | "
            f"{share:.0%} of {two['ceiling']:.2g} TFLOP/s |"
        )
    told = f" Further settings of ours: `{args.more}`." if args.more != "{}" else ""
    head = (
        f"{date.today()}, {machine}, Python {platform.python_version()}, {versions}. Medians of "
        f"{args.repeats} runs of each side, in turns; rank {RANK}, adapters on the attention.{told}"
    )
    return "\n".join([head, "", *lines, ""])


def processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
