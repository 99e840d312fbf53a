"""One file to fetch, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True)
class Wanted:
    """A file of an asset, where a site has it, and what it must be."""

    path: str
    """Below the asset's folder."""
    site: str
    """Name of the site in the settings."""
    address: str
    """Below the site's own address."""
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)
    """By kind: `sha256`, `git`, `md5`."""
    said_by: str = ""
    """Who promises size and checksums."""

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        known: dict[str, Any] = {"site": self.site, "address": self.address}
        known |= {"size": self.size, **self.checksums, "said_by": self.said_by}
        return known


class FetchError(Exception):
    """Something that a person can mend."""


def safe(path: str) -> str:
    """A path of a listing, if it stays within its folder."""
    pure = PurePosixPath(path)
    bad = not path or "\\" in path or "\0" in path or pure.is_absolute() or path.endswith("/")
    if bad or any(part in ("..", ".") or part.startswith("~") for part in path.split("/")):
        raise FetchError(f"the site lists a file {path!r}, which is no name within a folder")
    return str(pure)
