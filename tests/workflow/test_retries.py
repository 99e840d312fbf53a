"""Training jobs that leave before they are done, in the workflow."""

import json
from collections import Counter

from workflow_project import Project

LONG = "results/tiny/arms/long/seed-0/train.safetensors"


def test_retries_carry_a_run_over_the_ends_of_its_time(project: Project) -> None:
    """No time at all: each try does one step, saves and leaves with 75."""
    train = {"steps": 3, "validation": {"every": 2}}
    project.arm("long", train=train, sample={"checkpoint": "best"})
    # Two processes talk over sockets, which are forbidden here: tests/unit/test_processes.py.
    assert "--processes $MELABLATE_PROCESSES" in project.would_run(LONG, "--printshellcmds").said
    watch = {"every": 2, "samples": 1, "steps": 2}
    project.set(checkpoint={"budget": 0.001}, gpus=1, watch=watch)
    done = project.run(LONG, "--retries", "4")
    assert set(done.jobs) == {"train_arm long 0"}
    record = json.loads((project.root / LONG).with_suffix(".json").read_text())
    assert record["resumed_at"] == 2 and record["processes"] == 1
    folder = project.root / "logs/tiny/train_arm/long/seed-0"
    shown = {path.name.partition(".")[0] for path in folder.iterdir()}
    assert {"entropy", "events", "real-0", "step-0000000-0", "step-0000002-0"} <= shown
    # Neither the budget, nor the GPUs, nor what is shown make anything run again.
    project.set(checkpoint={}, gpus=2, watch={})
    assert project.would_run(LONG).jobs == Counter()
    # The samples are made from the best weights.
    sampled = project.would_run("results/tiny/arms/long/seed-0/samples", "--printshellcmds")
    assert sampled.jobs == Counter(["generate_samples long 0"])
    assert "long/seed-0/train.best.safetensors" in sampled.said
