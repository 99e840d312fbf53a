"""Changes given relative to the baseline: `train.batch_size: {times: 2}` → `16`.

So an arm file says what its row is (the batch doubled) and is true in every study. Where the
baseline may have nothing, `{times: 0.1, or: null}` says what then.
"""

import math
from collections.abc import Mapping
from typing import Any

from .config_errors import ConfigError

TIMES, OR = "times", "or"


def is_relative(value: Any) -> bool:
    """Whether a value is `{times: …}`."""
    return isinstance(value, Mapping) and TIMES in value


def absolute(base: Any, changes: Any, source: str, key: str = "") -> Any:
    """The changes with each `{times: …}` multiplied out by what `base` has in its place."""
    if not isinstance(changes, Mapping):
        return changes
    if is_relative(changes):
        return _product(base, changes, source, key)
    inside = base if isinstance(base, Mapping) else {}
    return {
        # A key that the baseline lacks is left: the check of all keys says what is near it.
        name: absolute(inside[name], value, source, f"{key}.{name}" if key else str(name))
        if name in inside
        else value
        for name, value in changes.items()
    }


def _product(base: Any, given: Mapping[str, Any], source: str, key: str) -> Any:
    """A whole number stays whole: 5 × 1.5 is an error, not 7 or 8."""
    factor, where = given[TIMES], f"{source}: {key}"
    if given.keys() - {TIMES, OR}:
        others = ", ".join(str(name) for name in given if name not in (TIMES, OR))
        raise ConfigError(f"{where}: {TIMES} stands alone; take out {others}")
    if not _number(factor) or not math.isfinite(factor) or factor <= 0:
        raise ConfigError(f"{where}.{TIMES}: expected number > 0, got {factor!r}")
    if base is None and OR in given:
        return given[OR]
    if not _number(base):
        has = "nothing" if base is None else f"{base!r}" if isinstance(base, str) else "no number"
        raise ConfigError(
            f"{where}: {TIMES} multiplies the baseline's number, but it has {has} here; "
            "give the value itself"
        )
    product: int | float = base * factor
    if not isinstance(base, int):
        return float(product)
    # 3 × 1.3333333333333333 is meant to be 4, though it is not to the last bit.
    if not math.isclose(product, round(product), rel_tol=1e-9):
        raise ConfigError(
            f"{where}: {base} × {factor:g} = {product:g}, but it must be a whole number; "
            f"choose another factor than {factor:g}"
        )
    return round(product)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
