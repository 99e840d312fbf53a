"""From config to arms: merge, check, explain what is wrong before any job runs."""

import difflib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from .config import FIXED_ROWS, Arm, Claim, Recipe, Study
from .config_errors import ConfigError, explain
from .models.settings import TinyClap

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class ResolvedArm:
    """An arm with its whole recipe."""

    name: str
    label: str
    claim: Claim
    recipe: Recipe
    changes: dict[str, Any]
    source: str


def load_study(config: Mapping[str, Any], source: str = "config") -> Study:
    """The checked study; `source` names the file in messages."""
    try:
        return Study.model_validate(dict(config))
    except ValidationError as error:
        raise ConfigError(explain(error, Study, source)) from None


def resolve_arms(study: Study, source: str = "config") -> dict[str, ResolvedArm]:
    """All rows by name: the arm files that the study names, and its sweep."""
    own = study.model_dump(mode="json", include=set(Recipe.model_fields))
    baseline = _resolve(study.baseline, _read_arm(study, study.baseline, source), own, source)
    arms = {study.baseline: baseline}
    for name in study.arms:
        if name != study.baseline:
            arm = _read_arm(study, name, source)
            arms[name] = _resolve(name, arm, _nested(baseline), str(_arm_file(study, name, source)))
    for name, arm in _sweep(study).items():
        if name in arms:
            raise ConfigError(f"{source}: sweep: the name {name} is an arm already")
        arms[name] = _resolve(name, arm, _nested(baseline), f"{source}: sweep")
    _check_differences(arms, study.baseline)
    _check_names(study, arms)
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
        if isinstance(old, Mapping) and isinstance(value, Mapping) and _same_kind(old, value):
            merged[key] = merge(old, value)
    return merged


def _same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return bool(new.get("kind", old.get("kind")) == old.get("kind"))


def read_yaml(path: Path) -> Any:
    """YAML in which a key given twice is an error, not silently the last one."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from None


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _arm_file(study: Study, name: str, source: str) -> Path:
    """The arm's file, below the working directory or else below the project."""
    folders = [Path(study.arms_folder), PROJECT / study.arms_folder]
    for folder in folders:
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; the nearest is {near[0]}" if near else ""
    raise ConfigError(
        f"{source}: arms: there is no arm {name} in {study.arms_folder}{hint}; "
        f"known: {', '.join(known) or 'none'}"
    )


def _read_arm(study: Study, name: str, source: str) -> Arm:
    path = _arm_file(study, name, source)
    if name in FIXED_ROWS:
        raise ConfigError(f"{path}: the name {name} belongs to a fixed row of every table")
    content = read_yaml(path)
    try:
        return Arm.model_validate(content)
    except ValidationError as error:
        raise ConfigError(explain(error, Arm, str(path))) from None


def _resolve(name: str, arm: Arm, base: Mapping[str, Any], source: str) -> ResolvedArm:
    changes = _undot(arm.changes)
    try:
        recipe = Recipe.model_validate(merge(base, changes))
    except ValidationError as error:
        raise ConfigError(explain(error, Recipe, source)) from None
    return ResolvedArm(name, arm.label, arm.claim, recipe, flatten(changes), source)


def _undot(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys → nested mappings."""
    nested: dict[str, Any] = {}
    for key, value in changes.items():
        inner = _undot(value) if isinstance(value, Mapping) else value
        for part in reversed(str(key).split(".")):
            inner = {part: inner}
        nested = merge(nested, inner)
    return nested


def _nested(arm: ResolvedArm) -> dict[str, Any]:
    return arm.recipe.model_dump(mode="json")


def _sweep(study: Study) -> dict[str, Arm]:
    """Every combination of the swept values, named by them: `rank-4_lr-0.001`."""
    if not study.sweep:
        return {}
    arms = {}
    for values in itertools.product(*study.sweep.values()):
        changes = dict(zip(study.sweep, values, strict=True))
        parts = [f"{key.rpartition('.')[2]}-{value}" for key, value in changes.items()]
        name = "_".join(parts).lower().replace(" ", "-")
        arms[name] = Arm(label=", ".join(f"{k} = {v}" for k, v in changes.items()), changes=changes)
    return arms


def _check_differences(arms: Mapping[str, ResolvedArm], baseline: str) -> None:
    """An arm that equals the baseline, or another arm, would only pretend to be a row."""
    seen: dict[str, str] = {}
    for name, arm in arms.items():
        other = seen.setdefault(arm.recipe.model_dump_json(), name)
        if other != name:
            same = "the baseline" if other == baseline else f"the arm {other}"
            raise ConfigError(
                f"{arm.source}: the arm {name} differs from {same} in nothing; "
                "change a value or take it out of `arms`"
            )


def _check_names(study: Study, arms: Mapping[str, ResolvedArm]) -> None:
    """Names that point at corpora, bases and arms must exist."""
    uses: list[tuple[str, str, str, Mapping[str, Any]]] = []
    for arm in arms.values():
        uses.append((arm.source, "corpus", arm.recipe.corpus, study.corpora))
        uses.append((arm.source, "base", arm.recipe.base, study.bases))
        if arm.recipe.regularization:
            uses.append((arm.source, "regularization", arm.recipe.regularization, study.corpora))
        if arm.recipe.train.warm_start:
            uses.append((arm.source, "train.warm_start.arm", arm.recipe.train.warm_start.arm, arms))
            _check_chain(arm, arms)
    for name, base in study.bases.items():
        if base.kind == "tiny":
            uses.append(("config", f"bases.{name}.corpus", base.corpus, study.corpora))
    for name in _embedder_corpora(study):
        uses.append(("config", "embedder.corpora", name, study.corpora))
    for source, key, name, known in uses:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise ConfigError(
                f"{source}: {key}: there is no {name}{hint}; known: {', '.join(known)}"
            )


def _embedder_corpora(study: Study) -> tuple[str, ...]:
    return study.embedder.corpora if isinstance(study.embedder, TinyClap) else ()


def _check_chain(arm: ResolvedArm, arms: Mapping[str, ResolvedArm]) -> None:
    """Warm starts must end at an arm that starts from the base."""
    seen, now = {arm.name}, arm
    while now.recipe.train.warm_start and now.recipe.train.warm_start.arm in arms:
        now = arms[now.recipe.train.warm_start.arm]
        if now.name in seen:
            raise ConfigError(
                f"{arm.source}: train.warm_start.arm: {arm.name} would start from itself"
            )
        seen.add(now.name)
