"""Identities of code, kept between starts: each job of a cluster reads the whole workflow again.

What is kept holds for one state of all modules; a byte more in any of them, and it is worked out
anew. Apart from the identity itself, which is code of the scripts.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from . import identity
from .files import write_json

KEPT = Path("results/.code.json")


def code_identity(script: str, plugins: Iterable[str] = ()) -> str:
    """As `identity.code_identity`, which this asks only where nothing is known."""
    return _code(script, tuple(sorted(plugins)))


@cache
def _code(script: str, plugins: tuple[str, ...]) -> str:
    known, key = _known(), " ".join((script, *plugins))
    if key not in known:
        known[key] = identity.code_identity(script, plugins)
        with suppress(OSError):  # without it the next start takes a second longer
            write_json(KEPT, {"state": _state(), "codes": known})
    return known[key]


@cache
def _known() -> dict[str, str]:
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
        return dict(kept["codes"]) if kept["state"] == _state() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@cache
def _state() -> str:
    """Of every module that there is: a new one may be imported by a name that stood there."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for path in sorted(identity.SCRIPTS.rglob("*.py")):
        name = path.relative_to(identity.SCRIPTS).as_posix()
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
