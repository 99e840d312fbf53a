"""Stages of a study, side by side on a machine with several GPUs, each see one of their own."""

import os
import re
from collections import Counter
from pathlib import Path

from workflow_project import Project

SMI = "#!/bin/sh\nprintf '0, GPU-aaaa\\n1, GPU-bbbb\\n'\n"


def test_each_stage_gets_one_and_nothing_runs_again(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    smi = tmp_path / "bin/nvidia-smi"
    smi.write_text(SMI, encoding="utf-8")
    smi.chmod(0o755)
    path = os.pathsep.join([str(smi.parent), project.environment()["PATH"]])
    locks = tmp_path / "locks"
    several = {"PATH": path, "CUDA_VISIBLE_DEVICES": "0,1", "MELABLATE_GPU_LOCKS": str(locks)}

    # The shell's word before each command is no part of its code.
    assert project.run("--dry-run", profile="local", **several).jobs == Counter()
    project.arm("added", train={"steps": 1, "rank": 2})
    target = [f"results/tiny/arms/added/seed-{seed}/train.safetensors" for seed in (0, 1)]
    project.run(*target, "--resources", "gpu=2", profile="local", **several)
    said = [
        (project.root / f"logs/tiny/train_arm/added/seed-{seed}.log").read_text(encoding="utf-8")
        for seed in (0, 1)
    ]
    seen = [re.findall(r"^train_lora\.py: GPU (\d)$", text, re.MULTILINE) for text in said]
    assert all(len(found) == 1 for found in seen), said
    assert {path.name for path in locks.iterdir()} >= {"GPU-aaaa"}
    assert project.run("--dry-run", *target, profile="test").jobs == Counter()
