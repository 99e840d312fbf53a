"""What jobs ask for: GPU stages one GPU, or as many as the study says; the others none."""

import json
from collections import defaultdict

from workflow_project import Project

GPU_STAGES = {"encode_latents", "train_arm", "generate_samples", "embed_reference", "score_samples"}


def asked(project: Project) -> dict[str, set[int]]:
    """Rule → numbers of GPUs that its jobs ask for, of all jobs of the study."""
    found = defaultdict(set)
    project.would_run("--forceall")
    for line in (project.root / ".jobs.jsonl").read_text(encoding="utf-8").splitlines():
        job = json.loads(line)
        found[job["rule"]].add(job["gpu"])
    return found


def test_gpu_stages_ask_for_one_and_others_for_none(project: Project) -> None:
    found = asked(project)
    assert GPU_STAGES | {"scan_corpus", "make_spectrograms", "make_table"} <= set(found)
    for rule, gpus in found.items():
        # Clips that a codec or an autoencoder renders need no base model.
        wanted = {0, 1} if rule == "generate_samples" else {int(rule in GPU_STAGES)}
        assert gpus == wanted, rule


def test_training_asks_for_as_many_as_the_study_says(project: Project) -> None:
    project.set(gpus=2)
    found = asked(project)
    assert found["train_arm"] == {2} and found["encode_latents"] == {1}
