"""The one base class of every settings model."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, strict about unknown keys; a field's docstring is its documentation.

    Docstrings rather than `Field(description=…)`: the code hash ignores docstrings, so
    rewording the reference page retrains nothing.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class Neutral:
    """Marks a new option's value that does what was done before there was the option.

    `window: Annotated[Literal["hann", "hamming"], Neutral("hann")] = "hann"` runs nothing again.
    Options that are off at null, false, 0 or empty need no mark.
    """

    value: Any
