"""What is not there yet, in words: quick, and without a network."""

from collections.abc import Iterable
from pathlib import Path

from .assets import ASSETS, Asset
from .promises import promises
from .settings import Fetch
from .shelf import Shelf
from .wanted import FetchError


def missing(settings: Fetch, names: Iterable[str]) -> str:
    """A line for every asset."""
    try:
        shelf = Shelf(Path(settings.folder))
        return "\n".join(_line(shelf, ASSETS[name]) for name in names)
    except FetchError as error:
        return str(error)


def _line(shelf: Shelf, asset: Asset) -> str:
    known = promises(shelf, asset)
    if known is None:
        return f"{asset.name}: about {asset.about:g} GB to fetch into {shelf.folder / asset.folder}"
    state = {path: shelf.probably(path, one) for path, one in known.items()}
    words = []
    for what, word in (("missing", "to fetch"), ("unsure", "to be checked")):
        sizes = [known[path]["size"] or 0 for path in known if state[path] == what]
        if sizes:
            words.append(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB, {word}")
    return f"{asset.name}: {'; '.join(words) or 'there'}"
