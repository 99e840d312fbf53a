"""Fetch assets into their folder; where all is there and right, nothing is done, and at once."""

from collections.abc import Iterable
from pathlib import Path

from .assets import ASSETS, Asset
from .promises import Promises, promises
from .settings import Fetch
from .shelf import Shelf
from .wanted import FetchError


def fetch(settings: Fetch, names: Iterable[str]) -> None:
    """Bring every named asset into its folder."""
    shelf, assets = Shelf(Path(settings.folder)), [ASSETS[name] for name in names]
    try:
        lacking = [one for one in assets if not complete(shelf, one)]
        shelf.save()
        if lacking:
            from .work import work  # what speaks with sites takes a while to import

            work(settings, shelf, lacking)
            return
    except OSError as error:
        raise FetchError(
            f"{settings.folder}: {error}. May you write there, and is there room? "
            "Say the same command again: it goes on from there"
        ) from None
    print(f"{settings.folder}: everything is there: {', '.join(a.name for a in assets) or '-'}")


def complete(shelf: Shelf, asset: Asset) -> bool:
    """Whether all files of an asset are there and right; reads only those that changed."""
    needed = promises(shelf, asset)
    return needed is not None and all_right(shelf, needed)


def all_right(shelf: Shelf, needed: Promises) -> bool:
    """Whether these files are there and right."""
    return all(
        shelf.probably(path, known) != "missing" and not shelf.wrong(path, known)
        for path, known in needed.items()
    )
