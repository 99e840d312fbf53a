"""What a check has found: what it is, why it matters, and the command that mends it."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    UNKNOWN = 1
    WARNING = 2
    FAILURE = 3


@dataclass(frozen=True)
class Finding:
    """One line of the report; only what is not right needs `why` and `mend`."""

    level: Level
    what: str
    why: str = ""
    mend: str = ""


def ok(what: str) -> Finding:
    """It was looked at and is right."""
    return Finding(Level.OK, what)


def unknown(what: str, mend: str = "") -> Finding:
    """It could not be checked; `mend` says how a person can."""
    return Finding(Level.UNKNOWN, what, mend=mend)


def warning(what: str, why: str, mend: str) -> Finding:
    """The run would start, and may go wrong or slowly."""
    return Finding(Level.WARNING, what, why, mend)


def failure(what: str, why: str, mend: str) -> Finding:
    """The run would stop."""
    return Finding(Level.FAILURE, what, why, mend)
