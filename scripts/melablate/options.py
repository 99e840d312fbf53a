"""The options of a config model: their dotted keys, and in words what is allowed."""

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

KINDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "anything"}
BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
ADDRESS = "address, http:// or https://, without a slash at its end"
NAME = "name of a–z, 0–9, '.', '_', '-', at most 64 characters"


@dataclass(frozen=True)
class Option:
    """One key of a model; `annotation` is its whole type, bounds included."""

    key: str
    alternative: str
    """The `kind` that it belongs to, where one of several models is chosen."""
    annotation: Any
    field: FieldInfo

    @property
    def meaning(self) -> str:
        """Its documentation in one line."""
        return " ".join((self.field.description or "").split())

    @property
    def models(self) -> list[type[BaseModel]]:
        """The models whose keys stand below it."""
        return models_in(self.annotation)


def options(model: type[BaseModel], prefix: str = "", alternative: str = "") -> Iterator[Option]:
    """All options below a model, in the order of its source; `*` stands for any name."""
    for name, field in model.model_fields.items():
        option = Option(prefix + name, alternative, annotation_of(field), field)
        yield option
        star = ".*" if origin(option.annotation) is dict else ""
        for inner in option.models:
            kind = kind_of(inner) if len(option.models) > 1 else alternative
            yield from options(inner, f"{option.key}{star}.", kind)


def annotation_of(field: FieldInfo) -> Any:
    """A field's type, with its bounds."""
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def bare(annotation: Any) -> Any:
    """A type without bounds and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    parts = alternatives(annotation)
    rest = [part for part in parts if part is not type(None)]
    return bare(rest[0]) if len(rest) == 1 and len(parts) > 1 else annotation


def origin(annotation: Any) -> Any:
    """`dict`, `tuple`, `Literal` … of a type, through bounds and `| None`."""
    return get_origin(bare(annotation))


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The parts of a union; a type alone is its own only part."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, Annotated, dict, tuple):
        return [model for part in get_args(annotation) for model in models_in(part)]
    return []


def kind_of(model: type[BaseModel]) -> str:
    """The value of `kind` by which a model is chosen among others."""
    field = model.model_fields.get("kind")
    values = get_args(field.annotation) if field else ()
    return str(values[0]) if len(values) == 1 else ""


def allowed(annotation: Any) -> str:
    """What a value may be, in words."""
    parts = alternatives(annotation)
    if type(None) in parts:
        return " or ".join([*(allowed(p) for p in parts if p is not type(None)), "null"])
    if get_origin(annotation) is Annotated:
        base, *metadata = get_args(annotation)
        return _bounded(allowed(base), _bounds(metadata))
    models = models_in(annotation)
    if get_origin(annotation) is dict:
        inner = get_args(annotation)[1]
        return f"mapping of names to {'mappings' if models else allowed(inner)}"
    if get_origin(annotation) is tuple:
        return _list(get_args(annotation))
    if models:
        kinds = [kind for kind in map(kind_of, models) if kind]
        return "mapping" + (f" with kind: {' or '.join(kinds)}" if kinds else "")
    if get_origin(annotation) is Literal:
        return " or ".join(_literal(value) for value in get_args(annotation))
    return KINDS.get(annotation, str(annotation))


def plain(value: Any) -> Any:
    """A default as JSON would hold it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value


def _list(parts: tuple[Any, ...]) -> str:
    if parts[-1] is Ellipsis:
        words = allowed(parts[0])
        return "list" if words == "anything" else f"list, each: {words}"
    return f"list of {len(parts)}, each: {' and '.join(dict.fromkeys(map(allowed, parts)))}"


def _literal(value: Any) -> str:
    """As it is written in YAML: '0' needs its quotes."""
    return str(value) if yaml.safe_load(str(value)) == value else f'"{value}"'


def _bounds(metadata: Iterable[Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            found |= _bounds(item.metadata)
        for name in (*BOUNDS, "min_length", "max_length", "pattern"):
            value = getattr(item, name, None)
            if value is not None:
                found[name] = value
    return found


def _bounded(words: str, bounds: Mapping[str, Any]) -> str:
    if "pattern" in bounds:
        return ADDRESS if bounds["pattern"].startswith("^http") else NAME
    limits = [f"{sign} {bounds[name]:g}" for name, sign in BOUNDS.items() if name in bounds]
    if "min_length" in bounds:
        limits.append("not empty")
    return f"{words} {' and '.join(limits)}".strip()
