"""Which code of a settings module counts as code: what a job runs, not what it may be told.

A settings module mostly declares: fields, their types, bounds and defaults, and validators. What
a job is told stands in its settings' JSON, checked and with every default filled in, so a
declaration that leaves the JSON alone changes no result: a new option, a new kind of loss or
corpus, a wider bound. Only methods, constants and what these use are code.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

VALIDATORS = {"field_validator", "model_validator", "validator", "root_validator"}


def declares(path: Path) -> bool:
    """Settings modules are told by their name."""
    return path.name.endswith("settings.py")


def without_declarations(tree: ast.Module) -> ast.Module:
    """The statements of a settings module that a job's result can depend on."""
    statements = [part for node in tree.body for part in _parts(node)]
    kept = [node for node in statements if _runs(node)]
    waiting = [node for node in statements if node not in kept]
    while used := [node for node in waiting if _names(node) & _used_by(kept)]:
        kept += used
        waiting = [node for node in waiting if node not in used]
    return ast.Module([node for node in statements if node in kept], type_ignores=[])


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """A class without its fields and validators; an import name by name."""
    if isinstance(node, ast.ClassDef):
        body = [inner for inner in node.body if not _is_field(inner) and not _is_validator(inner)]
        return [ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": body})]
    if isinstance(node, ast.ImportFrom):
        return [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
    return [ast.Import([alias]) for alias in node.names] if isinstance(node, ast.Import) else [node]


def _runs(node: ast.stmt) -> bool:
    """Whether others may run or read it; what this leaves out counts only where it is used."""
    if isinstance(node, ast.ClassDef):
        return any(not _is_text(inner) for inner in node.body)
    if isinstance(node, ast.Import | ast.ImportFrom):
        return False
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return not node.name.startswith("_")
    if isinstance(node, ast.Assign):
        return not _is_type(node.value)
    return not _is_text(node)


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.dump(node.annotation)


def _is_validator(node: ast.stmt) -> bool:
    """Whatever it turned a value into stands in the JSON."""
    decorators = getattr(node, "decorator_list", [])
    return any(name in VALIDATORS for decorator in decorators for name in _read(decorator))


def _is_type(node: ast.expr) -> bool:
    """`Annotated[…]`, `Literal[…]`, `A | B`."""
    return isinstance(node, ast.Subscript) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(node: ast.stmt) -> set[str]:
    """What a statement binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node]
    return {inner.id for t in targets for inner in ast.walk(t) if isinstance(inner, ast.Name)}


def _used_by(nodes: list[ast.stmt]) -> set[str]:
    return {name for node in nodes for name in _read(node)}


def _read(node: ast.AST) -> Iterator[str]:
    """Names that code reads when it runs; types in annotations are not among them."""
    if isinstance(node, ast.Name):
        yield node.id
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, ast.AST):
                    yield from _read(inner)
