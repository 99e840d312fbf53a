"""What the files of an asset must be, as its record has it."""

import json
from dataclasses import asdict
from typing import Any

from .assets import Archive, Asset
from .shelf import Shelf

Promises = dict[str, dict[str, Any]]
"""Size and checksums by path."""


def promises(shelf: Shelf, asset: Asset) -> Promises | None:
    """What the files that a study reads must be; nothing where no one has told us yet."""
    entry = shelf.lock.get("assets", {}).get(asset.name)
    if not entry or entry["sources"] != sources_of(asset):
        return None
    files = {f"{asset.folder}/{name}": known for name, known in entry["files"].items()}
    if asset.archive is not None:
        if "unpacked" not in entry:
            return None
        del files[f"{asset.folder}/{asset.archive.file}"]
        files |= inside(asset, asset.archive, entry["unpacked"])
    return files


def inside(asset: Asset, archive: Archive, members: Promises) -> Promises:
    """The files of an archive, by their paths below the folder of all assets."""
    return {f"{asset.folder}/{archive.into}/{name}": known for name, known in members.items()}


def sources_of(asset: Asset) -> list[dict[str, Any]]:
    """As JSON holds them."""
    found: list[dict[str, Any]] = json.loads(json.dumps([asdict(s) for s in asset.sources]))
    return found
