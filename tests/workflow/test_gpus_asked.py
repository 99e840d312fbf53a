"""What jobs ask for: GPU stages one GPU, or as many as the study says; the others none."""

import re
from collections import defaultdict

from workflow_project import Project

GPU_STAGES = {"encode_latents", "train_arm", "generate_samples", "embed_reference", "score_samples"}


def asked(project: Project) -> dict[str, set[int]]:
    """Rule → numbers of GPUs that its jobs ask for, of all jobs of the study."""
    found = defaultdict(set)
    said = project.would_run("--forceall").said
    for rule, told in re.findall(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", said, re.MULTILINE):
        gpus = re.search(r"resources:.*\bgpu=(\d+)", told)
        found[rule].add(int(gpus.group(1)) if gpus else 0)
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
