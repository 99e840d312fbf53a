"""`--profile profiles/cluster-generic` on stand-ins of PBS and SGE (queue/bin)."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from workflow_project import HERE, Project


class Queued(Project):
    """A finished study with one arm to make, on a queue of its own."""

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    def environment(self, **more: str) -> dict[str, str]:
        before = super().environment(**more)
        path = os.pathsep.join([str(HERE / "queue/bin"), before["PATH"]])
        return before | {"PATH": path, "QUEUE": str(self.queue)}

    def start(self) -> "subprocess.Popen[str]":
        return self.begun(self.command(profile="cluster-generic"))

    def asked(self) -> list[dict[str, Any]]:
        files = sorted(self.queue.glob("*/asked"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in files]

    def noted(self, name: str, count: int) -> bool:
        """Whether so many jobs were sent, and Snakemake has noted the number of the last."""
        sent = [path for path in sorted(self.queue.glob("*/asked")) if name in path.read_text()]
        numbers = ""
        for path in (self.root / ".snakemake/incomplete").rglob("*"):
            with suppress(OSError):  # a folder, or gone meanwhile
                numbers += path.read_text(encoding="utf-8")
        return len(sent) >= count and f'"{sent[-1].parent.name}' in numbers

    def at_work(self) -> list[Path]:
        """Jobs whose process lives."""
        return [
            path.parent
            for path in self.queue.glob("*/process")
            if not over(Path(f"/proc/{path.read_text()}/stat"))
        ]

    def training(self) -> Path | None:
        """A job that trains, and has its process."""
        jobs = [path.parent for path in sorted(self.queue.glob("*/process"))]
        trains = [j for j in jobs if "mel-train_arm" in (j / "asked").read_text("utf-8")]
        begun = list(self.root.glob("logs/tiny/train_arm/added/*.log"))
        return trains[0] if trains and begun else None


def over(stat: Path) -> bool:
    """Whether a process has ended, by its file of the kernel."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(found: Callable[[], Any], queued: Queued) -> Any:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError(queued.said)


@pytest.fixture(params=["pbs", "sge"])
def queued(request: pytest.FixtureRequest, project: Project) -> Iterator[Queued]:
    made = Queued(project.root, project.config)
    made.queue.mkdir()
    (made.queue / "dialect").write_text(request.param)
    site = "profiles/cluster-generic/site"
    made.edit(site, "\ndialect=pbs", f"\ndialect={request.param}")
    made.edit(site, 'gpu_options="$options"', 'gpu_options="-q gpu"')
    made.edit(site, "patience=60", "patience=1")
    profile = "profiles/cluster-generic/config.yaml"
    made.edit(profile, "\nsoftware-deployment-method: conda", "")
    made.edit(profile, "latency-wait: 60", "latency-wait: 20")
    made.arm("added", train={"steps": 2, "rank": 2})
    yield made
    for process in made.queue.glob("*/process"):
        with suppress(OSError):
            os.killpg(int(process.read_text()), signal.SIGKILL)


def test_a_study_on_a_queue(queued: Queued) -> None:
    """Each job is asked for in the queue's words, with what its rule needs."""
    silent, held = queued.queue / "silent", queued.queue / "held"
    silent.touch()  # not all the time
    held.touch()  # or jobs may end before the queue is asked about them
    process = queued.start()
    until(queued.asked, queued)
    until(lambda: "cannot connect to server" in queued.said, queued)
    silent.unlink()
    held.unlink()
    assert process.wait(timeout=500) == 0, queued.said
    asked = Counter(job["name"] for job in queued.asked())
    assert asked == {"mel-train_arm": 2, "mel-generate_sa": 2, "mel-score_sampl": 2}
    for job in queued.asked():
        assert job["queue"] == "gpu" and job["gpus"] == 1 and job["threads"] == 1
    (train, *_) = [job for job in queued.asked() if job["name"] == "mel-train_arm"]
    assert train["megabytes"] == 16000 and train["minutes"] == 720
    assert not list((queued.root / ".snakemake/queue").iterdir())
    assert queued.would_run().jobs == Counter()


def test_a_job_that_is_lost_is_tried_again_and_a_killed_snakemake_goes_on(queued: Queued) -> None:
    first = queued.start()
    job = until(queued.training, queued)
    held = queued.queue / "held"
    held.touch()  # what comes next waits in the queue
    os.killpg(int((job / "process").read_text()), signal.SIGKILL)  # its node, or its time
    until(lambda: "gone from the queue without an exit code" in queued.said, queued)
    until(lambda: queued.noted("mel-train_arm", 3), queued)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    submitted = Counter(job["name"] for job in queued.asked())
    queued.run("--unlock", profile="cluster-generic")
    second = queued.start()
    until(lambda: "Resuming incomplete job" in queued.said, queued)
    held.unlink()
    assert second.wait(timeout=500) == 0, queued.said
    # What was in the queue was waited for: nothing was submitted twice.
    after = Counter(job["name"] for job in queued.asked())
    assert after["mel-train_arm"] == submitted["mel-train_arm"] == 3, queued.said
    assert queued.would_run().jobs == Counter()


def test_what_ends_after_its_snakemake_is_known_by_its_settings(queued: Queued) -> None:
    """A job leaves the record that later changes are seen by, whoever waits for it."""
    first = queued.start()
    until(queued.training, queued)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: not queued.at_work(), queued)
    queued.run("--unlock", profile="cluster-generic")
    made = queued.root.glob("results/tiny/arms/added/seed-*/train.safetensors")
    left = {f"train_arm added {seed}" for seed in (0, 1)}
    left -= {f"train_arm added {path.parent.name[-1]}" for path in made}
    would_run = queued.would_run().jobs
    assert len(left) < 2 and {job for job in would_run if job.startswith("train_arm")} == left
    queued.arm("added", train={"steps": 2, "rank": 3})
    would_run = queued.would_run().jobs
    assert would_run["train_arm added 0"] == would_run["train_arm added 1"] == 1


def test_ctrl_c_takes_the_jobs_out_of_the_queue(queued: Queued) -> None:
    process = queued.start()
    until(queued.training, queued)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    running = sorted(path.parent for path in queued.queue.glob("*/process"))
    until(lambda: all((job / "deleted").exists() for job in running), queued)
