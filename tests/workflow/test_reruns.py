"""The promise of identities: after a change exactly the jobs run whose result can differ.

Every test takes a finished study, changes one thing, and asks Snakemake for the exact jobs.
"""

import ast
import csv
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_project import (
    ARMS,
    BY_A_BASE,
    END,
    SAMPLED,
    SAMPLES_ON,
    Project,
    expect,
    of_rows,
)

TRAIN_ON = f"train_arm {SAMPLES_ON}"
NOTHING: Counter[str] = Counter()


def arm_on(*arms: str) -> list[str]:
    """What runs when something of these arms' training has changed."""
    return [*of_rows(TRAIN_ON, arms), *END]


def sources(project: Project) -> Iterator[Path]:
    """Every Python file of the workflow."""
    return (project.root / "scripts").rglob("*.py")


def reordered(value: Any) -> Any:
    """The same mapping with its keys the other way round, at every depth."""
    if isinstance(value, dict):
        return {key: reordered(inner) for key, inner in reversed(value.items())}
    return [reordered(inner) for inner in value] if isinstance(value, list) else value


# What changes nothing


def test_a_finished_study_has_nothing_to_do(project: Project) -> None:
    expect(project)


def test_touching_every_source_config_and_audio_file(project: Project) -> None:
    later = time.time() + 5
    files = [
        path
        for path in project.root.rglob("*")
        if path.is_file()
        and not path.is_relative_to(project.results())
        and not path.is_relative_to(project.root / ".snakemake")
    ]
    composed = [*project.results("music").rglob("*.mp3"), *project.results().rglob("*/song*.csv")]
    assert len(files) > 100 and len(composed) > 20
    for path in [*files, *composed]:
        os.utime(path, (later, later))
    expect(project)


def git(project: Project, *words: str) -> None:
    me = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *me, *words], cwd=project.root, check=True, capture_output=True)


def test_checking_out_another_commit_and_back(project: Project) -> None:
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all", "--force", "Snakefile", "rules", "scripts", "config", "music")
    git(project, "commit", "--quiet", "--message=one")
    for path in [*sources(project), *(project.root / "rules").glob("*.smk")]:
        path.write_text(path.read_text(encoding="utf-8") + "\n\nadded = 1\n", encoding="utf-8")
    project.set(train__rank=2)
    (mp3, *_) = sorted((project.root / "music/audio").rglob("*.mp3"))
    mp3.write_bytes(b"other")
    git(project, "commit", "--quiet", "--all", "--message=two")
    git(project, "checkout", "--quiet", "--detach", "HEAD")
    assert project.would_run().jobs
    git(project, "checkout", "--quiet", "HEAD~1")
    expect(project)


def test_comments_docstrings_and_formatting_of_every_module(project: Project) -> None:
    class Reword(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
                first = node.body[0]
                if ast.get_docstring(node) is not None and isinstance(first, ast.Expr):
                    first.value = ast.Constant("Said in other words.")
            return node

    for path in sources(project):
        tree = Reword().visit(ast.parse(path.read_text(encoding="utf-8")))
        text = "# a comment\n" + ast.unparse(ast.fix_missing_locations(tree)) + "\n# another\n"
        path.write_text(text, encoding="utf-8")
    for path in [project.root / "Snakefile", *(project.root / "rules").glob("*.smk")]:
        path.write_text("# a comment\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    expect(project)


def test_reordered_keys_of_the_config(project: Project) -> None:
    for path in [project.root / project.config, *project.root.glob("config/tiny-arms/*.yaml")]:
        config = reordered(yaml.safe_load(path.read_text(encoding="utf-8")))
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    assert set(project.would_run().jobs) <= set(END)


@pytest.mark.parametrize(
    ("old", "new"),
    [("label: Rank 8, alpha 16", "label: Rank doubled"), ("Increase rank and alpha", "More rank")],
)
def test_a_label_or_claim_reworded(project: Project, old: str, new: str) -> None:
    project.edit("config/tiny-arms/rank.yaml", old, new)
    expect(project, *END)


def test_how_often_training_saves_its_state(project: Project) -> None:
    project.set(checkpoint={"seconds": 7, "steps": 3})
    expect(project)


def test_a_corpus_a_list_and_the_limit_of_broken_tracks(project: Project) -> None:
    """Where they lie, by which name they are reached, and when a scan would have stopped."""
    table = project.root / "music/song_describer.csv"
    with table.open(encoding="utf-8", newline="") as file:
        ids = sorted({row["track_id"] for row in csv.DictReader(file)})
    (project.root / "lists one").mkdir()
    (project.root / "lists one/ids.txt").write_text("\n".join(ids) + "\n")
    project.set(corpora__style__rules__only="lists one/ids.txt")
    made = project.run("corpus").jobs
    assert made["scan_corpus"] == 1
    (project.root / "lists one").rename(project.root / "two")
    project.root.joinpath("two/ids.txt").rename(project.root / "two/other.txt")
    project.set(corpora__style__rules__only="two/other.txt")
    assert project.would_run("corpus").jobs == NOTHING

    project.set(corpora__style__rules={"min_seconds": 1, "heldout_share": 0.3})
    expect(project)  # another limit than the 0.25 that it was made with
    project.set(corpora__style__rules__max_set_aside=0.9)
    expect(project)
    (project.root / "music").rename(project.root / "music of the group")
    project.set(corpora__style__path="music of the group")
    expect(project)
    (project.root / "other").symlink_to("music of the group")
    project.set(corpora__style__path="other")
    expect(project)


# Arms and seeds


def test_the_rank_of_an_arm(project: Project) -> None:
    project.edit("config/tiny-arms/rank.yaml", "train.rank: 8", "train.rank: 6")
    expect(project, *arm_on("rank"))


def test_rank_and_alpha_swapped(project: Project) -> None:
    project.edit("config/tiny-arms/rank.yaml", "train.rank: 8", "train.rank: 16")
    project.edit("config/tiny-arms/rank.yaml", "train.alpha: 16", "train.alpha: 8")
    expect(project, *arm_on("rank"))


def test_an_arm_added(project: Project) -> None:
    project.arm("added", **{"train.rank": 2})
    expect(project, *arm_on("added"))


def test_an_arm_removed(project: Project) -> None:
    project.set(arms=["baseline", "rank", "fine"])
    expect(project, *END)


def test_a_seed_added(project: Project) -> None:
    project.set(seeds=[0, 1, 2])
    untuned = of_rows(SAMPLES_ON, ("untuned-base",), (2,))
    expect(project, *of_rows(TRAIN_ON, ARMS, (2,)), *untuned, *END)


# Metrics and prompts


def test_a_setting_of_the_metrics(project: Project) -> None:
    project.set(scores={"metrics": ["text_audio_similarity", "diversity"]})
    expect(project, *of_rows("score_samples", SAMPLED), *END)


def test_the_code_of_a_metric(project: Project) -> None:
    project.append("scripts/melablate/metrics/entropy.py", "\nadded = 1\n")
    expect(project, *of_rows("score_samples", SAMPLED), *END)


def test_a_prompt_added(project: Project) -> None:
    project.set(prompts__extra=["A slow waltz on a church organ."])
    expect(project, "choose_prompts", *of_rows(SAMPLES_ON, SAMPLED), *END)


# More to choose from


def test_a_loss_an_option_and_a_kind_of_corpus_added(project: Project) -> None:
    """What nobody has chosen yet changes no result."""
    train, corpus = (f"scripts/melablate/{room}/settings.py" for room in ("training", "corpus"))
    losses = project.root / "scripts/melablate/training/losses"
    (losses / "other.py").write_text((losses / "mse.py").read_text(encoding="utf-8"))
    project.edit(train, '["mse", "l1", ', '["mse", "l1", "other", ')
    project.edit(
        train, "    rank: Positive = 8\n", "    rank: Positive = 8\n    sharpness: bool = False\n"
    )
    kind = '    kind: Literal["song_describer"]\n'
    project.edit(corpus, kind, kind + "    mirror: str | None = None\n")
    another = 'class Other(Settings):\n    kind: Literal["other"]\n    rules: Rules = Rules()\n'
    project.edit(corpus, "\nCorpus = Annotated[", f"\n{another}\n\nCorpus = Annotated[Other | ")
    expect(project)


def test_an_option_that_is_switched_on_for_one_arm(project: Project) -> None:
    path = "scripts/melablate/training/settings.py"
    project.edit(
        path, "    rank: Positive = 8\n", "    rank: Positive = 8\n    sharpness: bool = False\n"
    )
    project.arm("rank", **{"train.rank": 8, "train.alpha": 16, "train.sharpness": True})
    expect(project, *arm_on("rank"))


def test_a_default_changed(project: Project) -> None:
    path = "scripts/melablate/training/settings.py"
    project.edit(path, "noise_offset: Annotated[float, Field(ge=0)] = 0.0",
                 "noise_offset: Annotated[float, Field(ge=0)] = 0.05")  # fmt: skip
    expect(project, *arm_on(*ARMS))


def test_the_embedders_settings_train_no_arm(project: Project) -> None:
    path = "scripts/melablate/models/settings.py"
    project.edit(path, "lr: Rate = 3e-3", "lr: Rate = 4e-3\n    dropout: Rate = 0.1")
    project.set(embedder__width=32)
    expect(
        project,
        *("train_embedder", "embed_reference"),
        *of_rows("score_samples", SAMPLED),
        *END,
    )


# Code of the training


@pytest.mark.parametrize(
    ("module", "arms"), [("huber", ("huber",)), ("mse", ("baseline", "rank", "fine"))]
)
def test_the_code_of_a_loss(project: Project, module: str, arms: tuple[str, ...]) -> None:
    project.append(f"scripts/melablate/training/losses/{module}.py", "\nadded = 1\n")
    expect(project, *arm_on(*arms))


def test_the_code_of_the_training_loop(project: Project) -> None:
    project.append("scripts/melablate/training/loop.py", "\nadded = 1\n")
    expect(project, *arm_on(*ARMS))


# Spectrograms and audio


def test_the_spectrograms_of_the_study(project: Project) -> None:
    project.set(spectrogram__range_db=70.0)
    expect(
        project,
        *["make_spectrograms"] * 3,  # broad, style, and style for the arm `fine`
        *("train_autoencoder", "train_base", "choose_prompts"),
        *["encode_latents"] * 2,
        *of_rows("train_arm", ARMS),
        *of_rows(SAMPLES_ON, SAMPLED),
        *END,
    )


def test_how_images_are_spread_over_files(project: Project) -> None:
    project.set(shards={"megabytes": 1})
    expect(project)


def test_which_parts_of_the_tracks(project: Project) -> None:
    """Of other parts come other images, and all that hears real clips."""
    project.set(clips__choose="spread")
    expect(
        project,
        *["make_spectrograms"] * 3,
        *("train_autoencoder", "train_base", "train_embedder", "embed_reference"),
        *["choose_prompts", "encode_latents", "encode_latents"],
        *of_rows("train_arm", ARMS),
        *of_rows(SAMPLES_ON, SAMPLED),
        *END,
    )


def test_the_images_as_a_folder_for_other_trainers(project: Project) -> None:
    project.set(export={"repeats": 4, "captions": "each", "split": "all"})
    expect(project)
    assert project.run("export").jobs == Counter(["export_images"])
    (folder,) = project.results("tiny/export").glob("[!.]*")  # Snakemake leaves a hidden file
    assert folder.name == "4_music"
    images, texts = (sorted(p.stem for p in folder.glob(f"*.{end}")) for end in ("png", "txt"))
    assert images == texts and len(images) > 8
    project.set(export={"repeats": 2})
    assert project.would_run("export").jobs == Counter(["export_images"])


def test_how_images_are_inverted(project: Project) -> None:
    project.set(spectrogram__inversion__iterations=3)
    expect(project, *of_rows(SAMPLES_ON, (*BY_A_BASE, "codec-ceiling")), *END)


def test_the_spectrograms_of_an_arm(project: Project) -> None:
    project.edit("config/tiny-arms/fine.yaml", "pre_emphasis: 0", "pre_emphasis: 0.5")
    expect(project, "make_spectrograms", "encode_latents", *arm_on("fine"))


def test_an_audio_file_replaced_by_another_of_the_same_name(project: Project) -> None:
    first, second, *_ = sorted((project.root / "music/audio").rglob("*.mp3"))
    times = first.stat()
    shutil.copyfile(second, first)
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    expect(
        project,
        *("scan_corpus", "report_corpus", "choose_prompts", "embed_reference"),
        *["make_spectrograms", "encode_latents"] * 2,  # for the arm `fine` too
        *of_rows("train_arm", ARMS),
        *of_rows(SAMPLES_ON, SAMPLED),
        *END,
    )


def test_the_music_of_the_base(project: Project) -> None:
    """What is composed anew for the base leaves the arms' corpus and its images alone."""
    project.set(corpora__broad__seed=7)
    expect(
        project,
        *("compose_music", "scan_corpus", "report_corpus", "make_spectrograms"),
        *("train_autoencoder", "train_base", "train_embedder", "embed_reference"),
        *["encode_latents"] * 2,
        *of_rows("train_arm", ARMS),
        *of_rows("generate_samples", BY_A_BASE),
        *of_rows("score_samples", SAMPLED),
        *END,
    )


def test_touching_what_is_given_when_it_is_large(project: Project) -> None:
    """Snakemake compares large inputs by time; what is given is known by its content."""
    os.utime(project.root / "music/song_describer.csv", (time.time() + 5, time.time() + 5))
    dry = project.would_run("--max-checksum-file-size", "0")
    assert not dry.jobs, dry.reasons


# Corpora


def test_the_page_of_a_corpus(project: Project) -> None:
    project.append("scripts/melablate/corpus/report_css.py", "\nadded = 1\n")
    expect(project, *["report_corpus"] * 2)
