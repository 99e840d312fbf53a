"""A project on the test cluster, its profile filled in as its comments tell a user to."""

import getpass
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow_project import Project

HERE = Path(__file__).parent
RUN = "results/tiny/arms/long/seed-{}"
FILLED = {
    "software-deployment-method: conda": "# software-deployment-method: conda",
    "  # slurm_account: mygroup": "  slurm_account: lab",
    "# slurm-partition-config: ": "slurm-partition-config: ",
    "slurm-init-seconds-before-status-checks: 20": "slurm-init-seconds-before-status-checks: 2",
    "latency-wait: 60": "latency-wait: 20",
}


class SlurmProject(Project):
    """Its Snakemake is started in the background, as jobs are to be disturbed meanwhile."""

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """`snakemake --profile slurm`, as typed."""
        snakemake = self.command()[0]
        command = [snakemake, "--profile", "slurm", "--configfile", self.config, *words]
        with (self.root / "said.txt").open("a", encoding="utf-8") as said:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """What all its Snakemakes have said."""
        return (self.root / "said.txt").read_text(encoding="utf-8")

    def end_of(self, process: "subprocess.Popen[str]", code: int = 0) -> str:
        """Wait until Snakemake is through; what it said."""
        assert process.wait(timeout=900) == code, self.said
        return self.said

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Rule and wildcards → number and state of the jobs of this project in the queue."""
        listed = subprocess.run(
            ["squeue", "--noheader", "--format", "%i\t%T\t%k\t%Z"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        rows = [line.split("\t") for line in listed.splitlines()]
        return {
            comment.removeprefix("rule_"): (number, state)
            for number, state, comment, folder in rows
            if Path(folder) == self.root
        }

    def training(self, seed: int) -> str | None:
        """The job that trains the long arm, once it has saved a state."""
        number, state = self.jobs().get(f"train_arm_wildcards_long_{seed}", ("", ""))
        saved = any((self.root / RUN.format(seed)).glob("train.resume-*/state.safetensors"))
        return number if state == "RUNNING" and saved else None

    def until(self, found: Callable[[], Any], what: str, seconds: float = 300) -> Any:
        """What `found` returns, once it is something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := found():
                return result
            time.sleep(0.1)
        raise AssertionError(f"no {what} after {seconds} s: {self.said}")

    def same_as(self, other: Project) -> None:
        """Whole, and the long arm's weights and the table to the byte."""
        files = [f"{RUN.format(seed)}/train.safetensors" for seed in (0, 1)]
        for file in (*files, "results/tiny/table.csv"):
            assert (self.root / file).read_bytes() == (other.root / file).read_bytes(), file
        assert (self.root / "results/tiny/report/index.html").is_file()

    def log(self, seed: int = 0) -> str:
        """The log of the long arm's training."""
        path = self.root / f"logs/tiny/train_arm/long/seed-{seed}.log"
        return path.read_text(encoding="utf-8")

    def end(self) -> None:
        """Nothing stays in the queue, nor a Snakemake that waits for it."""
        for process in map(int, _processes_in(self.root)):
            os.kill(process, signal.SIGKILL)
        if numbers := [number for number, _ in self.jobs().values()]:
            subprocess.run(["scancel", *numbers], check=False)


def _processes_in(folder: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.resolve() == folder and path.owner() == getpass.getuser():
                found.append(path.parent.name)
        except OSError:  # over already
            continue
    return found


def for_slurm(project: Project) -> SlurmProject:
    """Fill in the SITE lines of the profile."""
    path = project.root / "profiles/slurm/config.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in FILLED.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return SlurmProject(project.root, project.config)


def on_node(word: str, node: str) -> None:
    """`slurm-node crash gpu1`."""
    subprocess.run([HERE / "slurm-node", word, node], check=True, capture_output=True)
