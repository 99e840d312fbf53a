"""Errors of the config in a user's words: file, key, what is allowed, the nearest known key."""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from .options import NAME, allowed, annotation_of, bare, kind_of, models_in, options, origin

Loc = tuple[int | str, ...]
Where = Callable[[str], str]


class ConfigError(Exception):
    """Something in the config that stops the run before any job."""


def explain(error: ValidationError, model: type[BaseModel], where: Where) -> ConfigError:
    """One line for each thing that is wrong; `where` names the file in which a key stands."""
    lines = []
    for item in error.errors():
        parts, annotation = located(model, item["loc"])
        key = ".".join(parts)
        said = _said(dict(item), key, annotation, model)
        lines.append(": ".join(part for part in (where(key), key, said) if part))
    return ConfigError("\n".join(lines))


def unknown(name: str, known: Collection[str], place: str = "") -> str:
    """`there is no …`, the nearest known name and all of them."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"; the nearest is {near[0]}" if near else ""
    within = f" in {place}" if place else ""
    return f"there is no {name}{within}{hint}; known: {', '.join(sorted(known)) or 'none'}"


def located(model: type[BaseModel], loc: Loc) -> tuple[list[str], Any]:
    """A place as the user wrote it (`train.lr`, `arms[2]`), and the type wanted there."""
    shown: list[str] = []
    annotation: Any = model
    for part in loc:
        models = models_in(bare(annotation))
        kind = origin(annotation)
        if isinstance(part, int) and shown:
            shown[-1] += f"[{part}]"
            annotation = _element(annotation, part)
        elif part == "[key]":
            annotation = None
        elif kind is dict:
            shown.append(str(part))
            annotation = _element(annotation, 1)
        elif len(models) > 1:  # a part of pydantic's own: the tag of a union
            annotation = next((m for m in models if kind_of(m) == part), None)
        else:
            shown.append(str(part))
            field = models[0].model_fields.get(str(part)) if models else None
            annotation = None if field is None else annotation_of(field)
    return shown, annotation


def nearest(loc: Loc, model: type[BaseModel]) -> str:
    """The nearest known key: beside the wrong one, of its name elsewhere, or all beside it."""
    parts, last = located(model, loc[:-1])[0], str(loc[-1])
    beside = [name for m in models_in(bare(located(model, loc[:-1])[1])) for name in m.model_fields]
    known = [option.key for option in options(model)]
    same = [key for key in known if key.rpartition(".")[2] == last and last not in beside]
    for cutoff, keys in ((0.8, beside), (1.0, same), (0.6, beside)):
        near = difflib.get_close_matches(last, [k.rpartition(".")[2] for k in keys], 1, cutoff)
        if near and keys is beside:
            return f"; the nearest known key is {'.'.join([*parts, near[0]])}"
        if near and not any(_matches(key, ".".join([*parts, last])) for key in same):
            return f"; the nearest known key is {' or '.join(dict.fromkeys(same))}"
    return f"; known here: {', '.join(beside)}" if beside else ""


def refuse_booleans(raw: Mapping[str, Any], checked: BaseModel, where: Where) -> None:
    """`true` and `yes` would be taken for the number 1."""
    found = list(_booleans(raw, checked.model_dump(mode="json")))
    if found:
        said = (f"{where(key)}: {key}: expected a number, got true or false" for key in found)
        raise ConfigError("\n".join(said))


def _booleans(raw: Any, checked: Any, key: str = "") -> Iterator[str]:
    """Keys of booleans that became something else."""
    if isinstance(raw, bool) and not isinstance(checked, bool):
        yield key
    elif isinstance(raw, Mapping) and isinstance(checked, Mapping):
        for name in sorted(raw.keys() & checked.keys()):
            yield from _booleans(raw[name], checked[name], f"{key}.{name}" if key else str(name))
    elif isinstance(raw, list | tuple) and isinstance(checked, list | tuple):
        for index, (one, other) in enumerate(zip(raw, checked, strict=False)):
            yield from _booleans(one, other, f"{key}[{index}]")


def _said(item: dict[str, Any], key: str, annotation: Any, model: type[BaseModel]) -> str:
    kind, given = item["type"], item["input"]
    if kind == "extra_forbidden":
        return f"unknown key{nearest(item['loc'], model)}"
    if kind == "missing" and isinstance(item["loc"][-1], int):  # of a list of fixed length
        return f"missing; expected {allowed(located(model, item['loc'][:-1])[1])}"
    if kind == "missing":
        return f"missing; {_meaning(key, model)}"
    if kind == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    if item["loc"] and item["loc"][-1] == "[key]":
        return f"{item['loc'][-2]!r} is not a {NAME}"
    wanted = "mapping" if annotation is model else allowed(annotation) if annotation else ""
    if kind == "union_tag_invalid" and isinstance(given, Mapping):
        near = difflib.get_close_matches(str(given.get("kind")), _kinds(annotation), 1)
        hint = f"; the nearest is {near[0]}" if near else ""
        return f"expected {wanted}, got kind: {given.get('kind')}{hint}"
    if kind == "union_tag_not_found":
        return f"kind is missing; expected {wanted}"
    near = []
    if kind == "literal_error":
        near = difflib.get_close_matches(str(given), wanted.split(" or "), 1)
    hint = f"; the nearest is {near[0]}" if near else ""
    shown = "nothing" if given is None else _short(given)
    return f"expected {wanted}, got {shown}{hint}" if wanted else f"{item['msg']}, got {shown}"


def _element(annotation: Any, index: int) -> Any:
    """The type of a list's or mapping's element."""
    parts: tuple[Any, ...] = getattr(bare(annotation), "__args__", ())
    if len(parts) == 2 and parts[1] is Ellipsis:
        return parts[0]
    return parts[index] if index < len(parts) else None


def _kinds(annotation: Any) -> list[str]:
    return [kind_of(model) for model in models_in(annotation)]


def _matches(pattern: str, key: str) -> bool:
    """`corpora.*` matches `corpora.style`."""
    ones, others = pattern.split("."), key.split(".")
    pairs = zip(ones, others, strict=False)
    return len(ones) == len(others) and all(one in ("*", other) for one, other in pairs)


def _meaning(key: str, model: type[BaseModel]) -> str:
    for option in options(model):
        if _matches(option.key, key):
            return f"{option.meaning.rstrip('.')} ({allowed(option.annotation)})"
    return "it has no default"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
