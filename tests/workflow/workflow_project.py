"""A copy of the project with a study in it, on which the tests run Snakemake as a person would."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ARMS = ("baseline", "rank", "huber", "fine")
SEEDS = (0, 1)
CEILINGS = ("codec-ceiling", "autoencoder-ceiling", "real-audio")
SAMPLED = (*ARMS, "untuned-base", *CEILINGS)
BY_A_BASE = (*ARMS, "untuned-base", "autoencoder-ceiling")
SAMPLES_ON = "generate_samples score_samples"
END = ("make_table", "make_report")
"""What runs after any change that can be seen in the table."""


@dataclass(frozen=True)
class Done:
    """A finished run of Snakemake: what it said, and the jobs that it ran or would run."""

    code: int
    said: str
    jobs: Counter[str]
    reasons: str


@dataclass(frozen=True)
class Project:
    """The root of a copy."""

    root: Path
    config: str = "config/tiny.yaml"
    """Empty where the Snakefile names its config itself."""

    @property
    def sockets(self) -> Path:
        """Where a process that wanted a network is noted (plugins/sitecustomize.py)."""
        return self.root / ".sockets.txt"

    def command(self, *words: str, profile: str = "test") -> list[str]:
        """As the README has it, with the logger that tells jobs."""
        snakemake = str(Path(sys.executable).with_name("snakemake"))
        study = ["--configfile", self.config] if self.config else []
        where = ["--profile", f"profiles/{profile}", "--cores", "2"]
        return [snakemake, *words, *where, *study, "--logger", "jobs"]

    def environment(self, **more: str) -> dict[str, str]:
        """This interpreter's programs first, and few threads."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        plugins = str(HERE / "plugins")
        jobs = str(self.root / ".jobs.jsonl")
        return (
            os.environ
            | {
                "PATH": path,
                "PYTHONPATH": plugins,
                "MELABLATE_JOBS": jobs,
                "MELABLATE_SOCKETS": str(self.sockets),
                "OMP_NUM_THREADS": "1",
            }
            | more
        )

    def run(self, *words: str, profile: str = "test", fails: bool = False, **more: str) -> Done:
        """Run Snakemake; `more` goes into its environment."""
        listing = self.root / ".jobs.jsonl"
        listing.unlink(missing_ok=True)
        done = subprocess.run(
            self.command(*words, profile=profile),
            cwd=self.root,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )
        assert (done.returncode != 0) == fails, done.stdout
        lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
        jobs = [json.loads(line) for line in lines]
        reasons = "\n".join(f"{label(job)}: {job['reason']}" for job in jobs)
        return Done(done.returncode, done.stdout, Counter(map(label, jobs)), reasons)

    def begun(self, command: list[str], **more: str) -> "subprocess.Popen[str]":
        """Started in the background; what it says goes into a file."""
        with (self.root / "said.txt").open("a", encoding="utf-8") as said:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(**more),
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What all those have said."""
        return (self.root / "said.txt").read_text(encoding="utf-8")

    def would_run(self, *words: str) -> Done:
        """A dry run."""
        return self.run(*words, "--dry-run")

    def edit(self, path: str, old: str, new: str) -> None:
        """Change one place of a file."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """Add to the end of a file."""
        with (self.root / path).open("a", encoding="utf-8") as file:
            file.write(text)

    def study(self) -> Any:
        """The study's config."""
        return yaml.safe_load((self.root / self.config).read_text(encoding="utf-8"))

    def set(self, **changes: Any) -> None:
        """Set keys of the study's config; dots are written as two underscores."""
        study = self.study()
        for key, value in changes.items():
            *parents, last = key.split("__")
            inner = study
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = value
        text = yaml.safe_dump(study, sort_keys=False)
        (self.root / self.config).write_text(text, encoding="utf-8")

    def arm(self, name: str, **changes: Any) -> None:
        """Write an arm and put it into the study."""
        text = yaml.safe_dump({"label": name.title(), "changes": dict(changes)})
        (self.root / f"config/tiny-arms/{name}.yaml").write_text(text, encoding="utf-8")
        arms = self.study()["arms"]
        self.set(arms=[*arms, name] if name not in arms else arms)

    def results(self, *parts: str) -> Path:
        """Below results/."""
        return self.root.joinpath("results", *parts)


def label(job: dict[str, Any]) -> str:
    """`train_arm rank 0`; hashes are left out, so such jobs are counted."""
    values = [str(value) for name, value in job["wildcards"].items() if name != "id"]
    return " ".join([job["rule"], *values])


def of_rows(rules: str, rows: tuple[str, ...], seeds: tuple[int, ...] = SEEDS) -> list[str]:
    """`of_rows("train_arm", ("rank",))` → the jobs of that rule for both seeds."""
    return [
        f"{rule} {row} {seed}"
        for rule in rules.split()
        for row in rows
        for seed in ((0,) if row in CEILINGS else seeds)
    ]


def everything() -> list[str]:
    """All jobs of the tiny study."""
    sampled = (*ARMS, "untuned-base", *CEILINGS)
    return [
        "compose_music",
        *["scan_corpus", "report_corpus"] * 2,
        *["make_spectrograms"] * 3,  # broad, style, and style for the arm `fine`
        *["encode_latents"] * 2,
        *("train_autoencoder", "train_base", "train_embedder"),
        *("choose_prompts", "embed_reference"),
        *of_rows("train_arm", ARMS),
        *of_rows("generate_samples score_samples", sampled),
        *END,
    ]


def copy_of(project: Project, root: Path) -> Project:
    """The whole folder with its times; weights, which are only ever replaced, are linked."""

    def copy(source: str, target: str) -> None:
        if source.endswith(".safetensors") and not Path(source).is_symlink():
            os.link(source, target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)

    shutil.copytree(project.root, root, symlinks=True, copy_function=copy)
    return Project(root, project.config)


def fresh_project(root: Path) -> Project:
    """The tracked files, the tiny study, and its corpus folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, root / name
        if source.exists() and not name.startswith("tests/"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    shutil.copy2(HERE / "study/tiny.yaml", root / "config/tiny.yaml")
    shutil.copytree(HERE / "study/arms", root / "config/tiny-arms")
    subprocess.run(
        [
            *(sys.executable, root / "scripts/compose_corpus.py"),
            *("--settings", (HERE / "study/music.json").read_text(encoding="utf-8")),
            *("--out", root / "music"),
        ],
        check=True,
        capture_output=True,
    )
    return Project(root)


def expect(project: Project, *jobs: str) -> None:
    """The jobs, all of them and no others."""
    dry = project.would_run()
    assert dry.jobs == Counter(jobs), f"{dry.reasons}\n{dry.said}"
