"""What the files of an asset must be, as its record has it."""

import json
from dataclasses import asdict
from typing import Any

from .assets import Archive, Asset
from .settings import Sites
from .shelf import LOCK, Shelf
from .wanted import FetchError, safe

Promises = dict[str, dict[str, Any]]
"""Size and checksums by path."""


def promises(shelf: Shelf, asset: Asset) -> Promises | None:
    """What the files that a study reads must be; nothing where no one has told us yet."""
    entry = recorded(shelf, asset)
    if not entry:
        return None
    files = {f"{asset.folder}/{name}": known for name, known in entry["files"].items()}
    if asset.archive is not None:
        if "unpacked" not in entry:
            return None
        del files[f"{asset.folder}/{asset.archive.file}"]
        files |= inside(asset, asset.archive, entry["unpacked"])
    return files


def recorded(shelf: Shelf, asset: Asset) -> dict[str, Any]:
    """What the record has of an asset from the sources of today; empty where it has nothing.

    It may come from somebody else: what it names must stay in the asset's folder.
    """
    entry = shelf.recorded.get(asset.name)
    if not isinstance(entry, dict) or entry.get("sources") != sources_of(asset):
        return {}
    try:
        for name, known in (entry["files"] | entry.get("unpacked", {})).items():
            safe(name)
            if not isinstance(known["size"], int | None):
                raise TypeError(f"a size of {known['size']!r}")
        for known in entry["files"].values():
            if known["site"] not in Sites.model_fields:
                raise KeyError(known["site"])
            str(known["address"]), str(known["said_by"])
    except (KeyError, TypeError, AttributeError, FetchError) as error:
        raise FetchError(
            f"{shelf.folder / LOCK}: what it says of {asset.name} cannot be used ({error}); remove "
            "that part, or restore the file"
        ) from None
    return entry


def inside(asset: Asset, archive: Archive, members: Promises) -> Promises:
    """The files of an archive, by their paths below the folder of all assets."""
    return {f"{asset.folder}/{archive.into}/{name}": known for name, known in members.items()}


def sources_of(asset: Asset) -> list[dict[str, Any]]:
    """As JSON holds them."""
    found: list[dict[str, Any]] = json.loads(json.dumps([asdict(s) for s in asset.sources]))
    return found
