"""Errors of the config in a user's words: file, key, what is allowed, the nearest known key."""

import difflib
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


class ConfigError(Exception):
    """Something in the config that stops the run before any job."""


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One line for each thing that is wrong."""
    lines = []
    for item in error.errors():
        key = ".".join(_shown(model, item["loc"])) or "(top level)"
        if item["type"] == "extra_forbidden":
            lines.append(f"{where}: {key}: unknown key{suggestion(key, model)}")
        elif item["type"] == "missing":
            lines.append(f"{where}: {key}: missing; {_meaning(model, key)}")
        else:
            message = item["msg"].removeprefix("Value error, ")
            given = (
                ""
                if item["type"] in ("value_error", "union_tag_not_found")
                else f", not {item['input']!r}"
            )
            lines.append(f"{where}: {key}: {message[0].lower() + message[1:]}{given}")
    return "\n".join(lines)


def suggestion(key: str, model: type[BaseModel]) -> str:
    """`; the nearest known key is …`, looking first beside the wrong key, then everywhere."""
    known = sorted(set(keys(model)))
    parent, _, last = key.rpartition(".")
    beside = [k for k in known if k.rpartition(".")[0] == parent]
    near = difflib.get_close_matches(last, [k.rpartition(".")[2] for k in beside], 1, 0.6)
    if near:
        return f"; the nearest known key is {f'{parent}.' if parent else ''}{near[0]}"
    same = [k for k in known if k.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(key, known, 1, 0.6)
    if close:
        return f"; the nearest known key is {close[0]}"
    return f"; known here: {', '.join(k.rpartition('.')[2] for k in beside)}" if beside else ""


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All dotted keys of a model; the keys of a dictionary of models are given as `*`."""
    for name, field in model.model_fields.items():
        yield prefix + name
        starred = get_origin(field.annotation) is dict
        for inner in models_in(field.annotation):
            yield from keys(inner, f"{prefix}{name}.{'*.' if starred else ''}")


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, Annotated, dict, tuple, list):
        return [model for part in get_args(annotation) for model in models_in(part)]
    return []


def _shown(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The location as the user wrote it: without the tags that unions add."""
    tags = {part for m in _all_models(model) for part in _tags(m)} | {
        m.__name__ for m in _all_models(model)
    }
    shown: list[str] = []
    for i, part in enumerate(loc):
        is_tag = isinstance(part, str) and part in tags and i > 0 and part not in _fields_of(model)
        if not is_tag:
            shown.append(str(part))
    return shown


def _all_models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            found += _all_models(inner)
    return found


def _fields_of(model: type[BaseModel]) -> set[str]:
    return {name for m in _all_models(model) for name in m.model_fields}


def _tags(model: type[BaseModel]) -> list[str]:
    kind = model.model_fields.get("kind")
    return [str(value) for value in get_args(kind.annotation)] if kind else []


def _meaning(model: type[BaseModel], key: str) -> str:
    """The documentation of a key."""
    for found in _all_models(model):
        field = found.model_fields.get(key.rpartition(".")[2])
        if field and field.description:
            return " ".join(field.description.split())
    return "it has no default"
