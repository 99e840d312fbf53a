"""What no single setting shows: names that exist, arms that differ, arms that can be trained."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from .codec_checks import misfit
from .config import Recipe, Study
from .config_errors import ConfigError, unknown
from .config_files import Sources
from .fetch.assets import ASSETS
from .models.settings import TinyBase, TinyClap
from .study import ResolvedArm, flatten
from .training.buckets import fit
from .training.objective import contradiction

Arms = Mapping[str, ResolvedArm]


RESERVED = ("corpus", "fetch", "latents", "models", "music", "spectrograms")
"""Folders of results/ and logs/ that are no study's."""


def check(study: Study, arms: Arms, sources: Sources) -> None:
    """Stop at the first thing that is wrong."""
    if study.study in RESERVED:
        raise ConfigError(
            f"{sources.of('study')}: study: {study.study} is the name of a folder of results/ that "
            f"all studies share; choose one that is not {', '.join(RESERVED)}"
        )
    for source, key, name, known in _names(study, arms, sources):
        if name not in known:
            raise ConfigError(f"{source}: {key}: {unknown(name, known)}")
    for arm in arms.values():
        _check_warm_start(arm, arms)
        _check_codec(arm, arms[study.baseline], study, sources)
        _check_bucketing(arm, sources)
        _check_clip_skip(arm, study, _source(arm, "train.clip_skip", sources))
        _check_second_rate(arm, study, _source(arm, "train.lr_text_2", sources))
        _check_objective(arm, study, sources)
    if study.table.primary not in study.scores.metrics:
        raise ConfigError(
            f"{sources.of('scores.metrics')}: scores.metrics: table.primary is "
            f"{study.table.primary}, which is not among them; add it or choose another primary"
        )
    _check_differences(arms, study.baseline)


def _names(
    study: Study, arms: Arms, sources: Sources
) -> Iterator[tuple[str, str, str, Collection[str]]]:
    """Every name that points at a corpus, a base or an arm: file, key, name, what there is."""
    for name, base in study.bases.items():
        if isinstance(base, TinyBase):
            key = f"bases.{name}.corpus"
            yield sources.of(key), key, base.corpus, study.corpora
    if isinstance(study.embedder, TinyClap):
        for name in study.embedder.corpora:
            yield sources.of("embedder.corpora"), "embedder.corpora", name, study.corpora
    for name in study.fetch.assets:
        yield sources.of("fetch.assets"), "fetch.assets", name, ASSETS
    for arm in arms.values():
        recipe = arm.recipe
        yield _source(arm, "corpus", sources), "corpus", recipe.corpus, study.corpora
        yield _source(arm, "base", sources), "base", recipe.base, study.bases
        if recipe.regularization is not None:
            key = "regularization"
            yield _source(arm, key, sources), key, recipe.regularization, study.corpora
        if recipe.train.warm_start and recipe.train.warm_start.arm:
            key = "train.warm_start.arm"
            yield _source(arm, key, sources), key, recipe.train.warm_start.arm, arms


def _check_codec(arm: ResolvedArm, baseline: ResolvedArm, study: Study, sources: Sources) -> None:
    """Images that the base's autoencoder and U-Net can take."""
    recipe = arm.recipe
    base, learned = study.bases[recipe.base], baseline.recipe.spectrogram
    if said := misfit(recipe.spectrogram, base, learned, recipe.latents.bucketing):
        where = [key for key in arm.changes if key.partition(".")[0] == "spectrogram"]
        source = arm.source if where else sources.of("spectrogram")
        raise ConfigError(f"{source}: spectrogram: {said} ({arm.recipe.base})")


def _check_bucketing(arm: ResolvedArm, sources: Sources) -> None:
    """A bucket that is the image itself would only pretend to be a row."""
    bucketing, size = arm.recipe.latents.bucketing, arm.recipe.spectrogram.size
    if bucketing and not fit(size, bucketing).changes:
        where = any(key.startswith("latents.bucketing") for key in arm.changes)
        source = arm.source if where else sources.of("latents.bucketing")
        raise ConfigError(
            f"{source}: latents.bucketing: no effect, images of {size[0]} rows × {size[1]} columns "
            "are a bucket as they are; take it out, or change resolution or step"
        )


def _source(arm: ResolvedArm, key: str, sources: Sources) -> str:
    return arm.source if key in arm.changes else sources.of(key)


def _check_warm_start(arm: ResolvedArm, arms: Arms) -> None:
    """The chain ends at an arm that starts from the base, and each fits the one that it follows."""
    seen, now = [arm.name], arm
    while (start := now.recipe.train.warm_start) and start.arm:
        before = arms[start.arm]
        if before.name in seen:
            chain = " → ".join([*seen, before.name])
            raise ConfigError(f"{arm.source}: train.warm_start.arm: a circle of arms: {chain}")
        for key, one, other in _unlike(now.recipe, before.recipe):
            raise ConfigError(
                f"{now.source}: train.warm_start: {now.name} starts from {before.name}, so both "
                f"need the same {key}: here {one}, there {other}"
            )
        for key in ("rank", "conv_rank"):
            own, theirs = (getattr(arm.recipe.train, key) or 0 for arm in (now, before))
            if own < theirs:
                raise ConfigError(
                    f"{now.source}: train.{key}: {own} cannot hold the rank {theirs} of "
                    f"{before.name}, from which {now.name} starts"
                )
        seen.append(before.name)
        now = before


def _unlike(one: Recipe, other: Recipe) -> Iterator[tuple[str, str, str]]:
    """What decides which layers have adapters, where it differs."""
    if one.base != other.base:
        yield "base", one.base, other.base
    if one.train.weights != other.train.weights:
        yield "train.weights", one.train.weights, other.train.weights
    if one.train.targets != other.train.targets:
        yield "train.targets", one.train.targets, other.train.targets
    words = {True: "set", False: "null"}
    for key in ("lr_text", "conv_rank"):
        given = [words[getattr(r.train, key) is not None] for r in (one, other)]
        if given[0] != given[1]:
            yield f"train.{key} (set in both or in none)", given[0], given[1]
    second = [bool(r.train.rate("text_encoder_2")) for r in (one, other)]
    if second[0] != second[1]:
        yield "train.lr_text_2 (0 in both or in none)", words[second[0]], words[second[1]]


def _check_clip_skip(arm: ResolvedArm, study: Study, source: str) -> None:
    """A layer of the text encoder that there is; SDXL reads its penultimate layers anyway."""
    skip, base = arm.recipe.train.clip_skip, study.bases[arm.recipe.base]
    if skip == 1:
        return
    said = f"{source}: train.clip_skip: {skip}"
    if isinstance(base, TinyBase):
        layers = base.unet.text_layers
    else:
        folder = Path(base.path)
        if (folder / "text_encoder_2").is_dir():
            raise ConfigError(f"{said} has no effect on the base {arm.recipe.base} (SDXL); set 1")
        try:
            config = folder / "text_encoder" / "config.json"
            layers = int(json.loads(config.read_text(encoding="utf-8"))["num_hidden_layers"])
        except (OSError, ValueError, KeyError):
            return  # not there yet; the job checks it too
    if skip > layers:
        raise ConfigError(
            f"{said} is more than the {layers} layers of the text encoder of the base "
            f"{arm.recipe.base}; give 1 … {layers}"
        )


def _check_second_rate(arm: ResolvedArm, study: Study, source: str) -> None:
    """A rate for a second text encoder, where the base is known to have one alone."""
    base = study.bases[arm.recipe.base]
    parts = (
        None if isinstance(base, TinyBase) else [path.name for path in Path(base.path).glob("*")]
    )
    one = parts is None or ("text_encoder" in parts and "text_encoder_2" not in parts)
    if one and arm.recipe.train.lr_text_2 is not None:
        raise ConfigError(
            f"{source}: train.lr_text_2: the base {arm.recipe.base} has one text encoder; take it "
            "out, lr_text is that one's"
        )


def _check_objective(arm: ResolvedArm, study: Study, sources: Sources) -> None:
    """What the network is to predict, and what is asked of it, go together."""
    base = study.bases[arm.recipe.base]
    kind = "epsilon"
    if not isinstance(base, TinyBase):
        try:
            config = Path(base.path) / "scheduler" / "scheduler_config.json"
            told = json.loads(config.read_text(encoding="utf-8"))
            kind = str(told.get("prediction_type", kind))
        except (OSError, ValueError, AttributeError):
            return  # not there yet; the job checks it too
    if said := contradiction(arm.recipe.train, kind):
        keys = ("zero_terminal_snr", "scale_v_like_epsilon", "v_like_loss")
        where = [s for key in keys if (s := _source(arm, f"train.{key}", sources)) == arm.source]
        raise ConfigError(f"{(where or [sources.of('train')])[0]}: train: {said}")


def _check_differences(arms: Arms, baseline: str) -> None:
    """An arm that equals the baseline, or another arm, would only pretend to be a row."""
    whole: dict[str, str] = {}
    effective: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name, arm in arms.items():
        idle = _without_effect(arm.recipe)
        flat = flatten(arm.recipe.model_dump(mode="json"))
        other = whole.setdefault(_text(flat), name)
        if other != name:
            raise ConfigError(
                f"{arm.source}: the arm {name} differs from {_called(other, baseline)} in "
                "nothing; change a value or take it out of arms"
            )
        other = effective.setdefault(_text({k: v for k, v in flat.items() if k not in idle}), name)
        if other != name:
            theirs = flatten(arms[other].recipe.model_dump(mode="json"))
            keys = [k for k in idle if flat.get(k) != theirs.get(k)]
            raise ConfigError(
                f"{arm.source}: the arm {name} differs from {_called(other, baseline)} only in "
                f"what has no effect: {', '.join(f'{k} ({idle[k]})' for k in keys)}"
            )
        other = labels.setdefault(arm.label, name)
        if other != name:
            raise ConfigError(
                f"{arm.source}: label: {arm.label!r} is the label of the arm {other} too; the "
                "table could not tell them apart"
            )


def _without_effect(recipe: Recipe) -> dict[str, str]:
    """Keys that change nothing in this recipe, and why."""
    train, idle = recipe.train, dict[str, str]()
    if train.steps is not None:
        idle["train.epochs"] = f"train.steps is {train.steps}"
    if recipe.clips.choose != "random":
        idle["clips.seed"] = f"clips.choose is {recipe.clips.choose}"
    if train.loss.kind in ("mse", "l1"):
        idle["train.loss.c"] = idle["train.loss.schedule"] = f"train.loss.kind is {train.loss.kind}"
    if train.captions.shuffle == "none":
        idle["train.captions.keep_first"] = "train.captions.shuffle is none"
    if train.weights == "full":
        for key in ("rank", "alpha", "targets"):
            idle[f"train.{key}"] = "train.weights is full"
    if recipe.sample.guidance == 1:
        idle["sample.negative_prompt"] = "sample.guidance is 1"
    return idle | {"train.log_every": "it changes the log only"}


def _called(name: str, baseline: str) -> str:
    return "the baseline" if name == baseline else f"the arm {name}"


def _text(flat: Mapping[str, Any]) -> str:
    return json.dumps(flat, sort_keys=True)
