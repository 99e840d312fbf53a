"""The project's arm files say in every study what their labels say."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from melablate.config_errors import ConfigError
from melablate.config_files import read_config
from melablate.plan import Plan, make_plan
from melablate.training.buckets import fit

ROOT = Path(__file__).parents[2]
STUDIES = {
    "demo": ["demo.yaml"],
    "demo-full": ["demo.yaml", "demo-full.yaml"],
    "song-describer": ["config.yaml"],
}
IMAGES = (84, 555)
"""Training images, of the demo and of about so many of Song Describer's valid tracks."""


@pytest.fixture(params=STUDIES.values(), ids=STUDIES.keys())
def plan(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A shipped study's plan, without its data."""
    monkeypatch.chdir(tmp_path)
    config: dict[str, Any] = {}
    for name in request.param:
        config |= read_config(ROOT / "config" / name)
    return make_plan(config, [ROOT / "config" / name for name in request.param])


SWEEPS = {
    "learning-rate": ("train.lr", 1.0e-5, 3.0e-3),
    "warm-up": ("train.warmup", 0, 0.5),
    "beta2": ("train.optimizer.betas", [0.9, 0.9], [0.9, 0.999]),
    "weight-decay": ("train.optimizer.weight_decay", 0, 1),
}


@pytest.mark.parametrize("study", ["demo.yaml", "config.yaml"])
def test_every_sweep_fits_every_study(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {path.stem for path in (ROOT / "config/sweeps").glob("*.yaml")} == SWEEPS.keys()
    for name, (key, first, last) in SWEEPS.items():
        files = [ROOT / "config" / study, ROOT / "config/sweeps" / f"{name}.yaml"]
        made = make_plan(read_config(files[0]) | read_config(files[1]), files)
        values = [arm.changes[key] for arm in made.arms.values() if arm.name != "baseline"]
        assert (made.study.study, values[0], values[-1]) == (name, first, last)
        assert len(values) >= 4


def test_the_rate_of_full_fine_tuning_is_a_tenth(plan: Plan) -> None:
    """And the UNet alone trains, in every row that says so."""
    if "full-fine-tune" not in plan.arms:
        pytest.skip("no such row")
    base, full = (plan.arms[name].recipe.train for name in ("baseline", "full-fine-tune"))
    assert full.weights == "full" and full.lr == pytest.approx(base.lr / 10)
    lion = plan.arms["lion"].recipe.train
    assert (lion.lr_text is None) == (base.lr_text is None)
    alone = [arm for arm in plan.arms.values() if "UNet alone" in arm.label]
    assert alone and all(arm.recipe.train.lr_text is None for arm in alone)


def test_doubled_is_double(plan: Plan) -> None:
    base = plan.arms["baseline"].recipe.train
    for name, key in (("batch-size", "batch_size"), ("repeats", "repeats")):
        if name in plan.arms:
            arm = plan.arms[name]
            assert "doubled" in arm.label
            assert getattr(arm.recipe.train, key) == 2 * getattr(base, key)
            assert arm.recipe.train == base.model_copy(update={key: 2 * getattr(base, key)})


def test_up_is_up_and_further_up_is_further(plan: Plan) -> None:
    names = [name for name in ("baseline", "rank-up", "rank-further-up") if name in plan.arms]
    trains = [plan.arms[name].recipe.train for name in names]
    ranks = [train.rank for train in trains]
    assert len(ranks) > 1 and all(2 * low <= high for low, high in pairwise(ranks))
    assert len({train.alpha / train.rank for train in trains}) == 1


def test_more_steps_are_more_steps_of_the_higher_rank(plan: Plan) -> None:
    more, up, base = (
        plan.arms[name].recipe.train for name in ("more-steps", "rank-up", "baseline")
    )
    for images in IMAGES:
        steps = [train.total_steps(images) for train in (more, up, base)]
        assert steps[0] > 1.5 * steps[1] and steps[0] > 1.5 * steps[2]
    assert (more.rank, more.alpha) == (up.rank, up.alpha)


def test_specaugment_blanks_the_seeds_shares_of_the_image(plan: Plan) -> None:
    if "specaugment" not in plan.arms:
        pytest.skip("no such row")
    recipe = plan.arms["specaugment"].recipe
    found = recipe.latents.specaugment
    assert found is not None and (found.frequency_masks, found.time_masks) == (2, 2)
    # Of its 256 × 472 images the seed blanked up to 12 rows and 40 columns.
    assert round(found.frequency_width * 256) == 12
    assert round(found.time_width * 472) == 40


def test_the_real_study_trains_the_text_encoder_that_claims_are_about(plan: Plan) -> None:
    told = [arm for arm in plan.arms.values() if arm.claim.verdict != "none"]
    rows = [arm for arm in told if "text encoder" in arm.claim.words]
    assert rows
    if plan.study.study == "song-describer":  # the demo's page says that it does not
        assert all(arm.recipe.train.lr_text is not None for arm in rows)
        assert plan.arms["baseline"].recipe.train.lr_text is not None


def test_no_figure_is_sized_for_one_study(plan: Plan) -> None:
    """What an arm scales is scaled from this study's own baseline, to a whole number."""
    for arm in plan.arms.values():
        assert not [key for key in arm.changes if key.endswith(".times")]
        for key in ("train.rank", "train.batch_size", "train.repeats"):
            assert isinstance(arm.changes.get(key, 1), int)


def test_sdxl_stands_beside_sd15(plan: Plan, tmp_path: Path) -> None:
    """The same images, encoded and trained by another base; clip skip there is an error."""
    if "sdxl" not in plan.arms:
        pytest.skip("no such row")
    arms = plan.arms
    reads = {name: plan.train(name, 0).reads for name in ("baseline", "sdxl")}
    folders = {name: plan.base_folders[read["base"]] for name, read in reads.items()}
    assert folders["baseline"].endswith("stable-diffusion-v1-5")
    assert folders["sdxl"].endswith("stable-diffusion-xl-base-1.0")
    assert arms["sdxl"].recipe.model_copy(update={"base": "sd15"}) == arms["baseline"].recipe
    latents = [plan.latents[read["latents"]].reads for read in reads.values()]
    assert latents[0]["images"] == latents[1]["images"]
    (tmp_path / folders["sdxl"] / "text_encoder_2").mkdir(parents=True)
    (tmp_path / "baseline.yaml").write_text("label: B\n")
    (tmp_path / "skips.yaml").write_text("label: S\nchanges: {base: sdxl, train.clip_skip: 2}\n")
    config = read_config(ROOT / "config/config.yaml")
    with pytest.raises(ConfigError, match=r"skips.yaml: train.clip_skip: 2 has no effect.*SDXL"):
        make_plan(config | {"arms": ["baseline", "skips"], "arms_folder": str(tmp_path)})


def test_bucketing_is_the_baseline_at_another_size(plan: Plan, tmp_path: Path) -> None:
    if "bucketing" not in plan.arms:
        pytest.skip("no such row")
    base, arm = (plan.train(name, 0).reads for name in ("baseline", "bucketing"))
    assert base["base"] == arm["base"] and base["latents"] != arm["latents"]
    assert plan.latents[base["latents"]].reads == plan.latents[arm["latents"]].reads
    recipe = plan.arms["bucketing"].recipe
    assert recipe.latents.bucketing is not None
    assert fit(recipe.spectrogram.size, recipe.latents.bucketing).bucket == (320, 704)
    # Where it changes no image it is no row.
    (tmp_path / "baseline.yaml").write_text("label: B\n")
    (tmp_path / "square.yaml").write_text("label: S\nchanges: {latents.bucketing.upscale: false}\n")
    config = read_config(ROOT / "config/config.yaml")
    with pytest.raises(ConfigError, match=r"square.yaml: latents.bucketing: no effect"):
        make_plan(config | {"arms": ["baseline", "square"], "arms_folder": str(tmp_path)})
