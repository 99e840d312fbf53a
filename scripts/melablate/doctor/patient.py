"""What is examined: the study, the folder that it runs in, and what its jobs ask for."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..plan import Plan

PROJECT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Request:
    """What the jobs of a rule ask a cluster for, in Snakemake's words; the last try the most."""

    rule: str
    resources: Mapping[str, Any]
    last: Mapping[str, Any]

    def word(self, name: str) -> str:
        """A resource as text; empty where it is not given."""
        return str(self.resources.get(name) or "")

    def number(self, name: str, last: bool = False) -> int:
        """A resource as a number; 0 where it is not given."""
        found = (self.last if last else self.resources).get(name) or 0
        return int(found) if isinstance(found, int | float) or str(found).isdecimal() else 0

    @property
    def threads(self) -> int:
        """Cores."""
        return self.number("_cores") or 1

    @property
    def gpus(self) -> int:
        """Of `gpu: 2`, or of `gres: gpu:a100:2`."""
        return self.number("gpu") or self._gres[1]

    @property
    def gpu_model(self) -> str:
        """Of `gpu_model: a100`, or of `gres: gpu:a100:2`."""
        return self.word("gpu_model") or self._gres[0]

    @property
    def _gres(self) -> tuple[str, int]:
        for one in self.word("gres").split(","):
            kind, *words = one.split(":")
            if kind == "gpu":
                count = int(words[-1]) if words and words[-1].isdecimal() else 1
                return (words[0] if words and not words[0].isdecimal() else ""), count
        return "", 0


@dataclass(frozen=True)
class Site:
    """How the study is run: what the profile and the command line say."""

    executor: str = "local"
    """`local`, `slurm` …"""
    deployment: tuple[str, ...] = ()
    """`conda`, `apptainer` …"""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the executor."""
    requests: tuple[Request, ...] = ()
    program: str = "snakemake"
    options: tuple[str, ...] = ()
    """As typed, without the target."""

    def command(self, target: str) -> str:
        """What to type for another target; it comes first, for --configfile takes what follows."""
        return " ".join([self.program, *filter(None, [target]), *map(shlex.quote, self.options)])

    @property
    def slurm(self) -> bool:
        """Whether jobs go to Slurm."""
        return self.executor == "slurm"

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Site":
        """As the rule tells it, in what JSON can hold."""
        told = dict(told)
        told["requests"] = tuple(Request(**request) for request in told.get("requests", ()))
        for name in ("deployment", "options"):
            told[name] = tuple(told.get(name, ()))
        return cls(**told)


@dataclass(frozen=True)
class Patient:
    """All of it."""

    plan: Plan
    site: Site = Site()
    root: Path = field(default_factory=Path.cwd)
    """The folder in which results are written."""
    project: Path = PROJECT
    """The folder of the code and its locks."""
