"""Wrong configs stop with file, key, what is allowed and the nearest key; generated files agree."""

# ruff: noqa: E501  (what is written and what is said stand on one line)

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from melablate.config_errors import ConfigError
from melablate.config_files import read_config
from melablate.plan import make_plan
from melablate.reference import page, schema

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
DEMO["arms_folder"] = "arms"
Said = Callable[..., str]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What is said of a study, given as demo.yaml and mine.yaml, and of its arm my.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arms").mkdir()
    for file in (ROOT / "config/arms").glob("*.yaml"):
        (tmp_path / "arms" / file.name).write_text(file.read_text(encoding="utf-8"))
    (tmp_path / "demo.yaml").write_text(yaml.safe_dump(DEMO))

    def told(mine: str = "", arm: str = "", config: dict[str, Any] | None = None) -> str:
        (tmp_path / "mine.yaml").write_text(mine)
        merged = _merged(DEMO, yaml.safe_load(mine) or {})
        if arm:
            (tmp_path / "arms/my.yaml").write_text(arm)
            merged["arms"] = ["baseline", "my"]
        with pytest.raises(ConfigError) as error:
            make_plan(_merged(merged, config or {}), ["demo.yaml", "mine.yaml"])
        return str(error.value)

    return told


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """As Snakemake merges: mappings deeply, all else replaced."""
    merged = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged


@pytest.mark.parametrize(
    ("mine", "words"),
    [
        ("train: {rnak: 4}", "mine.yaml: train.rnak: unknown key; the nearest known key is train.rank"),
        ("train: {loss: {knd: mse}}", "train.loss.knd: unknown key; the nearest known key is train.loss.kind"),
        ("rank: 4", "rank: unknown key; the nearest known key is train.rank"),
        ("xyzzy: 4", "xyzzy: unknown key; known here: corpus, regularization, base"),
        ("train: {rank: many}", "train.rank: expected whole number ≥ 1, got 'many'"),
        ("train: {rank: 4.5}", "train.rank: expected whole number ≥ 1, got 4.5"),
        ("train: {rank: yes}", "train.rank: expected a number, got true or false"),
        ("train: {warmup: -1}", "train.warmup: expected number ≥ 0, got -1"),
        ("train: {lr_text: 0}", "train.lr_text: expected number > 0 or null, got 0"),
        ("train: {loss: {kind: hubr}}", "expected mse or l1 or huber or smooth_l1, got 'hubr'; the nearest is huber"),
        ("train: {precision: no}", 'train.precision: expected "no" or bf16 or fp16, got False'),
        ("train: {optimizer: {betas: [0.9]}}", "betas[1]: missing; expected list of 2"),
        ("train: {exclude_words: voice}", "train.exclude_words: expected list, each: text, got 'voice'"),
        ("train: {clip_skip: 3}", "mine.yaml: train.clip_skip: 3 is more than the 2 layers"),
        ("train: {lr_text: 1.0e-3, lr_text_2: 1.0e-3}", "mine.yaml: train.lr_text_2: the base tiny has one text encoder"),
        ("train: {rank: 0}", "mine.yaml: train.rank: expected whole number ≥ 1, got 0"),
        ("train: {alpha: .nan}", "mine.yaml: train.alpha: expected number > 0, got nan"),
        ("train: {alpha: .inf}", "mine.yaml: train.alpha: expected number > 0, got inf"),
        ("train: {optimizer: {kind: lyon}}", "mine.yaml: train.optimizer: expected mapping with kind: adamw or adamw8bit or lion"),
        ("train: {optimizer: {kind: lion, eps: 1}}", "mine.yaml: train.optimizer.eps: unknown key"),
        ("train: {optimizer: {kind: prodigy}}", "mine.yaml: train: optimizer prodigy finds the step size itself: set lr to 1"),
        ("train: 5", "train: expected mapping, got 5"),
        ("spectrogram: {width: 100}", "mine.yaml: spectrogram: 4.064 s make 128 frames"),
        ("spectrogram: {hops: 5}", "mine.yaml: spectrogram.hops: unknown key; the nearest known key is spectrogram.hop"),
        ("spectrogram: {kind: rifusion}", "spectrogram: expected mapping with kind: mel_db or riffusion or audio_diffusion or ma_ddpm or dual_diffusion or bigvgan, got kind: rifusion; the nearest is riffusion"),
        ("spectrogram: {kind: mel_db, n_mels: many}", "spectrogram.n_mels: expected whole number > 0, got 'many'"),
        ("spectrogram: {kind: bigvgan}", "mine.yaml: spectrogram: 4.064 s make 350 frames, more than width 128"),
        ("spectrogram: [mel_db]", "spectrogram: expected mapping with kind"),
        ("spectrogram: {width: 136}", "mine.yaml: spectrogram: 64 rows × 136 columns; both must be multiples of 16 for this base, so choose 64 × 144 (tiny)"),
        ("seeds: []", "mine.yaml: seeds: at least one is needed"),
        ("seeds: [1, 1]", "seeds: given more than once: 1"),
        ("seeds: [0, -1]", "seeds[1]: expected whole number ≥ 0, got -1"),
        ("arms: [baseline, hubr]", "arms: there is no hubr in arms; the nearest is huber; known: "),
        ("arms: [baseline, huber, huber]", "arms: given more than once: huber"),
        ("arms: [baseline, real-audio]", "arms: the name real-audio belongs to a fixed row"),
        ("arms: [baseline, Huber]", "arms[1]: expected name of a–z"),
        ("arms: [huber]", "mine.yaml: arms: the baseline baseline is not among arms (huber)"),
        ("baseline: huberr", "mine.yaml: baseline: the baseline huberr is not among arms"),
        ("corpus: styl", "mine.yaml: corpus: there is no styl; the nearest is style; known: broad, style"),
        ("base: sd", "base: there is no sd; known: tiny"),
        ("bases: {tiny: {corpus: brod}}", "mine.yaml: bases.tiny.corpus: there is no brod"),
        ("embedder: {corpora: [brod]}", "mine.yaml: embedder.corpora: there is no brod"),
        ("corpora: {x: {kind: minmidi}}", "expected mapping with kind: minimidi or song_describer"),
        ("corpora: {x: {part: broad}}", "corpora.x: kind is missing"),
        ("corpora: {x: {kind: minimidi}}", "corpora.x.part: missing; `broad` teaches"),
        ("corpora: {My X: {kind: minimidi, part: broad}}", "'My X' is not a name of a–z"),
        ("regularization: broad", "regularization is broad and train.regularization null"),
        ("train: {regularization: {}}", "regularization is null and train.regularization set"),
        ("train: {augment_share: .5}", "latents.specaugment is null and train.augment_share 0.5"),
        ("latents: {specaugment: {}}", "latents.specaugment is set and train.augment_share 0"),
        ("scores: {metrics: [diversity]}", "scores.metrics: table.primary is text_audio_similarity"),
        ("sweep: {train.rank: [5, 5]}", "mine.yaml: sweep: two combinations are both named rank-5"),
        ("sweep: {train.alpha: [5, 5.0]}", "alpha-5.0 differs from the arm alpha-5 in nothing"),
        ("sweep: {train.rank: []}", "sweep: train.rank has no values"),
        ("sweep: {train.rank: 4}", "sweep.train.rank: expected list, got 4"),
        ("sweep: {train.rnk: [4]}", "mine.yaml: sweep: train.rnk: unknown key; the nearest known key is train.rank"),
        ("sweep: {train.rank: [6, x]}", "mine.yaml: sweep: train.rank: expected whole number"),
    ],
)  # fmt: skip
def test_a_wrong_study_is_explained(said: Said, mine: str, words: str) -> None:
    assert words in said(mine)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("{train.rnak: 3}", "arms/my.yaml: train.rnak: unknown key; the nearest known key is train.rank"),
        ("{train.rank: 0}", "arms/my.yaml: train.rank: expected whole number ≥ 1, got 0"),
        ("{seeds: [3]}", "arms/my.yaml: changes: seeds belongs to the whole study; an arm may change corpus"),
        ("{train.rank: 4}", "arms/my.yaml: the arm my differs from the baseline in nothing"),
        ("{}", "arms/my.yaml: the arm my differs from the baseline in nothing"),
        ("{train.loss.c: 0.3}", "only in what has no effect: train.loss.c (train.loss.kind is mse)"),
        ("{train.rank: 3, train: {rank: 4}}", "arms/my.yaml: changes: train.rank is given twice"),
        ("{spectrogram.width: 100}", "arms/my.yaml: spectrogram: 4.064 s make 128 frames"),
        ("{spectrogram: {kind: riffusion, hop: 441}}", "arms/my.yaml: spectrogram.hop: unknown key"),
        ("{spectrogram.kind: ma_ddpm, spectrogram.hop: 500}", "arms/my.yaml: spectrogram: a hop of 500 samples is longer than a window of 480"),
        ("{spectrogram.n_mels: 72}", "arms/my.yaml: spectrogram: 72 rows × 128 columns; both must be multiples of 16"),
        ("{spectrogram: {kind: dual_diffusion}}", "arms/my.yaml: spectrogram: stereo makes 2 planes, but the autoencoder of this base has 1 channel; set stereo: false (tiny)"),
        ("{corpus: styl}", "arms/my.yaml: corpus: there is no styl; the nearest is style"),
        ("{train.warm_start.arm: you}", "arms/my.yaml: train.warm_start.arm: there is no you; known: baseline, my"),
        ("{train.warm_start.arm: my}", "arms/my.yaml: train.warm_start.arm: a circle of arms: my → my"),
        ("{train.warm_start.arm: baseline, train.lr_text: 1e-4}", "need the same train.lr_text"),
        ("{train.warm_start.arm: baseline, train.targets: attention}", "same train.targets: here attention, there all"),
        ("{train.warm_start.arm: baseline, train.rank: 2}", "train.rank: 2 cannot hold the rank 4 of baseline"),
        ("{train.warm_start: {}}", "arms/my.yaml: train.warm_start: give an arm or a path, one of both"),
        ("{train.warm_start: {arm: baseline, path: a.safetensors}}", "give an arm or a path, one of both"),
        ("{train.rank: true}", "arms/my.yaml: train.rank: expected a number, got true or false"),
        ("{train.batch_size: {times: 1.1}}", "arms/my.yaml: train.batch_size: 8 × 1.1 = 8.8, but it must be a whole number"),
        ("{train.batch_size: {times: 0.01}}", "arms/my.yaml: train.batch_size: 8 × 0.01 = 0.08, but it must be a whole number"),
        ("{train.batch_size: {times: two}}", "arms/my.yaml: train.batch_size.times: expected number > 0, got 'two'"),
        ("{train.batch_size: {times: true}}", "arms/my.yaml: train.batch_size.times: expected number > 0, got True"),
        ("{train.batch_size: {times: -2}}", "arms/my.yaml: train.batch_size.times: expected number > 0, got -2"),
        ("{train.batch_size: {times: .inf}}", "arms/my.yaml: train.batch_size.times: expected number > 0, got inf"),
        ("{train.batch_size: {times: 2, plus: 1}}", "arms/my.yaml: train.batch_size: times stands alone; take out plus"),
        ("{train.min_snr_gamma: {times: 2}}", "arms/my.yaml: train.min_snr_gamma: times multiplies the baseline's number, but it has nothing here"),
        ("{train.rank: {times: 2, or: 3, plus: 1}}", "arms/my.yaml: train.rank: times stands alone; take out plus"),
        ("{train.lr_text: {times: 2, or: much}}", "arms/my.yaml: train.lr_text: expected number > 0 or null, got 'much'"),
        ("{train.schedule: {times: 2}}", "arms/my.yaml: train.schedule: times multiplies the baseline's number, but it has 'cosine' here"),
        ("{train.rnk: {times: 2}}", "arms/my.yaml: train.rnk: unknown key; the nearest known key is train.rank"),
        ("{train.warmup: {times: 377}}", "arms/my.yaml: train: warmup 7.54 is neither a share below 1 nor a whole number of steps"),
        ("{train.batch_size: {times: 1}}", "arms/my.yaml: the arm my differs from the baseline in nothing"),
        ("{latents.specaugment: {time_width: 40}, train.augment_share: .5}", "latents.specaugment.time_width: expected number ≥ 0 and ≤ 1, got 40"),
        ("\n  train.rank: 3\n  train.rank: 5", "arms/my.yaml: line 4: the key train.rank is given twice, first on line 3"),
    ],
)  # fmt: skip
def test_a_wrong_arm_is_explained(said: Said, changes: str, words: str) -> None:
    assert words in said(arm=f"label: x\nchanges: {changes}\n")


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("# nothing", "arms/my.yaml: expected label, claim and changes"),
        ("label: ''\n", "arms/my.yaml: label: expected text not empty, got ''"),
        (
            "label: x\nchange: {train.rank: 3}\n",
            "change: unknown key; the nearest known key is changes",
        ),
        ("label: Baseline\nchanges: {train.rank: 3}\n", "is the label of the arm baseline too"),
        ("label: x\nclaim: {verdict: better}\n", "claim.verdict: expected improved or worse"),
        ("label: x: y\n", "arms/my.yaml: line 1: mapping values are not allowed"),
    ],
)
def test_a_wrong_arm_file_is_explained(said: Said, arm: str, words: str) -> None:
    assert words in said(arm=arm)


def test_another_kind_of_codec_replaces_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms/baseline.yaml").write_text("label: Baseline\n")
    for name, kind, more in (("a", "riffusion", "width: 608"), ("b", "bigvgan", "fmin: 20")):
        text = f"label: {name}\nchanges:\n  spectrogram: {{kind: {kind}, {more}}}\n"
        (tmp_path / f"arms/{name}.yaml").write_text(text)
    arms = make_plan(DEMO | {"arms": ["baseline", "a", "b"]}).arms
    assert [arm.recipe.spectrogram.kind for arm in arms.values()] == [
        "mel_db",
        "riffusion",
        "bigvgan",
    ]
    assert arms["a"].recipe.spectrogram.size == (512, 608)
    assert arms["b"].recipe.spectrogram.band == (20, 22050)
    mel_db = arms["baseline"].recipe.spectrogram
    assert mel_db.size == (64, 128) and mel_db.seconds == 4.064


def test_images_must_fit_a_base_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    for part, levels in (("vae", 4), ("unet", 4)):
        (tmp_path / "sd" / part).mkdir(parents=True)
        config = {"block_out_channels": [1] * levels, "in_channels": 3}
        (tmp_path / "sd" / part / "config.json").write_text(json.dumps(config))
    base = "bases: {sd: {kind: folder, path: sd}}\nbase: sd\n"
    for codec, words in (
        ("{kind: ma_ddpm}", "224 rows × 416 columns; both must be multiples of 64"),
        ("{kind: audio_diffusion, width: 300}", "256 rows × 300 columns"),
    ):
        whole = {**DEMO, "spectrogram": yaml.safe_load(codec), **yaml.safe_load(base)}
        whole["arms_folder"] = str(ROOT / "config/arms")
        with pytest.raises(ConfigError, match=words):
            make_plan(whole)
    for codec in ("{kind: riffusion, stereo: true}", "{kind: dual_diffusion}", "{kind: bigvgan}"):
        whole = {**DEMO, "spectrogram": yaml.safe_load(codec), **yaml.safe_load(base)}
        make_plan(whole | {"arms_folder": str(ROOT / "config/arms")})


def test_a_key_is_said_to_stand_where_it_stands(said: Said) -> None:
    assert said("train: {rank: 0}", config={}).startswith("mine.yaml: train.rank")
    assert said("", config={"train": {"lr": 0}}).startswith("command line (--config): train.lr")
    assert said("", config={"train": {"lrr": 1}}).startswith("command line (--config): train.lrr")
    several = said("train: {rank: 0, lr: 0}\nseeds: [x]").split("\n")
    assert len(several) == 3 and all(line.startswith("mine.yaml: ") for line in several)


def test_a_key_given_twice_in_a_study_is_an_error(said: Said) -> None:
    text = "train: {rank: 5}\nseeds: [0]\ntrain: {rank: 6}\n"
    assert said(text) == "mine.yaml: line 3: the key train is given twice, first on line 1"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for name, text, words in (
        ("a.yaml", "a: {b: 1\n", "line 2"),
        ("b.yaml", "? [a]\n: 1\n", "line 1: a key is a word"),
        ("c.json", '{"a": 1, "a": 2}', "the key a is given twice"),
        ("d.yaml", "a: &x {b: 1}\nc: {<<: *x, b: 1, b: 2}\n", "line 2: the key b"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match=words):
            read_config(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")
    (tmp_path / "e.yaml").write_text("a: &x {b: 1}\nc: {<<: *x, d: 2}\n")
    assert read_config(tmp_path / "e.yaml")["c"] == {"b": 1, "d": 2}


def test_the_projects_studies_are_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # without data
    folder = ROOT / "config"
    for names in (["config.yaml"], ["demo.yaml"], ["demo.yaml", "demo-full.yaml"]):
        config: dict[str, Any] = {}
        for name in names:
            config = _merged(config, read_config(folder / name))
        assert make_plan(config, [folder / name for name in names]).arms


def test_generated_files_are_current() -> None:
    for file, text in (("config/schema.json", schema()), ("docs/config.md", page())):
        current = (ROOT / file).read_text(encoding="utf-8") == text
        assert current, f"{file} is not what the config model says: run `make docs`"


def test_the_schema_takes_the_demo_and_refuses_what_is_wrong() -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(schema()))
    assert not list(validator.iter_errors(DEMO))
    for wrong in ({"rnak": 1}, {"train": {"rank": 0}}, {"seeds": "x"}):
        assert list(validator.iter_errors(DEMO | wrong))


def test_every_option_is_documented() -> None:
    rows = [line.split(" | ") for line in page().split("\n") if line.startswith("| `")]
    assert len(rows) > 100
    assert not [row[0] for row in rows if not row[3].strip(" |")]


def test_parsing_imports_nothing_heavy() -> None:
    heavy = {"torch", "diffusers", "transformers", "numpy", "pandas", "pyarrow", "snakemake"}
    code = (
        "import sys, melablate.plan, melablate.identity;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "scripts",
        env={"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
