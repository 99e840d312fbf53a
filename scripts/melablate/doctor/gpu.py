"""GPUs: seen, usable, and large enough for every arm."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..forecast.bases import family_of
from ..forecast.counts import Counts
from .findings import Finding, failure, ok, unknown, warning
from .gpu_need import Need, sampling, training
from .nodes import nodes_of
from .patient import Patient, Request
from .sizes import size_words
from .tools import ask, present

UNSURE = 1.25
"""Needs are estimates: only what is so many times too large is called impossible."""
SMALLER = (
    "in the arm: train.gradient_checkpointing: true, train.precision: bf16, a smaller "
    "batch_size with accumulation; or a larger GPU"
)


@dataclass(frozen=True)
class Card:
    """A GPU: its name, where it is, and its memory in bytes, if it is known."""

    name: str
    place: str
    memory: float | None


def check(patient: Patient) -> Iterator[Finding]:
    """Those of this machine or, where jobs go to Slurm, those of its partitions."""
    real = [name for name, arm in patient.plan.arms.items() if _given(patient, name)]
    if patient.site.slurm:
        wanting = [one for one in patient.site.requests if one.gpus]
        if not wanting:
            yield unknown("no rule asks for a GPU")
        told = set[tuple[str, ...]]()
        for request in wanting:
            for finding in _of_partition(patient, request, real):
                if (key := (finding.what.partition(": ")[2] or finding.what, finding.mend)) in told:
                    continue  # of another rule
                told.add(key)
                yield finding
        return
    cards = list(local())
    if cards:
        yield from _torch()
        yield from _fit(patient, min(cards, key=lambda card: card.memory or 0), real)
    elif real:
        why = "a step of SD 1.5 takes seconds on a CPU, and a study tens of thousands of steps"
        yield warning(
            "no GPU is seen on this machine (nvidia-smi)",
            why,
            "nvidia-smi   # on a cluster: snakemake --profile slurm doctor",
        )
    else:
        yield ok("none seen, and none needed: the embedded base trains on a CPU")


def local() -> Iterator[Card]:
    """Of this machine, with what is free now."""
    if not present("nvidia-smi"):
        return
    query = "--query-gpu=name,memory.total"
    for line in ask("nvidia-smi", query, "--format=csv,noheader,nounits").out.splitlines():
        name, _, megabytes = line.rpartition(",")
        if megabytes.strip().isdecimal():
            yield Card(name, "this machine", int(megabytes) * 2**20)


def needs(patient: Patient, arms: list[str]) -> dict[str, tuple[str, Need]]:
    """What the arms need in memory, and for what; of equal ones the first."""
    counts, found = Counts(patient.plan), dict[str, tuple[str, Need]]()
    for arm in arms:
        recipe = patient.plan.recipe(arm)
        folder = patient.plan.base_folders[patient.plan.base(recipe.base)]
        family = family_of(folder, counts)
        for what, need in (
            ("training", training(recipe, family, folder)),
            ("sampling", sampling(recipe, family, folder)),
        ):
            if need not in [other for _, other in found.values()]:
                found[f"{what} {arm}"] = (what, need)
    return found


def _given(patient: Patient, arm: str) -> bool:
    """Whether its base is a published one."""
    return patient.plan.base(patient.plan.recipe(arm).base) in patient.plan.given_bases


def _fit(patient: Patient, card: Card, arms: list[str], rule: str = "") -> Iterator[Finding]:
    told = f"{card.name}, {card.place}"
    wanted = needs(patient, arms)
    if rule.endswith("train_arm"):
        wanted = {name: one for name, one in wanted.items() if one[0] == "training"}
    elif rule:
        wanted = {name: one for name, one in wanted.items() if one[0] == "sampling"}
    if not wanted:
        yield ok(f"{told}: enough for the embedded base")
        return
    largest = max(wanted, key=lambda name: wanted[name][1].whole)
    if card.memory is None:
        size = size_words(wanted[largest][1].whole)
        yield unknown(f"{told}: its memory is not known; {largest} needs about {size}")
        return
    fine = True
    for name, (what, need) in wanted.items():
        if need.least > card.memory or need.whole > card.memory:
            fine = False
            yield _too_large(name, what, need, told, card.memory)
    if fine:
        most = f"about {size_words(wanted[largest][1].whole)} ({largest})"
        yield ok(f"{told}: {size_words(card.memory)}; the most that is needed is {most}")


def _too_large(name: str, what: str, need: Need, told: str, memory: float) -> Finding:
    said = f"{name} needs about {{}}, {told} has {size_words(memory)}"
    if need.least > memory * UNSURE:
        why = "it runs out of memory even with one image at a time"
        return failure(said.format(size_words(need.least)), why, SMALLER)
    if need.least > memory:
        why = "it may run out of memory even with one image at a time; this is an estimate"
        return warning(said.format(size_words(need.least)), why, SMALLER)
    whole = size_words(need.whole)
    if what == "sampling":
        why = "samples of a batch are drawn at once"
        return warning(said.format(whole), why, f"sample.batch_size: below {need.batch}")
    why = "its batch will be halved until it fits: the same result but for last bits, in more time"
    return warning(said.format(whole), why, SMALLER)


def _torch() -> Iterator[Finding]:
    """Whether PyTorch sees the GPU that the driver sees."""
    program = "import torch; print(torch.cuda.device_count(), torch.version.cuda)"
    seen, _, build = ask(sys.executable, "-c", program, patience=120).out.strip().partition(" ")
    if seen in ("", "0"):
        why = "training would run on the CPU, hundreds of times slower"
        mend = "make env without PIP_EXTRA_INDEX_URL (a build of torch for CPUs), or a newer driver"
        yield failure(f"PyTorch sees no GPU (CUDA {build or 'unknown'})", why, mend)


def _of_partition(patient: Patient, request: Request, arms: list[str]) -> Iterator[Finding]:
    """By the words of Slurm; what they do not say, a job on a GPU does."""
    where = request.word("slurm_partition")
    nodes = [node for node in nodes_of(where) if node.fits(request)]
    cards = [
        Card(gpu.name, f"partition {where or 'default'}", gpu.memory)
        for node in nodes
        for gpu in node.gpus
        if request.gpu_model in ("", gpu.name)
    ]
    by_hand = _by_hand(request)
    if not cards:
        what = f"{request.rule}: no GPU of partition {where or '(default)'} is known from here"
        yield unknown(what, by_hand)
    elif any(card.memory is None for card in cards):
        names = ", ".join(sorted({card.name or "unnamed" for card in cards}))
        yield unknown(f"{request.rule}: GPUs called {names}: their memory is not known", by_hand)
    elif request.rule.endswith(("train_arm", "generate_samples")):
        smallest = min(cards, key=lambda card: card.memory or 0)
        yield from _fit(patient, smallest, arms, request.rule)


def _by_hand(request: Request) -> str:
    """A look at the GPU itself, by a job of the same kind."""
    words = {
        "--account": request.word("slurm_account"),
        "--partition": request.word("slurm_partition"),
        "--constraint": request.word("constraint"),
    }
    options = [f"{name}={value}" for name, value in words.items() if value]
    gres = request.word("gres")
    model = f"{request.gpu_model}:" if request.gpu_model else ""
    options.append(f"--gres={gres}" if gres else f"--gpus={model}{request.gpus}")
    return (
        f"srun {' '.join(options)} --time=10 --mem=8G python scripts/check_setup.py "
        "--told logs/doctor.json --here --only gpu"
    )
