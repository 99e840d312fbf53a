"""Settings as a job is told them: what says nothing is left out.

An option that is off, as it was before there was such an option, must not change the identity of
what was made before. So an option at its neutral value is left out where that is its default too;
the job fills it in again. A default that changes is seen: then one of both values stands there.
"""

from collections.abc import Collection
from functools import cache
from typing import Any

from pydantic import BaseModel

from .settings import Neutral

NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})
"""Neutral values that need no mark."""


def settings_json(settings: BaseModel, without: Collection[str] = ()) -> dict[str, Any]:
    """All fields that say something, as JSON holds them; `without` some by name."""
    neutral = _neutral(type(settings))
    found = {}
    for name in type(settings).model_fields:
        value = _plain(getattr(settings, name))
        if name not in without and not (name in neutral and value == neutral[name]):
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return settings_json(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


@cache
def _neutral(model: type[BaseModel]) -> dict[str, Any]:
    """The fields whose default says nothing, and that default."""
    found = {}
    for name, field in model.model_fields.items():
        if not field.is_required():
            default = _plain(field.get_default(call_default_factory=True))
            marked = [mark.value for mark in field.metadata if isinstance(mark, Neutral)]
            if default in (marked or NOTHING):
                found[name] = default
    return found
