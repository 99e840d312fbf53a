"""What makes two runs of a stage the same: canonical settings, code by meaning, file contents."""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from .files import sha256, write_json

LIBRARY = Path(__file__).parent
SCRIPTS = LIBRARY.parent


def canonical(value: Any) -> str:
    """One string for one meaning: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def identity(value: Any) -> str:
    """Twelve hex digits of the canonical form's SHA-256."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:12]


def code_identity(script: str, plugins: Iterable[str] = ()) -> str:
    """Hash of the syntax trees of a script and of every project module that it imports.

    Comments, docstrings and formatting do not count. `plugins` are modules chosen by name at
    run time (losses), which no import statement shows.
    """
    modules = _closure((SCRIPTS / script, *(LIBRARY / plugin for plugin in sorted(plugins))))
    digest = hashlib.sha256()
    for path in modules:
        digest.update(path.relative_to(SCRIPTS).as_posix().encode() + b"\0" + _tree(path) + b"\0")
    return digest.hexdigest()[:12]


def fingerprint(folder: Path, cache_file: Path) -> str:
    """Hash of the names and contents of all files below a folder.

    A file is read again only when its size, time of change or inode differ from the last
    look, so a touched file costs one read and changes nothing.
    """
    known = _load_cache(cache_file)
    fresh: dict[str, list[Any]] = {}
    digest = hashlib.sha256()
    for path in _files(folder):
        name, stat = path.relative_to(folder).as_posix(), path.stat()
        seen = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        entry = known.get(str(path))
        fresh[str(path)] = entry if entry and entry[:3] == seen else [*seen, sha256(path)]
        digest.update(f"{name}\0{fresh[str(path)][3]}\n".encode())
    if any(known.get(name) != entry for name, entry in fresh.items()):
        write_json(cache_file, known | fresh)
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root) / name for name in sorted(names) if (Path(root) / name).is_file())


def _load_cache(path: Path) -> dict[str, list[Any]]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _closure(start: tuple[Path, ...]) -> list[Path]:
    """The given files and every project module that they import, sorted."""
    found: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return sorted(found)


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Project modules named in a file's import statements, wherever they stand."""
    package = path.relative_to(SCRIPTS).parent.parts
    names: set[tuple[str, ...]] = set()
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            names.update(tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            names.add(base)
            names.update((*base, alias.name) for alias in node.names)
    files = (_module_file(name) for name in names if name[:1] == ("melablate",))
    return tuple(file for file in files if file)


def _module_file(name: tuple[str, ...]) -> Path | None:
    path = SCRIPTS.joinpath(*name)
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(path: Path) -> bytes:
    return repr(_meaning(_parse(path))).encode()


def _meaning(node: Any) -> Any:
    """A syntax tree as nested tuples, without docstrings, positions and empty fields.

    Empty fields are left out because new versions of Python add some.
    """
    if isinstance(node, ast.AST):
        fields = ((name, _meaning(value)) for name, value in ast.iter_fields(node))
        return (
            type(node).__name__,
            *(f for f in fields if f[1] not in (None, ()) and f[0] != "kind"),
        )
    if isinstance(node, list):
        return tuple(_meaning(item) for item in node if not _is_docstring(item))
    return (type(node).__name__, repr(node)) if node is not None else None


def _is_docstring(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
