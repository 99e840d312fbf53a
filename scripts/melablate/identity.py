"""What makes two runs of a stage the same: canonical settings, code by meaning, file contents."""

import ast
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from .declarations import declares, without_declarations
from .files import sha256, write_json

LIBRARY = Path(__file__).parent
SCRIPTS = LIBRARY.parent
TELL_FROM = 300_000_000
"""Bytes whose reading takes long enough to be told of."""


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

    Comments, docstrings and formatting do not count, nor what settings modules only declare.
    `plugins` are modules chosen by name at run time (losses), which no import statement shows.
    """
    return _code(SCRIPTS / script, tuple(LIBRARY / plugin for plugin in sorted(plugins)))


@cache
def _code(script: Path, plugins: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in _closure((script, *plugins)):
        digest.update(path.relative_to(SCRIPTS).as_posix().encode() + b"\0" + _tree(path) + b"\0")
    return digest.hexdigest()[:12]


def fingerprint(
    folder: Path,
    cache_file: Path,
    counts: Callable[[Path], bool] = lambda _: True,
    named: Iterable[Path] = (),
) -> str:
    """Hash of the names and contents of all files that count below a folder."""
    return fingerprint_of(checksums(folder, cache_file, counts, named))


def fingerprint_of(known: Mapping[str, str]) -> str:
    """The same of files whose names and checksums are known."""
    digest = hashlib.sha256()
    for name, checksum in known.items():
        digest.update(f"{name}\0{checksum}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:12]


def checksums(
    folder: Path,
    cache_file: Path,
    counts: Callable[[Path], bool] = lambda _: True,
    named: Iterable[Path] = (),
) -> dict[str, str]:
    """SHA-256 of all files that count below a folder, by their names there.

    Hidden ones are left out, but those `named` count wherever in the folder they lie.

    A file is read again only when its size, times or inode differ from the last look, so a
    touched file costs one read and changes nothing. The time of the inode's own change is among
    them: a tool that copies content can set the other time back, but not this one.
    """
    files = [*filter(counts, _files(folder)), *sorted(path for path in named if path.is_file())]
    return _checksums(list(dict.fromkeys(files)), folder, cache_file)


def checksum(path: Path, cache_file: Path) -> str:
    """SHA-256 of one file, which is read again only when it looks different."""
    return _checksums([path], path.parent, cache_file)[path.name]


def _checksums(files: list[Path], folder: Path, cache_file: Path) -> dict[str, str]:
    known = _load_cache(cache_file)
    looks = {path: _look(path) for path in files}
    unread = {path for path, seen in looks.items() if not _is_known(known.get(str(path)), seen)}
    _tell(folder, sum(looks[path][0] for path in unread))
    found = {path: sha256(path) if path in unread else known[str(path)][4] for path in looks}
    if unread:
        fresh = {str(path): [*looks[path], checksum] for path, checksum in found.items()}
        below = f"{folder}{os.sep}"
        kept = {n: e for n, e in known.items() if not n.startswith(below) or Path(n).exists()}
        with suppress(OSError):  # without it files are only read more often
            write_json(cache_file, kept | fresh)
    return {path.relative_to(folder).as_posix(): checksum for path, checksum in found.items()}


def _look(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _is_known(entry: Any, seen: list[int]) -> bool:
    return isinstance(entry, list) and len(entry) == 5 and entry[:4] == seen


def _tell(folder: Path, size: int) -> None:
    if size > TELL_FROM:
        said = f"{folder}: reading {size / 1e9:.1f} GB once, to know its content"
        print(said, file=sys.stderr, flush=True)


def _files(folder: Path) -> Iterator[Path]:
    """All files in one order; links to folders are followed, each folder is entered once."""
    entered: set[tuple[int, int]] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        stat = Path(root).stat()
        again = (stat.st_dev, stat.st_ino) in entered
        entered.add((stat.st_dev, stat.st_ino))
        folders[:] = [] if again else sorted(name for name in folders if not _hidden(name))
        files = (Path(root) / name for name in sorted(names) if not _hidden(name) and not again)
        yield from (file for file in files if file.is_file())


def _hidden(name: str) -> bool:
    return name.startswith(".")


def _load_cache(path: Path) -> dict[str, list[Any]]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _closure(start: tuple[Path, ...]) -> list[Path]:
    """The given files and every project module that runs when they are imported, sorted."""
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
    tree = ast.parse(path.read_bytes(), filename=str(path))
    return without_declarations(tree) if declares(path) else tree


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
    # Importing a.b.c runs a and a.b first.
    whole = {name[:length] for name in names for length in range(1, len(name) + 1)}
    files = (_module_file(name) for name in whole if name[:1] == ("melablate",))
    return tuple(sorted(file for file in files if file))


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
