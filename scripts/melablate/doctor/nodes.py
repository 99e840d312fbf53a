"""The nodes of a Slurm, as sinfo tells them: memory, cores and GPUs."""

import re
from dataclasses import dataclass
from functools import cache

from .cards import gigabytes
from .patient import Request
from .tools import ask

FORMAT = "%N|%P|%c|%m|%f|%G"
"""Name, partition, cores, megabytes, features, generic resources."""


@dataclass(frozen=True)
class Gpus:
    """Those of one kind in a node; `memory` in bytes, by what they are called."""

    name: str
    count: int
    memory: float | None


@dataclass(frozen=True)
class Node:
    """One of a partition."""

    name: str
    partition: str
    default: bool
    cores: int
    megabytes: int
    features: frozenset[str]
    gpus: tuple[Gpus, ...]

    def fits(self, request: Request) -> bool:
        """Whether a constraint of plain names (`a100|h100`, `a100&nvme`) holds here."""
        wanted = request.word("constraint").strip("'\"[]()")
        return not wanted or any(
            all(name in self.features for name in either.split("&")) for either in wanted.split("|")
        )


@cache
def all_nodes() -> tuple[Node, ...]:
    """Each once for each of its partitions; nothing where Slurm does not answer."""
    answer = ask("sinfo", "--noheader", "--Node", "--format", FORMAT)
    lines = (line.strip().split("|", 5) for line in answer.out.splitlines())
    return tuple(_node(words) for words in lines if len(words) == 6) if answer.good else ()


def nodes_of(partition: str) -> list[Node]:
    """Of partitions (`gpu,gpu-long`), or of the default one."""
    names = set(partition.split(",")) if partition else set()
    return [n for n in all_nodes() if (n.partition in names if names else n.default)]


def _node(words: list[str]) -> Node:
    name, partition, cores, megabytes, features, gres = words
    given = frozenset(features.split(",")) - {"(null)"}
    return Node(
        name=name,
        partition=partition.rstrip("*"),
        default=partition.endswith("*"),
        cores=_number(cores),
        megabytes=_number(megabytes),
        features=given,
        gpus=tuple(_gpus(gres, given)),
    )


def _gpus(gres: str, features: frozenset[str]) -> list[Gpus]:
    """Of `gpu:a100:4(S:0-1),nvme:1`; a size may be said among the node's features alone."""
    found = []
    for one in re.sub(r"\([^)]*\)", "", gres).split(","):
        kind, *words = one.split(":")
        if kind != "gpu":
            continue
        count = int(words.pop()) if words and words[-1].isdecimal() else 1
        name = ":".join(words)
        sized = [f for f in features if re.search(r"\d+gb?$", f.lower())]
        known = gigabytes(name) or next(filter(None, map(gigabytes, sorted(features))), None)
        if sized and (said := gigabytes(sized[0])):
            known = said
        found.append(Gpus(name, count, None if known is None else known * 1e9))
    return found


def _number(word: str) -> int:
    """`64000+` is 64000 or more."""
    match = re.match(r"\d+", word)
    return int(match[0]) if match else 0
