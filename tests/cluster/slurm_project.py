"""A project on the test cluster, its profile filled in as its comments tell a user to."""

import getpass
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_project import Project

HERE = Path(__file__).parent
CLUSTER = Path(os.environ.get("SLURM_TEST_ROOT", "/var/lib/slurm-test"))
RUN = "results/tiny/arms/long/seed-0"
FILLED = {
    "software-deployment-method: conda": "# software-deployment-method: conda",
    "  # slurm_account: mygroup": "  slurm_account: lab",
    "# slurm-partition-config: ": "slurm-partition-config: ",
    "slurm-init-seconds-before-status-checks: 20": "slurm-init-seconds-before-status-checks: 2",
    "latency-wait: 60": "latency-wait: 20",
}


class SlurmProject(Project):
    """Its Snakemake is started in the background, as jobs are to be disturbed meanwhile."""

    def start(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """`snakemake --profile slurm`, as typed; `more` goes into its environment."""
        snakemake = self.command()[0]
        command = [snakemake, "--profile", "slurm", "--configfile", self.config, *words]
        return self.begun(command, **more)

    def as_a_job(self) -> str:
        """The same on a CPU node, as docs/cluster.md has it; the number of its job."""
        snakemake = f"{self.command()[0]} --profile slurm --configfile {self.config}"
        words = ["--parsable", "--mem=2G", "--open-mode=append", f"--output={self.root}/said.txt"]
        command = ["sbatch", *words, f"--wrap=exec {snakemake}"]
        sent = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return sent.stdout.strip()

    def end_of(self, process: "subprocess.Popen[str]", code: int = 0) -> str:
        """Wait until Snakemake is through; what it said."""
        assert process.wait(timeout=1800) == code, self.said
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

    def training(self) -> str | None:
        """The job that trains the long arm, once it has saved a state."""
        number, state = self.jobs().get("train_arm_wildcards_long_0", ("", ""))
        saved = any((self.root / RUN).glob("train.resume-*/state.safetensors"))
        return number if state == "RUNNING" and saved else None

    def trained(self) -> bool:
        """Whether the long arm's weights are there."""
        return (self.root / RUN / "train.safetensors").exists()

    def until(self, found: Callable[[], Any], what: str, seconds: float = 900) -> Any:
        """What `found` returns, once it is something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := found():
                return result
            time.sleep(0.1)
        raise AssertionError(f"no {what} after {seconds} s: {self.said}")

    def same_as(self, other: Project) -> None:
        """Whole, and the long arm's weights and the table to the byte."""
        for file in (f"{RUN}/train.safetensors", "results/tiny/table.csv"):
            assert (self.root / file).read_bytes() == (other.root / file).read_bytes(), file
        assert (self.root / "results/tiny/report/index.html").is_file()

    def began(self, *words: str, **more: str) -> "Training":
        """Snakemake, started, with a job that trains and has something to lose."""
        process = self.start(*words, **more)
        return Training(self, process, self.until(self.training, "saved state"))

    def log(self) -> str:
        """The log of the long arm's training."""
        path = self.root / "logs/tiny/train_arm/long/seed-0.log"
        return path.read_text(encoding="utf-8")

    def end(self) -> None:
        """Nothing stays in the queue, nor a Snakemake that waits for it."""
        for process in map(int, _processes_in(self.root)):
            os.kill(process, signal.SIGKILL)
        if numbers := [number for number, _ in self.jobs().values()]:
            subprocess.run(["scancel", *numbers], check=False)
        subprocess.run(["umount", "-q", self.root / RUN], check=False, capture_output=True)


@dataclass(frozen=True)
class Training:
    """A run of Snakemake on Slurm while the long arm trains."""

    project: SlurmProject
    snakemake: "subprocess.Popen[str]"
    number: str
    """The Slurm job that does."""

    @property
    def node(self) -> str:
        """Where that job runs."""
        return asked("squeue", "--noheader", "--format", "%N", "--jobs", self.number)

    def freeze(self) -> None:
        """Stop its process, until someone sends it a signal, as Slurm does before it ends a job."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for process in map(int, _processes_in(self.project.root)):
            if b"train_lora.py" in Path(f"/proc/{process}/cmdline").read_bytes():
                os.kill(process, number)

    def ends_like(self, undisturbed: Project) -> str:
        """It goes on from its saved state to the same bits; what Snakemake said."""
        said = self.project.end_of(self.snakemake)
        assert "resuming at step" in self.project.log()
        self.project.same_as(undisturbed)
        return said


def asked(*command: str) -> str:
    """What a command of Slurm answers."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def tries(number: str) -> list[tuple[str, str]]:
    """Node and state of each time that Slurm has run a job, the first one first."""
    told = asked("sacct", "-nXPDo", "NodeList,State", "-j", number)
    return [(node, state) for node, _, state in (line.partition("|") for line in told.split("\n"))]


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


@contextmanager
def without(daemon: str) -> Iterator[None]:
    """`slurmctld` or `slurmdbd` is down meanwhile."""
    folder = CLUSTER / {"slurmctld": "ctld", "slurmdbd": "dbd"}[daemon]
    process = int((folder / f"{daemon}.pid").read_text())
    os.kill(process, signal.SIGTERM)
    with suppress(ProcessLookupError):
        while os.kill(process, 0) is None:
            time.sleep(0.1)
    try:
        yield
    finally:
        subprocess.run([HERE / "slurm-up"], check=True, capture_output=True)


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """A file system of its own in an empty folder, with room for nothing; then it gets some."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
