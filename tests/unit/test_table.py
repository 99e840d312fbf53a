"""From score files to the table that people read."""

import csv
import importlib
import json
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

PROMPTS = [f"{number:016x}" for number in range(8)]
ARMS = {"baseline": 0.0, "better": 0.2, "worse": -0.2, "same": 0.0}
FIXED = {"untuned-base": -0.3, "codec-ceiling": 0.3, "real-audio": 0.4}
STEPS = {"baseline": 63, "better": 126, "worse": 63, "same": 32}
SUNG = PROMPTS[:3]
"""Prompts that speak of a voice."""


class Study:
    """A small study's score files."""

    def __init__(self, root, seeds=(0, 1, 2)):
        self.root, self.seeds, self.rng = root, seeds, np.random.default_rng(0)
        self.of_prompt = self.rng.normal(0, 0.1, len(PROMPTS))
        for arm, shift in ARMS.items():
            for seed in seeds:
                self.write(arm, seed, shift)
                self.record(arm, seed)
        prompts = [f'{p},"A {"CHOIR sings" if p in SUNG else "choirless"} tune",' for p in PROMPTS]
        (root / "prompts.csv").write_text("\n".join(["prompt_id,prompt,clip_id", *prompts]) + "\n")
        for row, shift in FIXED.items():
            for seed in seeds if row == "untuned-base" else [0]:
                self.write(row, seed, shift, PROMPTS if row == "untuned-base" else PROMPTS[:6])

    def path(self, arm, seed):
        return self.root / "arms" / arm / f"seed-{seed}" / "scores.csv"

    def write(self, arm, seed, shift, prompts=PROMPTS):
        lines = []
        for prompt, level in zip(prompts, self.of_prompt, strict=False):
            for sample in (0, 1):
                value = 0.4 + shift + level + self.rng.normal(0, 0.01)
                lines.append(["text_audio_similarity", prompt, sample, value])
                lines.append(["spectral_entropy", prompt, sample, 0.9 + shift / 10 + value / 1000])
        lines.append(["diversity", "", "", 0.12 + self.rng.normal(0, 0.001)])
        lines.append(["frechet_distance", "", "", 0.6 - shift + self.rng.normal(0, 0.001)])
        path = self.path(arm, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["metric", "prompt_id", "sample", "value"])
            writer.writerows(lines)

    def record(self, arm, seed, seconds=None, **settings):
        used = {"batch_size": 16 if arm == "same" else 8, "accumulation": 1} | settings
        record = {"steps": STEPS[arm], "settings": used}
        record["loop_seconds"] = seconds or 5.0 + seed / 10
        self.path(arm, seed).with_name("train.json").write_text(json.dumps(record))

    def rows(self, claims=None, **changes):
        claims = {"better": {"verdict": "worse"}, "worse": {"verdict": "improved"}} | (claims or {})
        arms = [
            {
                "name": name,
                "label": f"The {name} | row",
                "claim": {"words": f"{name}, they say", **claims.get(name, {})},
                "changes": {} if name == "baseline" else {"train.rank": 8},
            }
            for name in ARMS
        ]
        study = {"name": "small", "seeds": list(self.seeds), "baseline": "baseline"}
        return json.dumps(study | {"arms": arms, "fixed": list(FIXED)} | changes)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def make(monkeypatch, study, settings="{}", **changes):
    out = study.root / "out"
    files = [f"--out-{kind}={out / f'table.{kind}'}" for kind in ("csv", "parquet", "md", "json")]
    monkeypatch.setattr(
        sys,
        "argv",
        ["make_table", f"--settings={settings}", f"--study={study.rows(**changes)}",
         f"--scores-root={study.root / 'arms'}", f"--prompts={study.root / 'prompts.csv'}",
         *files],
    )  # fmt: skip
    importlib.import_module("make_table").main()
    return out


def cells(out, metric="text_audio_similarity"):
    table = json.loads((out / "table.json").read_text())
    return {row["name"]: row["metrics"][metric] for row in table["rows"]}


def means(study, arm, metric="text_audio_similarity", seeds=None):
    """[seeds, prompts], read anew with other code."""
    tables = []
    for seed in seeds or study.seeds:
        with study.path(arm, seed).open() as file:
            lines = [line for line in csv.DictReader(file) if line["metric"] == metric]
        ids = sorted({line["prompt_id"] for line in lines})
        tables.append(
            [np.mean([float(x["value"]) for x in lines if x["prompt_id"] == i]) for i in ids]
        )
    return np.array(tables)


def test_rows_that_help_hurt_and_do_nothing(monkeypatch, study):
    found = cells(make(monkeypatch, study))
    assert found["better"]["verdict"] == "improved"
    assert found["worse"]["verdict"] == "worse"
    assert found["same"]["verdict"] == "no difference shown"
    assert found["baseline"]["verdict"] == found["untuned-base"]["verdict"] == ""
    effect = (means(study, "better") - means(study, "baseline")).mean()
    assert found["better"]["effect"] == pytest.approx(effect)
    assert found["better"]["level"] == pytest.approx(means(study, "better").mean())
    assert found["better"]["low"] < 0.2 < found["better"]["high"]
    assert 0 < found["same"]["smallest_effect"] < 0.2


def test_a_lower_frechet_distance_is_better_and_entropy_has_no_better(monkeypatch, study):
    out = make(monkeypatch, study)
    assert cells(out, "frechet_distance")["better"]["verdict"] == "improved"
    assert cells(out, "frechet_distance")["worse"]["verdict"] == "worse"
    assert cells(out, "spectral_entropy")["better"]["verdict"] == "higher"
    assert cells(out, "spectral_entropy")["worse"]["verdict"] == "lower"


def test_metrics_of_whole_sets_are_a_paired_t_test_over_seeds(monkeypatch, study):
    found = cells(make(monkeypatch, study), "diversity")["better"]
    ours, theirs = (means(study, arm, "diversity").ravel() for arm in ("better", "baseline"))
    expected = stats.ttest_rel(ours, theirs)
    assert found["p"] == pytest.approx(expected.pvalue, rel=1e-6)
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert found["n_prompts"] == 0


def test_ceilings_are_compared_by_the_prompts_that_they_have(monkeypatch, study):
    out = make(monkeypatch, study)
    found = cells(out)["codec-ceiling"]
    ours = means(study, "codec-ceiling", seeds=[0])[0]
    theirs = means(study, "baseline")[:, :6]
    # Banerjee's interval, with the mean squares of a two-way analysis of variance.
    d = ours - theirs
    seeds, prompts = d.shape
    by_seed = prompts * ((d.mean(axis=1) - d.mean()) ** 2).sum() / (seeds - 1)
    by_prompt = seeds * ((d.mean(axis=0) - d.mean()) ** 2).sum() / (prompts - 1)
    total = ((d - d.mean()) ** 2).sum()
    rest = (total - (seeds - 1) * by_seed - (prompts - 1) * by_prompt) / (
        (seeds - 1) * (prompts - 1)
    )
    half = (
        stats.t.ppf(0.975, seeds - 1) ** 2 * by_seed
        + stats.t.ppf(0.975, prompts - 1) ** 2 * max(0, by_prompt - rest)
    ) / d.size
    assert found["effect"] == pytest.approx(d.mean())
    assert (found["low"], found["high"]) == pytest.approx(
        (d.mean() - half**0.5, d.mean() + half**0.5)
    )
    assert (found["n_seeds"], found["n_prompts"]) == (1, 6)
    level = stats.t.interval(0.95, 5, ours.mean(), stats.sem(ours))
    assert (found["level_low"], found["level_high"]) == pytest.approx(level)
    # A set of 12 clips has another diversity than one of 16 whatever its quality.
    assert cells(out, "diversity")["codec-ceiling"]["effect"] is None


def test_verdicts_are_corrected_over_arms_and_not_over_fixed_rows(monkeypatch, study):
    """Of sets: a t-test whose variance is drawn to that of the two other arms, times three."""
    found = cells(make(monkeypatch, study), "frechet_distance")
    assert found["untuned-base"]["p_holm"] is None
    names = ("better", "worse", "same")
    base = means(study, "baseline", "frechet_distance")
    d = {name: (means(study, name, "frechet_distance") - base).ravel() for name in names}
    own = {name: values.var(ddof=1) for name, values in d.items()}
    p_values = {}
    for name in names:
        others = np.mean([own[other] for other in names if other != name])
        t = d[name].mean() / np.sqrt((2 * own[name] + 4 * others) / 6 / 3)
        p_values[name] = 2 * stats.t.sf(abs(t), 6)
    smallest = min(names, key=lambda name: p_values[name])
    expected = max(3 * p_values[smallest], found[smallest]["p"])
    assert found[smallest]["p_holm"] == pytest.approx(expected, rel=1e-5)


def test_one_seed_gives_intervals_over_prompts_and_no_verdict(monkeypatch, tmp_path):
    study = Study(tmp_path, seeds=(4,))
    out = make(monkeypatch, study)
    found = cells(out)["better"]
    expected = stats.ttest_rel(means(study, "better")[0], means(study, "baseline")[0])
    assert (found["low"], found["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert found["verdict"] == "one seed: no verdict"
    assert found["p"] is found["p_holm"] is found["smallest_effect"] is None
    assert cells(out, "diversity")["better"]["low"] is None
    assert "One seed: no verdict" in (out / "table.md").read_text()


def test_same_scores_same_bytes(monkeypatch, study):
    first = {path.name: path.read_bytes() for path in make(monkeypatch, study).iterdir()}
    second = {path.name: path.read_bytes() for path in make(monkeypatch, study).iterdir()}
    assert first == second
    assert set(first) == {"table.csv", "table.parquet", "table.md", "table.json"}


def test_csv_and_parquet_hold_the_same_row_for_each_arm_and_metric(monkeypatch, study):
    out = make(monkeypatch, study)
    rows = pq.read_table(out / "table.parquet").to_pylist()
    with (out / "table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(rows) == len(lines) == (len(ARMS) + len(FIXED)) * 4
    for row, line in zip(rows, lines, strict=True):
        assert {key: "" if value is None else str(value) for key, value in row.items()} == line


def test_markdown_shows_claim_beside_measurement(monkeypatch, study):
    text = (make(monkeypatch, study) / "table.md").read_text()
    order = ["Untuned base", "Codec ceiling", "Real held-out", "baseline", "better", "worse"]
    places = [text.index(f"{name}") for name in order]
    assert places == sorted(places)
    row = next(line for line in text.splitlines() if "The better" in line)
    assert "❌ better, they say" in row and "**improved**" in row and "The better \\| row" in row
    counts = {line.replace("\\|", "").count("|") for line in text.splitlines() if line[:1] == "|"}
    assert len(counts) == 1
    assert "over the 3 arms (Holm" in text and "Seeds 0, 1, 2; 8 prompts" in text


def test_checks_say_whether_floor_and_ceiling_are_in_place(monkeypatch, study, capsys):
    make(monkeypatch, study)
    assert "holds: the baseline beats the untuned base" in capsys.readouterr().out
    for seed in study.seeds:
        study.write("untuned-base", seed, 0.3)
    make(monkeypatch, study)
    assert "FAILS: the baseline beats the untuned base" in capsys.readouterr().out


def edit(study, arm, seed, change):
    path = study.path(arm, seed)
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("diversity,,,", "diversity,,,nan"), ["diversity", "nan"]),
        (lambda t: t.replace("diversity,", "sharpness,"), ["no diversity"]),
        (lambda t: "\n".join(x for x in t.splitlines() if PROMPTS[3] not in x), [PROMPTS[3]]),
        (lambda t: "metric,prompt_id,sample,value\n", ["no scores"]),
        (lambda t: t.replace("value", "worth", 1), ["not a file of scores"]),
    ],
)
def test_what_is_missing_is_named_with_arm_and_seed(monkeypatch, study, change, words):
    edit(study, "worse", 2, change)
    with pytest.raises(SystemExit) as stop:
        make(monkeypatch, study)
    for word in ["arm worse", "seed 2", *words]:
        assert word in str(stop.value)


def test_a_missing_run_and_a_missing_primary_metric_are_named(monkeypatch, study):
    with pytest.raises(SystemExit, match="diversity_cosine"):
        make(monkeypatch, study, '{"primary": "diversity_cosine"}')
    study.path("same", 1).unlink()
    with pytest.raises(SystemExit, match="arm same, seed 1"):
        make(monkeypatch, study)


def test_an_arm_asked_for_other_prompts_is_not_compared(monkeypatch, study):
    for seed in study.seeds:
        study.write("same", seed, 0, PROMPTS[:-1])
    with pytest.raises(SystemExit, match=f"arm same: prompt {PROMPTS[-1]}"):
        make(monkeypatch, study)


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_the_terminal_shows_every_row_plainly_within_its_width(monkeypatch, study, capsys, columns):
    out = make(monkeypatch, study)
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("")
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["show_table", str(out)])
    importlib.import_module("show_table").main()
    text = capsys.readouterr().out
    # The last line is the report's path, which is as long as it is.
    assert max(map(len, text.splitlines()[:-1])) <= columns
    assert "\x1b" not in text and "…" not in text
    for words in ["The better | row", "improved", "not shown", "Real held-out audio", "Fréchet"]:
        assert words in text
    assert text.splitlines()[-1] == f"Report: {out / 'report' / 'index.html'}"


def test_a_study_without_a_table_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["show_table", str(tmp_path)])
    with pytest.raises(SystemExit, match="run the study first"):
        importlib.import_module("show_table").main()
