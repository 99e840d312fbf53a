"""A claim is judged by what it is about; what trained longer, or could not be seen, is said."""

import csv
import importlib
import json
import sys

import numpy as np
import pytest
from melablate.config_files import read_config
from melablate.report.claim_settings import Claim
from melablate.report.claims import agreement
from melablate.report.times import with_times
from scipy import stats
from test_arms import ROOT
from test_table import PROMPTS, STEPS, SUNG, Study, cells, make, means

UNSEEN = "no difference shown"


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def rows(out):
    return {row["name"]: row for row in json.loads((out / "table.json").read_text())["rows"]}


def claim(verdict, metric, **more):
    return {"verdict": verdict, "metric": metric, **more}


def test_every_claim_is_judged_by_its_own_figure(monkeypatch, study):
    claims = {
        "better": claim("improved", "frechet_distance"),  # lower by .2
        "worse": claim("improved", "text_audio_similarity"),  # lower by .2
        "same": claim("worse", "diversity"),
    }
    out = make(monkeypatch, study, claims=claims)
    found = {name: row["claimed"] for name, row in rows(out).items()}
    assert found["better"]["agreement"] == "as claimed"
    assert found["worse"]["agreement"] == "against the claim"
    assert found["same"]["agreement"] == "not shown either way"
    for name, metric in (("better", "frechet_distance"), ("same", "diversity")):
        cell = cells(out, metric)[name]
        assert found[name]["metric"] == metric
        assert {key: found[name][key] for key in ("effect", "low", "high", "p_holm")} == {
            key: cell[key] for key in ("effect", "low", "high", "p_holm")
        }
    assert found["baseline"] is None and found["untuned-base"] is None


def test_what_no_metric_measures_agrees_with_nothing(monkeypatch, study):
    claims = {"better": claim("improved", None), "worse": claim("worse", "diversity_cosine")}
    out = make(monkeypatch, study, claims=claims)
    assert rows(out)["better"]["claimed"] is None
    assert rows(out)["worse"]["claimed"] is None  # not among this study's scores
    text = (out / "table.md").read_text()
    line = next(line for line in text.splitlines() if "The better" in line)
    assert "no metric measures it" in line and "as claimed" not in text


@pytest.mark.parametrize(
    ("verdict", "metric", "effect", "shown", "said"),
    [
        ("improved", "text_audio_similarity", 0.1, "improved", "as claimed"),
        ("improved", "text_audio_similarity", -0.1, "worse", "against the claim"),
        ("worse", "text_audio_similarity", -0.1, "worse", "as claimed"),
        ("improved", "diversity", 0.1, "higher", "as claimed"),  # no mode collapse
        ("worse", "diversity", -0.1, "lower", "as claimed"),  # mode collapse
        ("worse", "diversity", 0.1, "higher", "against the claim"),
        ("improved", "frechet_distance", -0.1, "improved", "as claimed"),
        ("worse", "frechet_distance", -0.1, "improved", "against the claim"),
        ("worse", "seconds", 0.6, "shown", "as claimed"),
        ("indeterminate", "text_audio_similarity", 0.1, "improved", "claim was open"),
        ("indeterminate", "text_audio_similarity", 0.1, UNSEEN, "not shown either way"),
        ("improved", "diversity", 0.1, UNSEEN, "not shown either way"),
        ("worse", "diversity", 0.1, UNSEEN, "not shown either way"),
        ("improved", "diversity", 0.1, "one seed: no verdict", ""),
        ("none", "diversity", 0.1, "higher", ""),
        ("improved", None, 0.1, "improved", ""),
    ],
)
def test_not_to_see_a_difference_confirms_nothing(verdict, metric, effect, shown, said):
    assert agreement(Claim(verdict=verdict, metric=metric), effect, shown) == said


def test_a_claim_about_some_prompts_is_judged_on_them(monkeypatch, study):
    """Better where nobody sings, worse by more where somebody does."""
    for seed in study.seeds:
        path = study.path("same", seed)
        lines = list(csv.reader(path.open()))
        for line in lines[1:]:
            if line[0] == "text_audio_similarity":
                line[3] = float(line[3]) + (-0.9 if line[1] in SUNG else 0.2)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(lines)
    told = claim("improved", "text_audio_similarity", prompts_without=["sings", "choir"])
    out = make(monkeypatch, study, claims={"same": told})
    whole, found = cells(out)["same"], rows(out)["same"]["claimed"]
    apart = [index for index, prompt in enumerate(PROMPTS) if prompt not in SUNG]
    d = (means(study, "same") - means(study, "baseline"))[:, apart]
    assert found["effect"] == pytest.approx(d.mean()) and found["effect"] > 0.15
    assert found["n_prompts"] == len(apart) == 5
    assert found["agreement"] == "as claimed"
    assert whole["effect"] < 0 and whole["n_prompts"] == 8  # the row itself is of all prompts
    text = (out / "table.md").read_text()
    assert "text–audio similarity of 5 prompts: as claimed" in text
    assert "judged on the 5 prompts without sings, choir" in text


def test_a_filter_of_prompts_needs_a_metric_of_prompts():
    with pytest.raises(ValueError, match="prompts_without needs a metric of single prompts"):
        Claim(verdict="improved", metric="diversity", prompts_without=("voice",))


def test_training_time_is_a_paired_t_interval_of_its_logarithm(monkeypatch, study):
    seconds = {"baseline": [5.0, 5.2, 4.9], "better": [9.4, 8.3, 7.9], "same": [5.1, 5.0, 5.2]}
    for name, found in seconds.items():
        for seed, value in zip(study.seeds, found, strict=True):
            study.record(name, seed, value)
    claims = {
        "better": claim("worse", "seconds"),
        "same": claim("improved", "seconds"),
    }
    out = make(monkeypatch, study, claims=claims)
    table = json.loads((out / "table.json").read_text())
    found = {row["name"]: row for row in with_times(table, study.root / "arms")["rows"]}
    logs = np.log(np.array(seconds["better"]) / np.array(seconds["baseline"]))
    low, high = stats.ttest_1samp(logs, 0).confidence_interval()
    time = found["better"]["time"]
    assert time["ratio"] == pytest.approx(
        stats.gmean(seconds["better"]) / stats.gmean(seconds["baseline"])
    )
    assert (time["low"], time["high"]) == pytest.approx((np.exp(low), np.exp(high)))
    assert found["better"]["claimed"]["agreement"] == "as claimed"
    assert found["same"]["claimed"]["agreement"] == "not shown either way"
    assert found["untuned-base"]["time"] is None
    # The table's own files hold no time: they are the same whenever the study is run again.
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    study.record("better", 0, 99.0)
    after = {
        path.name: path.read_bytes() for path in make(monkeypatch, study, claims=claims).iterdir()
    }
    assert before == after
    (study.path("better", 1).with_name("train.json")).unlink()
    assert with_times(table, study.root / "arms")["rows"][4]["time"] is None


def test_rows_that_trained_longer_are_named(monkeypatch, study):
    study.record("worse", 0, warm_start={"arm": "better"})
    out = make(monkeypatch, study)
    found = rows(out)
    assert found["better"]["training"]["steps"] == STEPS["better"]
    assert found["better"]["training"]["images_seen"] == 126 * 8
    assert found["worse"]["training"]["steps_before"] == 126
    assert found["real-audio"]["training"] is None
    note = next(x for x in (out / "table.md").read_text().splitlines() if "Not as long" in x)
    assert "baseline trained 63 steps and saw 504 images" in note
    assert "better \\| row 126 (1008)" in note and "same \\| row 32 (512)" in note
    assert "worse \\| row 63 (504) after 126 of another arm" in note
    with (out / "table.csv").open() as file:
        line = next(x for x in csv.DictReader(file) if x["arm"] == "better")
    assert (line["steps"], line["images_seen"], line["steps_before"]) == ("126", "1008", "0")


def test_the_smallest_effects_stand_beside_the_way_to_real_audio(monkeypatch, study):
    """Of unequal rows; one that is the baseline over again says nothing of what could be seen."""
    for seed in study.seeds:
        study.path("same", seed).write_text(study.path("baseline", seed).read_text())
    for seed, shift in zip(study.seeds, (-0.2, 0.0, 0.2), strict=True):
        study.write("worse", seed, shift)
    out = make(monkeypatch, study)
    found, text = cells(out), (out / "table.md").read_text()
    whole = found["real-audio"]["effect"]
    small, large = found["better"]["smallest_effect"], found["worse"]["smallest_effect"]
    assert small < whole < large
    note = next(line for line in text.splitlines() if "smallest effect" in line)
    assert f"{np.median([small, large]):.4f} in the median of 2 arms" in note
    assert f"{small:.4f} to {large:.4f} by row" in note
    assert "(1 arm as good as equal to the baseline left out)" in note
    assert f"from the baseline to real audio is {whole:.4f}; 1 arm marked †" in note
    assert ["†" in line for line in text.splitlines() if "row |" in line and "The " in line] == [
        "The worse" in line for line in text.splitlines() if "row |" in line and "The " in line
    ]


def test_the_notes_say_what_a_frechet_distance_of_few_clips_is(monkeypatch, study):
    text = (make(monkeypatch, study) / "table.md").read_text()
    assert "to the corpus' training clips" in text
    assert "of 16 clips (fewer than 160) it depends on their number" in text


def test_diversity_has_no_better_side(monkeypatch, study):
    for seed in study.seeds:
        path = study.path("better", seed)
        path.write_text(path.read_text().replace("diversity,,,0.1", "diversity,,,0.9"))
    assert cells(make(monkeypatch, study), "diversity")["better"]["verdict"] == "higher"


def test_a_ceilings_sets_are_compared_with_the_baseline_of_every_seed(monkeypatch, study):
    study.write("real-audio", 0, 0.4)  # as many clips as the arms
    out = make(monkeypatch, study)
    for metric in ("diversity", "frechet_distance"):
        ours = means(study, "real-audio", metric, seeds=[0]).item()
        theirs = means(study, "baseline", metric).ravel()
        expected = stats.ttest_1samp(ours - theirs, 0)
        found = cells(out, metric)["real-audio"]
        assert found["effect"] == pytest.approx((ours - theirs).mean())
        assert (found["low"], found["high"]) == pytest.approx(tuple(expected.confidence_interval()))


def test_seeds_with_unlike_numbers_of_samples_are_not_averaged(monkeypatch, study):
    path = study.path("same", 1)
    lines = path.read_text().splitlines()
    lost = next(x for x in lines if x.startswith(f"text_audio_similarity,{PROMPTS[2]},1"))
    path.write_text("\n".join(x for x in lines if x != lost) + "\n")
    with pytest.raises(
        SystemExit, match=f"arm same, seed 1: 1 of .* for prompt {PROMPTS[2]}.* has 2"
    ):
        make(monkeypatch, study)


def test_labels_and_claims_are_text_in_markdown(monkeypatch, study):
    nasty = "<img src=x> & *bold* `code` [a](b) a_b_c | cut"
    rows = json.loads(study.rows())
    rows["arms"][1] |= {"label": nasty, "claim": {"words": nasty}}
    monkeypatch.setattr(study, "rows", lambda **_: json.dumps(rows))
    line = next(
        x for x in (make(monkeypatch, study) / "table.md").read_text().splitlines() if "img" in x
    )
    assert "<" not in line and "&lt;img src=x&gt; &amp;" in line
    for sign in "*`[]_|":
        inside = line[: line.index("0.")].split(" | ")[0]
        assert f"\\{sign}" in inside


def test_the_terminal_tells_steps_claims_and_what_could_not_be_seen(monkeypatch, study, capsys):
    for seed, shift in zip(study.seeds, (-0.2, 0.0, 0.2), strict=True):
        study.write("worse", seed, shift)
        study.record("better", seed, 20.0)
    claims = {"better": claim("improved", "seconds"), "same": claim("improved", "diversity")}
    make(monkeypatch, study, claims=claims)
    for name in ("table.json",):
        (study.root / name).write_text((study.root / "out" / name).read_text())
    capsys.readouterr()
    for columns in (80, 120, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["show_table", str(study.root)])
        importlib.import_module("show_table").main()
        text = " ".join(capsys.readouterr().out.split())
        assert "not shown †" in text and "steps" in text and " 126 " in text
        assert "training time: against the claim" in text
        assert "diversity: not shown either way" in text


def test_the_projects_claims_are_about_what_they_are_judged_by():
    """Claims of things that nothing here measures have no metric, whatever their mark."""
    measured = {
        "text_audio_similarity": ("text encoder associations", "prompt adherence", "instrumental"),
        "diversity": ("mode collapse", "inference variety"),
        "frechet_distance": ("audio quality",),
        "seconds": ("faster training",),
    }
    found = 0
    for path in (ROOT / "config/arms").glob("*.yaml"):
        told = Claim.model_validate(read_config(path).get("claim", {}))
        if told.metric:
            assert any(words in told.words for words in measured[told.metric]), path
            found += 1
        else:
            assert not any(words in told.words for some in measured.values() for words in some), (
                path
            )
    assert found == 11
