"""Config files: read strictly, and asked which of them holds a key."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .config_errors import ConfigError

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MISSING = object()


@dataclass(frozen=True)
class Sources:
    """The files that a config was merged from, the last of them the strongest."""

    files: Mapping[str, Any]
    """Their contents by name."""
    config: Mapping[str, Any]
    """What came of them, and of the command line."""

    @property
    def names(self) -> str:
        """All of them."""
        return " + ".join(self.files) or "config"

    def of(self, key: str) -> str:
        """The file in which a key stands, or the nearest mapping above it."""
        parts = [part for part in re.split(r"[.\[\]]", key) if part]
        for length in range(len(parts), 0, -1):
            merged = _at(self.config, parts[:length])
            holders = [
                n
                for n, content in self.files.items()
                if _at(content, parts[:length]) is not MISSING
            ]
            if holders:
                last = holders[-1]
                given = length == len(parts) and _leaf(merged)
                held = _at(self.files[last], parts[:length])
                same = not given or repr(held) == repr(merged)  # NaN is not equal to itself
                return last if same else "command line (--config)"
            if (
                merged is not MISSING
                and self.files
                and "study" in self.config
                and _ours(self.files)
            ):
                return "command line (--config)"
        return self.names


def read_sources(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> Sources:
    """Read the files again, strictly: what was merged hides a key that is given twice."""
    paths = [_near(Path(file)) for file in files]
    return Sources({str(path): read_config(path) for path in paths}, config)


def read_config(path: Path) -> Any:
    """YAML (or JSON) in which a key given twice is an error, not silently the last one."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=_no_doubles)
        return yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{path}: {place}{said}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None


class _StrictLoader(Loader):  # type: ignore[misc]
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.YAMLError(f"line {line}: a key is a word, not a list or mapping")
            if key_node.value in seen:
                first = seen[key_node.value]
                raise yaml.YAMLError(
                    f"line {line}: the key {key_node.value} is given twice, first on line {first}"
                )
            seen[key_node.value] = line
        return dict(super().construct_mapping(node, deep))


def _near(path: Path) -> Path:
    """As a person would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise ValueError(f"the key {name} is given twice")
    return dict(pairs)


def _at(content: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(content, Mapping):
            content = content.get(part, MISSING)
        elif isinstance(content, list | tuple) and part.isdecimal() and int(part) < len(content):
            content = content[int(part)]
        else:
            return MISSING
    return content


def _leaf(value: Any) -> bool:
    return value is not MISSING and not isinstance(value, Mapping)


def _ours(files: Mapping[str, Any]) -> bool:
    """Not the files of another workflow, which may hold the study below a key of its own."""
    return any(isinstance(content, Mapping) and "study" in content for content in files.values())
