"""What runs again: stages share what agrees, and change with what they depend on."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from melablate import plan as plan_module
from melablate.config import FIXED_ROWS
from melablate.fetch.assets import ASSETS
from melablate.fetch.promises import sources_of
from melablate.identity import identity
from melablate.plan import Plan, make_plan

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
FULL = DEMO | yaml.safe_load((ROOT / "config/demo-full.yaml").read_text(encoding="utf-8"))
ARMS = {
    "baseline": "label: B\n",
    "rank": "label: R\nchanges: {train: {rank: 8, alpha: 16}}\n",
    "mel": "label: M\nchanges: {spectrogram.pre_emphasis: 0}\n",
    "whole": "label: W\nchanges: {latents.cached: false}\n",
    "reg": "label: G\nchanges: {regularization: broad, train.regularization: {}}\n",
    "wholereg": (
        "label: WG\nchanges: {latents.cached: false, regularization: broad,"
        " train.regularization: {}}\n"
    ),
    "warm": (
        "label: V\nchanges: {train: {warm_start: {arm: rank}, rank: 8, alpha: 16, lr: 1.0e-3}}\n"
    ),
    "guide": "label: S\nchanges: {sample.guidance: 2}\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the arms of the tests are."""
    monkeypatch.chdir(tmp_path)
    for name, text in ARMS.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def plan(folder: Path, **changes: Any) -> Plan:
    """The plan of the demo with the tests' arms; `a__b=c` changes a.b."""
    config = copy.deepcopy(DEMO) | {"arms_folder": str(folder), "arms": list(ARMS)}
    for key, value in changes.items():
        *parents, last = key.split("__")
        inner = config
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return make_plan(config)


def identities(plan: Plan) -> dict[str, str]:
    """Of every job whose result can differ, by a name that does not change."""
    found = {f"train {arm} {seed}": plan.train(arm, seed).identity
             for arm in plan.arms for seed in plan.study.seeds}  # fmt: skip
    found |= {f"sample {row} {seed}": plan.samples(row, seed).identity for row, seed in plan.rows()}
    return found | {"prompts": plan.prompts().identity, "scores": plan.scores().identity}


def changed(before: Plan, after: Plan) -> set[str]:
    """Names of what both have and what differs."""
    one, other = identities(before), identities(after)
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


def arms_in(names: set[str], stage: str) -> set[str]:
    return {name.split()[1] for name in names if name.startswith(stage)}


def test_a_multiple_and_the_number_that_it_comes_to_are_one_arm(folder: Path) -> None:
    before = plan(folder)
    text = "label: R\nchanges: {train: {rank: {times: 2}, alpha: {times: 4}}}\n"
    (folder / "rank.yaml").write_text(text)  # of rank 4 and alpha 4
    assert not changed(before, plan(folder))


def test_arms_share_what_agrees(folder: Path) -> None:
    found = plan(folder)
    reads = {arm: found.train(arm, 0).reads for arm in found.arms}
    shared = [arm for arm in ARMS if arm not in ("mel", "whole", "wholereg")]
    assert len({reads[arm]["latents"] for arm in shared}) == 1
    assert reads["mel"]["latents"] != reads["baseline"]["latents"]
    assert len({arm["base"] for arm in reads.values()}) == len(found.bases) == 1
    assert "images" in reads["whole"] and "latents" not in reads["whole"]
    assert reads["wholereg"]["regularization"] == reads["reg"]["regularization"]
    # broad for the base, style, style in the arm's own way; style, that, broad as latents
    assert (len(found.spectrograms), len(found.latents)) == (3, 3)
    assert len(found.corpora) == len(found.music) == 2


def test_ten_arms_and_seeds_share_one_set_of_latents(folder: Path) -> None:
    found = plan(folder, arms=["baseline"], sweep={"train.rank": list(range(5, 15))})
    assert len(found.arms) == 11 and len(found.latents) == 1 and len(found.spectrograms) == 2
    keys = {found.train(arm, seed).identity for arm in found.arms for seed in (0, 1, 2)}
    assert len(keys) == 33


def test_an_arms_rank_is_its_own(folder: Path) -> None:
    before = plan(folder)
    (folder / "rank.yaml").write_text("label: R\nchanges: {train: {rank: 16, alpha: 8}}\n")
    (folder / "warm.yaml").write_text(ARMS["warm"].replace("rank: 8,", "rank: 16,"))
    swapped = changed(before, plan(folder))
    assert arms_in(swapped, "train") == arms_in(swapped, "sample") == {"rank", "warm"}


def test_words_change_the_table_alone(folder: Path) -> None:
    before = plan(folder)
    text = ARMS["rank"].replace(
        "label: R", "label: Rank up\nclaim: {verdict: worse, words: Worse, metric: diversity}"
    )
    (folder / "rank.yaml").write_text(text)
    after = plan(folder)
    assert not changed(before, after) and before.table() != after.table()


@pytest.mark.parametrize(
    ("change", "trains", "samples"),
    [
        ({"checkpoint__seconds": 5, "checkpoint__steps": 7}, "", ""),
        ({"table__confidence": 0.9, "report__title": "x"}, "", ""),
        ({"scores__metrics": ["text_audio_similarity"]}, "", ""),
        ({"prompts__extra": ["a slow piano"]}, "", "all"),
        ({"sample__steps": 7}, "", "generated"),
        ({"train__lr": 1e-4}, "all but warm", "arms"),
        ({"train__clip_skip": 2}, "all", "generated"),
        ({"spectrogram__range_db": 70}, "all", "all"),
        ({"spectrogram__inversion__iterations": 8}, "", "inverted"),
        ({"corpora__style__seed": 9}, "all", "all"),
        ({"corpora__style__rules__min_seconds": 1}, "all", "all"),
        ({"bases__tiny__unet__steps": 9}, "all", "by a base"),
    ],
)
def test_what_a_change_of_the_study_changes(
    folder: Path, change: dict[str, Any], trains: str, samples: str
) -> None:
    found = changed(plan(folder), plan(folder, **change))
    arms = set(ARMS)
    assert arms_in(found, "train") == {"": set(), "all": arms, "all but warm": arms}[trains]
    rows = {"": set(), "arms": arms, "generated": arms | {FIXED_ROWS[0]}}
    rows |= {"all": arms | set(FIXED_ROWS), "inverted": arms | set(FIXED_ROWS) - {"real-audio"}}
    rows["by a base"] = rows["all"] - {"codec-ceiling", "real-audio"}
    assert arms_in(found, "sample") == rows[samples]
    assert ("scores" in found) == ("scores__metrics" in change or "corpora" in str(change))


def test_names_of_corpora_are_of_no_account(folder: Path) -> None:
    before = plan(folder)
    corpora = {("wide" if k == "broad" else k): v for k, v in DEMO["corpora"].items()}
    (folder / "reg.yaml").write_text(ARMS["reg"].replace("broad", "wide"))
    (folder / "wholereg.yaml").write_text(ARMS["wholereg"].replace("broad", "wide"))
    embedder = DEMO["embedder"] | {
        "corpora": [("wide" if c == "broad" else c) for c in DEMO["embedder"]["corpora"]]
    }
    after = plan(folder, corpora=corpora, bases__tiny__corpus="wide", embedder=embedder)
    assert not changed(before, after)
    assert before.embedders == after.embedders


@pytest.mark.parametrize(
    "changes",
    [
        {"spectrogram": {"pre_emphasis": 0}},
        {"clips": {"offset": 1}},
        {"corpus": "broad"},
        {"base": "other"},
    ],
    ids=str,
)
def test_a_baseline_that_differs_from_the_study_is_what_all_rows_share(
    folder: Path, changes: dict[str, Any]
) -> None:
    """The ceilings, the base and the reference are made as the baseline's own images are."""
    bases = DEMO["bases"] | {"other": DEMO["bases"]["tiny"] | {"unet": {"steps": 9}}}
    arms = ["baseline", "rank"]
    (folder / "baseline.yaml").write_text(yaml.safe_dump({"label": "B", "changes": changes}))
    by_arm = plan(folder, arms=arms, bases=bases)
    (folder / "baseline.yaml").write_text(ARMS["baseline"])
    merged = {key: {**DEMO.get(key, {}), **value} if isinstance(value, dict) else value
              for key, value in changes.items()}  # fmt: skip
    by_study = plan(folder, arms=arms, bases=bases, **merged)
    assert identities(by_arm) == identities(by_study)
    assert by_arm.reference_clips() == by_study.reference_clips()
    assert by_arm.embedders == by_study.embedders
    images = by_arm.prompts().reads["images"]
    assert by_arm.latents[by_arm.train("baseline", 0).reads["latents"]].reads["images"] == images


def test_no_model_takes_part_in_real_clips(folder: Path) -> None:
    before, after = plan(folder), plan(folder, bases__tiny__unet__steps=9)
    for row in ("codec-ceiling", "real-audio"):
        assert "base" not in before.samples(row, 0).reads
        assert before.samples(row, 0) == after.samples(row, 0)
    assert before.samples("autoencoder-ceiling", 0) != after.samples("autoencoder-ceiling", 0)


def test_seeds_and_arms_leave_others_alone(folder: Path) -> None:
    before = plan(folder)
    after = plan(folder, seeds=[0, 1, 2, 7], arms=["baseline", "rank"])
    assert not changed(before, after)
    assert ("rank", 7) in after.rows() and ("untuned-base", 7) in after.rows()
    assert [row for row, _ in after.rows()].count("real-audio") == 1
    one = {after.train("rank", seed).identity for seed in after.study.seeds}
    assert len(one) == 4


def test_an_uncached_arms_augmentation_counts(folder: Path) -> None:
    text = "label: W\nchanges: {latents: {cached: false, specaugment: {variants: %s}}, train.augment_share: .5}\n"  # noqa: E501
    found = []
    for variants in (2, 3):
        (folder / "whole.yaml").write_text(text % variants)
        found.append(plan(folder, arms=["baseline", "whole"]).train("whole", 0).identity)
    assert found[0] != found[1]


def test_a_replaced_file_of_a_corpus_reaches_what_reads_it(folder: Path) -> None:
    songs = folder / "songs"
    songs.mkdir()
    (songs / "song_describer.csv").write_text("x")
    corpora = DEMO["corpora"] | {"songs": {"kind": "song_describer", "path": str(songs)}}
    study = {"corpora": corpora, "corpus": "songs", "arms": ["baseline", "rank"]}
    before = plan(folder, **study)
    assert not changed(before, plan(folder, **study))
    (songs / "song_describer.csv").write_text("y")
    after = plan(folder, **study)
    assert arms_in(changed(before, after), "train") == {"baseline", "rank"}
    assert before.bases.keys() == after.bases.keys()


ROWS = "caption_id,track_id,path\n0,7,07/7.mp3\n1,8,08/8.mp3\n"
CORPUS = {
    "song_describer.csv": True,
    "audio_licenses.txt": True,
    "audio/07/7.2min.mp3": True,
    "audio/08/8.2min.mp3": True,
    "audio/09/9.2min.mp3": False,  # not in the table
    "NOTES.txt": False,
    "audio.zip": False,
    "song_describer-nosplit.csv": False,
    "audio/README": False,
}
FILES = ["a.wav", "b.w64", "noext", ".hidden/c.flac", ".d.wav"]
FOLDER = {
    "metadata.jsonl": True,
    **dict.fromkeys(FILES, True),
    "e.mp3": True,  # the report of what was set aside names it
    "e.au": False,
    ".hidden/e.wav": False,
    "a.txt": False,
    "notes.csv": False,
}
BASE = {
    "unet/config.json": True,
    "unet/diffusion_pytorch_model.safetensors": True,
    "vae/diffusion_pytorch_model.safetensors": True,
    "text_encoder/model-00001-of-00002.safetensors": True,
    "text_encoder/model.safetensors.index.json": True,
    "tokenizer/merges.txt": True,
    "scheduler/scheduler_config.json": True,
    "unet/diffusion_pytorch_model.bin": False,
    "unet/diffusion_pytorch_model.fp16.safetensors": False,
    "unet/diffusion_pytorch_model.non_ema.safetensors": False,
    "v1-5-pruned.safetensors": False,
    "v1-5-pruned.ckpt": False,
    "safety_checker/model.safetensors": False,
    "README.md": False,
}


TABLES = {
    "song_describer.csv": ROWS,
    "metadata.jsonl": "".join(f'{{"file_name": "{name}", "text": "x"}}\n' for name in FILES),
}


@pytest.mark.parametrize(
    ("kind", "files"),
    [("songs", CORPUS), ("music", FOLDER), ("sd", BASE)],
    ids=["corpus", "folder", "base"],
)
@pytest.mark.parametrize("change", ["written", "removed"])
def test_only_files_that_are_read_are_the_content_of_a_folder(
    folder: Path, kind: str, files: dict[str, bool], change: str
) -> None:
    for name in files:
        (folder / kind / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / kind / name).write_text(TABLES.get(name, name))
    songs = {"kind": "song_describer", "path": str(folder / "songs")}
    music = {"kind": "folder", "path": str(folder / "music")}
    study = {"arms": ["baseline"], "bases": DEMO["bases"]} | {
        "songs": {"corpora": DEMO["corpora"] | {"songs": songs}, "corpus": "songs"},
        "music": {"corpora": DEMO["corpora"] | {"music": music}, "corpus": "music"},
        "sd": {"bases": {"sd": {"kind": "folder", "path": str(folder / "sd")}}, "base": "sd"},
    }[kind]
    before = plan(folder, **study)
    for name, counts in files.items():
        file = folder / kind / name
        text = file.read_text()
        file.write_text(f"{text} ") if change == "written" else file.unlink()
        assert bool(changed(before, plan(folder, **study))) == counts, name
        file.write_text(text)
    assert not changed(before, plan(folder, **study))


def test_a_large_study_is_laid_out_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = {"train.rank": list(range(1, 16)), "train.lr": [n * 1e-4 for n in range(1, 21)]}
    asked = []
    monkeypatch.setattr(plan_module, "identity", lambda value: asked.append(1) or identity(value))
    found = plan(folder, arms=["baseline"], sweep=sweep)
    assert len(found.arms) > 300
    once = len(asked)
    assert once < 2 * len(found.rows()) + 20  # each run is trained and sampled
    for row, seed in found.rows():
        found.samples(row, seed)
    assert len(asked) == once


def test_every_row_of_the_full_demo_is_laid_out() -> None:
    found = make_plan(FULL)
    assert list(found.arms) == FULL["arms"] and len(found.arms) > 40
    assert len(found.rows()) == (len(found.arms) + 1) * 3 + 3


def test_a_fetched_file_that_is_not_the_promised_one_is_told(folder: Path) -> None:
    assets = folder / "assets"
    songs = assets / "data/song_describer"
    (songs / "audio/07").mkdir(parents=True)
    (songs / "audio/07/7.2min.mp3").write_text("music")
    (songs / "song_describer.csv").write_text(ROWS)
    study = {
        "corpora": DEMO["corpora"] | {"songs": {"kind": "song_describer", "path": str(songs)}},
        "corpus": "songs",
        "arms": ["baseline"],
        "fetch": {"folder": str(assets)},
    }
    (told,) = plan(folder, **study).wrong.values()  # by the catalogue
    assert "song_describer.csv" in told and "snakemake fetch" in told and "7.2min" not in told
    # Elsewhere it is a person's own.
    assert not plan(folder, **study | {"fetch": {"folder": str(folder / "other")}}).wrong

    base = assets / "models/stable-diffusion-v1-5"
    (base / "unet").mkdir(parents=True)
    (base / "unet/config.json").write_text("right")
    (base / "vae").mkdir()
    (base / "vae/config.json").write_text("not recorded")
    known = {"size": 5, "sha256": hashlib.sha256(b"right").hexdigest()}
    entry = known | {"site": "huggingface", "address": "x", "said_by": "x"}
    sources = sources_of(ASSETS["stable-diffusion-v1-5"])
    record = {"sources": sources, "files": {"unet/config.json": entry}}
    lock = {"assets": {"stable-diffusion-v1-5": record}}
    (assets / "fetch.lock.json").write_text(json.dumps(lock))
    bases = {"sd": {"kind": "folder", "path": str(base)}}
    study = {"bases": bases, "base": "sd", "arms": ["baseline"], "fetch": study["fetch"]}
    assert not plan(folder, **study).wrong
    (base / "unet/config.json").write_text("wrong")
    (told,) = plan(folder, **study).wrong.values()
    assert "unet/config.json" in told and "vae" not in told
    (assets / "fetch.lock.json").write_text("{")
    assert "cannot be read" in plan(folder, **study).wrong[str(base)]
