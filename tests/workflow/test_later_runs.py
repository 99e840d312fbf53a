"""What an earlier run made, a folder that is given, and the cache that studies share."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from workflow_project import ARMS, BY_A_BASE, END, SAMPLED, SAMPLES_ON, Project, expect, of_rows

NEW_BASE = Counter(
    [*["encode_latents"] * 2, *of_rows("train_arm", ARMS), *of_rows(SAMPLES_ON, BY_A_BASE), *END]
)
"""What reads the base; neither the codec's ceiling nor real audio does."""
NEW_AUTOENCODER = Counter(["train_base"]) | NEW_BASE
NEW_EMBEDDER = Counter(["embed_reference", *of_rows("score_samples", SAMPLED), *END])
NEW_MUSIC = [
    "scan_corpus",
    "report_corpus",
    "make_spectrograms",
    "train_autoencoder",
    "train_embedder",
]


def made(project: Project, pattern: str) -> str:
    """The one result of that name, as a target."""
    (path,) = project.results().glob(pattern)
    return str(path.relative_to(project.root))


@pytest.mark.parametrize(
    ("module", "old", "new", "target", "jobs"),
    [
        (
            "melablate/corpus/minimidi_render.py",
            "PEAK =",
            "PEAK = 0.9 *",
            "music/*/music.sha256",
            Counter(NEW_MUSIC) | NEW_AUTOENCODER | NEW_EMBEDDER,
        ),
        (
            "melablate/models/tiny_vae.py",
            "settings.kl_weight",
            "2 * settings.kl_weight",
            "models/*/autoencoder.json",
            NEW_AUTOENCODER,
        ),
        (
            "melablate/models/tiny_unet.py",
            "settings.caption_dropout",
            "0.5",
            "models/*/base.sha256",
            NEW_BASE,
        ),
        (
            "train_tiny_clap.py",
            "captions for _, captions in train]",
            "captions for _, captions in reversed(train)]",
            "models/*/embedder.json",
            NEW_EMBEDDER,
        ),
    ],
    ids=["music", "autoencoder", "base", "embedder"],
)  # fmt: skip
def test_another_result_is_seen_in_a_later_run(
    project: Project, module: str, old: str, new: str, target: str, jobs: Counter[str]
) -> None:
    project.edit(f"scripts/{module}", old, new)
    assert project.run(made(project, target)).jobs.total() == 1
    expect(project, *jobs.elements())


def test_an_equal_result_is_seen_in_a_later_run(project: Project) -> None:
    made_by = ("melablate/corpus/minimidi_render.py", "train_tiny_base.py", "train_tiny_clap.py")
    for module in made_by:
        project.append(f"scripts/{module}", "\nadded = 1\n")
    targets = ("music/*/music.sha256", "models/*/base.sha256", "models/*/embedder.sha256")
    again = project.run(*(made(project, target) for target in targets), "--allowed-rules",
                        "compose_music", "train_base", "train_embedder")  # fmt: skip
    assert again.jobs == Counter(["compose_music", "train_base", "train_embedder"])
    expect(project)


def test_a_given_base_is_known_by_its_content_wherever_it_lies(
    project: Project, tmp_path: Path
) -> None:
    (index,) = project.results().glob("models/*/base.sha256")
    given, moved = tmp_path / "given base", tmp_path / "moved"
    shutil.copytree(index.parent, given)
    bases = project.study()["bases"] | {"given": {"kind": "folder", "path": str(given)}}
    project.set(bases=bases, base="given", arms=["baseline"], seeds=[0])
    project.run()
    expect(project)
    given.rename(moved)
    gone = project.run("--dry-run", fails=True)
    assert "model_index.json" in gone.said and str(given) in gone.said
    project.set(bases=bases | {"given": {"kind": "folder", "path": str(moved)}})
    expect(project)
    (moved / "model_index.json").touch()
    expect(project)
    changed = moved / "scheduler/scheduler_config.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace("0.012", "0.011"), "utf-8")
    jobs = project.would_run().jobs
    assert jobs["train_arm baseline 0"] == jobs["encode_latents"] == 1


def test_an_arm_that_starts_from_a_file_wherever_it_lies(project: Project, tmp_path: Path) -> None:
    """Made here or elsewhere; both formats are tests of the trainer."""
    made = project.results("tiny/arms/rank/seed-0/train.safetensors")
    given, moved = tmp_path / "a b.safetensors", tmp_path / "moved" / "a b.safetensors"
    shutil.copy2(made, given)
    project.arm("warm", **{"train.warm_start": {"path": str(given)}, "train.rank": 8})
    own = of_rows(f"train_arm {SAMPLES_ON}", ("warm",))
    expect(project, *own, *END)
    started = "tiny/arms/warm/seed-0/train"
    assert project.run(f"results/{started}.safetensors").jobs == Counter(["train_arm warm 0"])
    record = json.loads(project.results(f"{started}.json").read_text(encoding="utf-8"))
    assert record["runs_before"] == 1
    later = [job for job in own if job != "train_arm warm 0"]
    expect(project, *later, *END)
    moved.parent.mkdir()
    given.rename(moved)
    gone = project.run("--dry-run", fails=True)
    assert f"{given} is not there" in gone.said
    project.arm("warm", **{"train.warm_start": {"path": str(moved)}, "train.rank": 8})
    expect(project, *later, *END)
    shutil.copy2(project.results("tiny/arms/rank/seed-1/train.safetensors"), moved)
    expect(project, *own, *END)


# The shared cache


def test_an_arm_that_is_reverted_comes_from_the_shared_cache(
    project: Project, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    arm = project.results("tiny/arms/rank/seed-0")
    undisturbed = (arm / "train.safetensors").read_bytes()
    log = project.root / "logs/tiny/train_arm/rank/seed-0.log"
    target = str((arm / "train.safetensors").relative_to(project.root))

    def run() -> dict[str, bytes]:
        done = project.run(target, "--cache", SNAKEMAKE_OUTPUT_CACHE=str(cache))
        assert done.jobs == Counter(["train_arm rank 0"]), done.said
        ends = ("safetensors", "csv", "json")
        return {end: (arm / f"train.{end}").read_bytes() for end in ends}

    for path in arm.glob("train.*"):
        path.unlink()
    first = run()
    assert first["safetensors"] == undisturbed
    project.edit("config/tiny-arms/rank.yaml", "train.rank: 8", "train.rank: 6")
    assert run()["safetensors"] != undisturbed
    log.write_text("not written anew", encoding="utf-8")
    project.edit("config/tiny-arms/rank.yaml", "train.rank: 6", "train.rank: 8")
    assert run() == first  # with the times of the first training in its record
    assert log.read_text(encoding="utf-8") in ("", "not written anew")


def test_another_study_and_a_renamed_arm_take_weights_from_the_shared_cache(
    project: Project, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()

    def run(study: str, arm: str) -> dict[str, bytes]:
        prefix = f"results/{study}/arms/{arm}/seed-0/train."
        (project.root / f"{prefix}safetensors").unlink(missing_ok=True)
        done = project.run(f"{prefix}safetensors", "--cache", SNAKEMAKE_OUTPUT_CACHE=str(cache))
        assert done.jobs == Counter([f"train_arm {arm} 0"]), done.said
        ends = ("safetensors", "csv", "json")
        return {end: (project.root / f"{prefix}{end}").read_bytes() for end in ends}

    first = run("tiny", "rank")
    project.set(study="other")
    assert run("other", "rank") == first  # with the times of the first training in its record
    folder = project.root / "config/tiny-arms"
    (folder / "rank.yaml").rename(folder / "ranked.yaml")
    project.set(arms=["baseline", "ranked", "huber", "fine"])
    assert run("other", "ranked") == first
