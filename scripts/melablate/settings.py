"""The one base class of every settings model."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen, strict about unknown keys; a field's docstring is its documentation.

    Docstrings rather than `Field(description=…)`: the code hash ignores docstrings, so
    rewording the reference page retrains nothing.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
