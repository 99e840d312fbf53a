"""What settings modules declare is no code; what they do is."""

import ast

import pytest
from melablate.declarations import without_declarations

SETTINGS = '''
import math
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, field_validator

from ..settings import Settings
from .other import helper, unused

Positive = Annotated[int, Field(ge=1)]
Kind = Literal["mse", "huber"]
KINDS = get_args(Kind)


def _checked(value):
    return value


def _used(value):
    return value + 1


class Optimizer(Settings):
    """Only fields."""

    kind: Literal["adamw"] = "adamw"


class Train(Settings):
    """A run."""

    rank: Positive = 8
    """Rank."""
    span: ClassVar[int] = 255

    @property
    def steps(self) -> Positive:
        return math.ceil(_used(self.rank))

    @field_validator("rank")
    @classmethod
    def _even(cls, rank):
        return _checked(rank)
'''
SAME = {
    "a choice": ('Literal["adamw"] =', 'Literal["adamw", "prodigy"] ='),
    "a field": ('    """Rank."""', '    """Rank."""\n    dora: bool = False'),
    "a default, which stands in the JSON": ("Positive = 8", "Positive = 16"),
    "a bound": ("Field(ge=1)", "Field(ge=2)"),
    "a validator": ("return _checked(rank)", "return rank"),
    "what only a validator uses": ("    return value\n", "    return -value\n"),
    "an import for declarations": ("ClassVar, Literal", "Any, ClassVar, Literal"),
    "a model": ("class Train(", "class Prodigy(Settings):\n    d0: float = 1e-6\n\n\nclass Train("),
    "a union": ("class Train(", "Any = Optimizer | None\n\n\nclass Train("),
}
OTHER = {
    "a method": ("math.ceil(", "math.floor("),
    "what a method uses": ("value + 1", "value + 2"),
    "a constant of a class": ("= 255", "= 1"),
    "what a constant is made of": ('["mse", "huber"]', '["huber", "mse"]'),
    "where a name comes from": ("import math\n", "import cmath as math\n"),
    "a base class": ("class Train(Settings)", "class Train(Optimizer)"),
}


def code(text: str) -> str:
    return ast.dump(without_declarations(ast.parse(text)))


def test_what_is_left_is_what_runs() -> None:
    left = ast.unparse(without_declarations(ast.parse(SETTINGS)))
    for kept in ("KINDS", "Kind = Literal", "import math", "_used", "span: ClassVar", "def steps"):
        assert kept in left
    for gone in ("Optimizer", "rank:", "_even", "_checked", "Field", "helper", "Positive ="):
        assert gone not in left


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_declarations_are_no_code(old: str, new: str) -> None:
    assert SETTINGS.count(old) == 1
    assert code(SETTINGS.replace(old, new)) == code(SETTINGS)


@pytest.mark.parametrize(("old", "new"), OTHER.values(), ids=OTHER)
def test_what_runs_is_code(old: str, new: str) -> None:
    assert SETTINGS.count(old) == 1
    assert code(SETTINGS.replace(old, new)) != code(SETTINGS)
