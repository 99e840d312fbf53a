"""What a script imports, followed statically through the project's modules.

Only what is reached counts: of a module from which two functions are taken, what stands outside
of functions, these two, and what they call. A module that is loaded by a name with a gap
(`codecs.{kind}.encode`) stands for all that fit the name and define something of what is taken.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
ALL = "*"
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """Import statements of packages, in all files that a script reaches."""
    found: list[ast.Import | ast.ImportFrom] = []
    for module, names in reached(path).items():
        for node in nodes(module, names):
            if isinstance(node, ast.Import):
                found += [ast.Import([a]) for a in node.names if not ours(a.name)]
            elif isinstance(node, ast.ImportFrom) and not node.level and not ours(node.module):
                found.append(node)
    return found


def reached(path: Path) -> dict[Path, set[str]]:
    """Files of the project that a script comes to, and the names that it takes from them."""
    taken: dict[Path, set[str]] = defaultdict(set)
    waiting = [(path, ALL)]
    while waiting:
        module, name = waiting.pop()
        if name not in taken[module]:
            taken[module].add(name)
            waiting += further(module, {name})
    return dict(taken)


def further(module: Path, names: set[str]) -> Iterator[tuple[Path, str]]:
    package = module.relative_to(SCRIPTS).parent.parts
    for node in nodes(module, names):
        if isinstance(node, ast.Import):
            for alias in filter(lambda alias: ours(alias.name), node.names):
                yield existing(tuple(alias.name.split("."))), ALL
        elif isinstance(node, ast.ImportFrom) and (node.level or ours(node.module)):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                inner = file_of((*base, alias.name))
                yield (inner, ALL) if inner else (existing(base), alias.name)
    yield from by_name(module, names)


def by_name(module: Path, names: set[str]) -> Iterator[tuple[Path, str]]:
    """Modules that a reached function loads by a name that it puts together."""
    package = ".".join(module.relative_to(SCRIPTS).parent.parts)
    for function in definitions(module, names):
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and loads(n)]
        for call in calls:
            pattern = text_of(call.args[0], function).replace("{__package__}", package)
            level = len(pattern) - len(pattern.lstrip("."))
            if level:
                above = package.split(".")
                pattern = ".".join([*above[: len(above) - level + 1], pattern.lstrip(".")])
            wanted = attributes(call, function)
            files = SCRIPTS.glob(pattern.replace(".", "/") + ".py")
            fitting = [(path, name) for path in files for name in wanted & defined(path)]
            assert fitting, f"{module}: nothing fits {pattern} with {wanted}"
            yield from fitting


def loads(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "import_module"


def text_of(node: ast.expr, function: Definition) -> str:
    """`a.{__package__}` kept, any other gap a star; a variable is looked up in its function."""
    if isinstance(node, ast.Name):
        values = [
            n.value
            for n in ast.walk(function)
            if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == node.id
        ]
        (node,) = values
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr), ast.unparse(node)
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            assert isinstance(part, ast.FormattedValue)
            word = ast.unparse(part.value)
            parts.append("{__package__}" if word == "__package__" else "*")
    return "".join(parts)


def attributes(call: ast.Call, function: Definition) -> set[str]:
    """What is taken from the loaded module: `load(…).name`, or `m = load(…)` and `m.name`."""
    holders = {
        ast.unparse(node.targets[0])
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and node.value is call
    }
    found = {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and (node.value is call or ast.unparse(node.value) in holders)
    }
    assert found, ast.unparse(call)
    return found


def nodes(module: Path, names: set[str]) -> Iterator[ast.AST]:
    """All nodes outside of functions and classes, and those of what is reached."""
    for statement in tree_of(module).body:
        if not isinstance(statement, Definition):
            yield from ast.walk(statement)
    for definition in definitions(module, names):
        yield from ast.walk(definition)


def definitions(module: Path, names: set[str]) -> list[Definition]:
    """Functions and classes that are named, or called from there or from outside of any."""
    body = tree_of(module).body
    known = {statement.name: statement for statement in body if isinstance(statement, Definition)}
    outside = {
        node.id
        for statement in body
        if not isinstance(statement, Definition)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }
    waiting = list(known) if ALL in names else [n for n in known if n in names | outside]
    found: dict[str, Definition] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            inner = {n.id for n in ast.walk(known[name]) if isinstance(n, ast.Name)}
            waiting += [other for other in inner if other in known]
    return list(found.values())


def defined(module: Path) -> set[str]:
    """Names at the top of a module, imported ones too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, Definition):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def ours(name: str | None) -> bool:
    return (name or "").partition(".")[0] == "melablate"


def file_of(name: tuple[str, ...]) -> Path | None:
    path = SCRIPTS.joinpath(*name)
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in found if file.is_file()), None)


def existing(name: tuple[str, ...]) -> Path:
    path = file_of(name)
    assert path, f"no module {'.'.join(name)}"
    return path
