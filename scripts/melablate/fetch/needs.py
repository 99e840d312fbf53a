"""Which assets a study needs, and which are not there: quick, and without a network."""

import os
from collections.abc import Iterable
from pathlib import Path

from .assets import ASSETS, Asset
from .settings import Fetch


def place(settings: Fetch, asset: Asset) -> Path:
    """The folder of an asset."""
    return Path(settings.folder) / asset.folder


def asset_at(settings: Fetch, path: str) -> Asset | None:
    """The asset whose place a study's path is."""
    there = os.path.realpath(path)
    return next((a for a in ASSETS.values() if os.path.realpath(place(settings, a)) == there), None)


def needed(settings: Fetch, paths: Iterable[str]) -> list[str]:
    """Names of the assets at the study's paths, and of those that its config names."""
    found = [asset.name for path in paths if (asset := asset_at(settings, path))]
    return list(dict.fromkeys([*found, *settings.assets]))
