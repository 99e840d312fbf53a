"""Methods of the plan that are worked out once."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def once(method: Callable[P, T]) -> Callable[P, T]:
    """Each stage is laid out once: rules ask for it again for every job, and hashing adds up."""

    @functools.wraps(method)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        plan: Any = args[0]
        key = (method.__name__, *args[1:], *sorted(kwargs.items()))
        if key not in plan.known:
            plan.known[key] = method(*args, **kwargs)
        return cast(T, plan.known[key])

    return remembered
