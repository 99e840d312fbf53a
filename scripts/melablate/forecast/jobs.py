"""Jobs of a study, as the scheduler would run them, and what their command lines say."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

STAGES = {
    "compose_music": "corpus",
    "scan_corpus": "corpus",
    "report_corpus": "corpus",
    "make_spectrograms": "spectrograms",
    "train_autoencoder": "models",
    "train_base": "models",
    "train_embedder": "models",
    "link_embedder": "models",
    "encode_latents": "latents",
    "train_arm": "train",
    "choose_prompts": "samples",
    "generate_samples": "samples",
    "embed_reference": "scores",
    "score_samples": "scores",
    "make_table": "table",
    "make_report": "report",
}
"""Rules, and the stage of each; in the order in which they run."""
_ID = re.compile(r"(?<=/)[0-9a-f]{12}(?=[/.]|$)")


def rule_of(name: str) -> str:
    """The rule; where this workflow is a module of another, its name may have got a prefix."""
    return next((rule for rule in STAGES if name == rule or name.endswith(f"_{rule}")), name)


def id_in(path: str) -> str:
    """The identity that a shared path is keyed by, or nothing."""
    found = _ID.search(path)
    return found.group() if found else ""


@dataclass(frozen=True)
class Command:
    """A job's command line: what speed and size depend on, for jobs to come and jobs of old."""

    rule: str
    line: str

    @cached_property
    def options(self) -> dict[str, str]:
        """Its options; one without a value has an empty one."""
        try:
            words = shlex.split(self.line)
        except ValueError:
            return {}
        found = {}
        for word, after in zip(words, [*words[1:], "--"], strict=True):
            if word.startswith("--") and len(word) > 2:
                found[word[2:]] = "" if after.startswith("--") else after
        return found

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the stage."""
        try:
            found = json.loads(self.options.get("settings") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def script(self) -> str:
        """The script's name: a rule may have several."""
        found = re.search(r"/(\w+)\.py\b", self.line)
        return found.group(1) if found else self.rule

    def path(self, option: str) -> str:
        """The value of an option."""
        return self.options.get(option, "")


@dataclass(frozen=True)
class Job:
    """One job, and the numbers of those that it waits for."""

    rule: str
    wildcards: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    log: str = ""
    """By which a job is known from run to run."""
    outputs: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()
    threads: int = 1
    gpus: int = 0
    priority: int = 0
    done: bool = False
    """Whether it would not run now."""

    @cached_property
    def said(self) -> Command:
        """Its command line."""
        return Command(self.rule, self.command)

    @property
    def stage(self) -> str:
        """The stage; a rule of somebody else's is one of its own."""
        return STAGES.get(self.rule, self.rule)
