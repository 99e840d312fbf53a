"""From config to arms: merge, check, explain what is wrong before any job runs."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .config import FIXED_ROWS, Arm, Recipe, Study
from .config_errors import ConfigError, explain, refuse_booleans, unknown
from .config_files import Sources, read_config
from .relative import absolute, is_relative
from .report.claim_settings import Claim

PROJECT = Path(__file__).parents[2]
LONGEST_NAME = 64


@dataclass(frozen=True)
class ResolvedArm:
    """An arm with its whole recipe."""

    name: str
    label: str
    claim: Claim
    recipe: Recipe
    changes: dict[str, Any]
    source: str


def load_study(sources: Sources) -> Study:
    """The checked study."""
    try:
        study = Study.model_validate(dict(sources.config))
    except ValidationError as error:
        raise explain(error, Study, sources.of) from None
    refuse_booleans(sources.config, study, sources.of)
    return study


def resolve_arms(
    study: Study, sources: Sources, only: Collection[str] | None = None
) -> dict[str, ResolvedArm]:
    """All rows by name: the arm files that the study names, and its sweep; baseline first.

    With `only`, no file of another arm is opened but the baseline's and those of arms whose weights
    these start from.
    """
    if study.baseline not in study.arms:
        key = "baseline" if "baseline" in sources.config else "arms"
        said = f"the baseline {study.baseline} is not among arms ({', '.join(study.arms)})"
        raise ConfigError(f"{sources.of(key)}: {key}: {said}; add it to arms, or name one of them")
    own = study.model_dump(mode="json", include=set(Recipe.model_fields))
    baseline = _from_file(study, study.baseline, own, sources)
    start = baseline.recipe.model_dump(mode="json")
    arms = {study.baseline: baseline}
    for name in study.arms:
        if name != study.baseline and (only is None or name in only):
            arms[name] = _from_file(study, name, start, sources)
    for arm in _sweep(study, baseline, start, sources, only):
        if arm.name in arms:
            raise ConfigError(f"{arm.source}: the name {arm.name} is an arm already")
        arms[arm.name] = arm
    warm = [arm.recipe.train.warm_start for arm in arms.values()]
    starts = {start.arm for start in warm if start and start.arm}
    if only is not None and starts - {*only, *arms}:
        return resolve_arms(study, sources, {*only, *starts})
    return arms


def flatten(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{train: {rank: 4}}` → `{"train.rank": 4}`."""
    flat: dict[str, Any] = {}
    for key, value in changes.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + str(key)] = value
    return flat


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge; a mapping of another `kind` replaces the old one whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = value
        if (
            isinstance(old, Mapping)
            and isinstance(value, Mapping)
            and value.get("kind", old.get("kind")) == old.get("kind")
        ):
            merged[key] = merge(old, value)
    return merged


def _from_file(study: Study, name: str, base: Mapping[str, Any], sources: Sources) -> ResolvedArm:
    """The arm of a file below the arms folder."""
    path = _arm_file(study, name, sources)
    content = read_config(path)
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path}: expected label, claim and changes; see docs/config.md")
    try:
        arm = Arm.model_validate(content)
    except ValidationError as error:
        raise explain(error, Arm, lambda _: str(path)) from None
    return _resolve(name, arm, base, str(path), sources)


def _arm_file(study: Study, name: str, sources: Sources) -> Path:
    """The arm's file, below the working directory or else below the project."""
    if name in FIXED_ROWS:
        raise ConfigError(
            f"{sources.of('arms')}: arms: the name {name} belongs to a fixed row of every table; "
            "fixed rows need not be listed"
        )
    folders = [Path(study.arms_folder), PROJECT / study.arms_folder]
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    raise ConfigError(f"{sources.of('arms')}: arms: {unknown(name, known, study.arms_folder)}")


def _resolve(
    name: str, arm: Arm, base: Mapping[str, Any], source: str, sources: Sources
) -> ResolvedArm:
    changes = absolute(base, _undot(arm.changes, source), source)
    flat = flatten(changes)

    def where(key: str) -> str:
        near = (f"{k}.".startswith(f"{key}.") or f"{key}.".startswith(f"{k}.") for k in flat)
        return source if not key or any(near) else sources.of(key)

    for key in sorted(changes.keys() & (Study.model_fields.keys() - Recipe.model_fields.keys())):
        raise ConfigError(
            f"{source}: changes: {key} belongs to the whole study; an arm may change "
            f"{', '.join(Recipe.model_fields)}"
        )
    try:
        recipe = Recipe.model_validate(merge(base, changes))
    except ValidationError as error:
        raise explain(error, Recipe, where) from None
    refuse_booleans(changes, recipe, where)
    return ResolvedArm(name, arm.label, arm.claim, recipe, flat, source)


def _undot(changes: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Dotted keys → nested mappings."""
    nested: dict[str, Any] = {}
    for key, value in changes.items():
        inner = _undot(value, source) if isinstance(value, Mapping) else value
        for part in reversed(str(key).split(".")):
            inner = {part: inner}
        for double in sorted(flatten(nested).keys() & flatten(inner).keys()):
            raise ConfigError(f"{source}: changes: {double} is given twice")
        nested = merge(nested, inner)
    return nested


def _sweep(
    study: Study,
    baseline: ResolvedArm,
    start: Mapping[str, Any],
    sources: Sources,
    only: Collection[str] | None,
) -> Iterator[ResolvedArm]:
    """Every combination of the swept values, named by them: `rank-4_lr-0.001`.

    The combination that is the baseline itself needs no second row.
    """
    for key, values in study.sweep.items():
        if not values:
            where = sources.of(f"sweep.{key}")
            raise ConfigError(f"{where}: sweep: {key} has no values; give a list of them")
    seen: set[str] = set()
    for values in itertools.product(*study.sweep.values()) if study.sweep else ():
        changes = dict(zip(study.sweep, values, strict=True))
        words = [f"{key.rpartition('.')[2]}-{_slug(value)}" for key, value in changes.items()]
        name, source = "_".join(words), f"{sources.of('sweep')}: sweep"
        if name in seen:
            raise ConfigError(f"{source}: two combinations are both named {name}: {changes}")
        if len(name) > LONGEST_NAME:
            raise ConfigError(f"{source}: the name {name} is too long; write arm files instead")
        seen.add(name)
        if only is not None and name not in only:
            continue
        label = ", ".join(_swept(key, value) for key, value in changes.items())
        arm = _resolve(name, Arm(label=label, changes=changes), start, source, sources)
        if arm.recipe != baseline.recipe:
            yield arm


def _swept(key: str, value: Any) -> str:
    return f"{key} × {value['times']}" if is_relative(value) else f"{key} = {value}"


def _slug(value: Any) -> str:
    """A value as a part of a name."""
    if isinstance(value, Mapping):
        return "-".join(f"{key}-{_slug(inner)}" for key, inner in sorted(value.items()))
    if isinstance(value, list | tuple):
        return "-".join(map(_slug, value))
    if isinstance(value, int | float) and value < 0:
        return f"minus-{_slug(-value)}"
    return re.sub(r"[^a-z0-9._-]+", "-", str(value).lower()).strip("-") or "none"
