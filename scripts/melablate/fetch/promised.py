"""Whether what lies in the place of an asset is what was promised: quick, and without a network.

It compares checksums that are known already, for a study is told by the content of its files.
"""

from collections.abc import Mapping
from pathlib import Path

from .assets import Asset
from .needs import asset_at
from .promises import promises
from .settings import Fetch
from .shelf import LOCK, Shelf
from .wanted import FetchError

SHOWN = 3


def other_files(settings: Fetch, folder: str, found: Mapping[str, str]) -> str:
    """What is wrong with files of these SHA-256 in a folder, or nothing."""
    asset = asset_at(settings, folder)
    if asset is None:
        return ""
    try:
        known = _known(Shelf(Path(settings.folder)), asset)
    except FetchError as error:
        return str(error)
    wrong = [name for name, sha256 in found.items() if known.get(name, sha256) != sha256]
    if not wrong:
        return ""
    more = " …" if wrong[SHOWN:] else ""
    return (
        f"{folder}: not the files that {Path(settings.folder) / LOCK} and the catalogue promise: "
        f"{', '.join(wrong[:SHOWN])}{more}. `snakemake fetch` moves them away and gets the right "
        "ones; files of your own belong into another folder, which the study then names."
    )


def _known(shelf: Shelf, asset: Asset) -> dict[str, str]:
    """SHA-256 by the name in the asset's folder, where there is one."""
    recorded = promises(shelf, asset) or {}
    known = {
        path.removeprefix(f"{asset.folder}/"): str(one["sha256"])
        for path, one in recorded.items()
        if one.get("sha256")
    }
    kinds = {name: checksum.partition(":") for name, checksum in asset.checksums.items()}
    return known | {name: digest for name, (kind, _, digest) in kinds.items() if kind == "sha256"}
