"""The work of a fetch: what is right stays, what is missing or wrong comes from its site."""

import json
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

from ..progress import Progress
from .archives import size_unpacked, unpack
from .assets import Archive, Asset
from .download import Part, download
from .job import all_right
from .listing import listing
from .promises import Promises, inside, recorded, sources_of
from .settings import Fetch
from .shelf import LOCK, Shelf, free_space
from .wanted import FetchError, Wanted
from .web import Web

MB = 1_000_000
ROOM = 100 * MB
"""Left free on the disk."""
WORTH_SHOWING = 5
"""Files of fewer MB come at once."""
LAST = ("model_index.json", "config.json", "song_describer.csv")
"""Later stages look for these; they come when all else is there."""


def work(settings: Fetch, shelf: Shelf, assets: Iterable[Asset]) -> None:
    """Bring every asset into the folder, alone."""
    with shelf.alone():
        shelf = Shelf(shelf.folder)  # what another fetch has done meanwhile
        for asset in assets:
            try:
                _asset(settings, shelf, asset)
            finally:
                shelf.save()


def _asset(settings: Fetch, shelf: Shelf, asset: Asset) -> None:
    web = Web(settings)
    entry = _entry(shelf, asset, web)
    first = not entry.get("complete")
    shelf.promise(asset.name, entry)
    files = [_wanted(name, known) for name, known in entry["files"].items()]
    if asset.archive is not None:
        files = _unpacked(web, shelf, asset, asset.archive, entry, files)
    lacking = [file for file in files if not _is_right(shelf, asset, file)]
    _make_room(shelf, asset, lacking)
    for file in sorted(lacking, key=lambda f: (f.path in LAST, f.path)):
        _fetch_file(web, shelf, asset, entry, file)
    for file in files:
        entry["files"][file.path]["sha256"] = shelf.sha256(f"{asset.folder}/{file.path}")
    shutil.rmtree(shelf.hidden / "parts" / asset.folder, ignore_errors=True)
    entry["complete"] = True
    shelf.promise(asset.name, entry)
    if first:
        _say_what_is_new(shelf, asset, entry)
    print(f"{asset.name}: is there and right ({asset.licence})", flush=True)


def _entry(shelf: Shelf, asset: Asset, web: Web) -> dict[str, Any]:
    """What is recorded of an asset, or else what its sites list."""
    entry = recorded(shelf, asset)
    if not entry:
        files = listing(asset, web)
        entry = {"sources": sources_of(asset), "files": {f.path: f.as_json() for f in files}}
    for name, checksum in asset.checksums.items():
        kind, _, digest = checksum.partition(":")
        if entry["files"].get(name, {}).get(kind, digest) != digest:
            raise FetchError(
                f"{shelf.folder / LOCK}: {asset.name}/{name} has another {kind} there than in the "
                "catalogue; remove this asset's entry"
            )
    copy: dict[str, Any] = json.loads(json.dumps(entry))
    return copy


def _wanted(name: str, known: Mapping[str, Any]) -> Wanted:
    kinds = {k: known[k] for k in ("sha256", "git", "md5") if known.get(k)}
    return Wanted(name, known["site"], known["address"], known["size"], kinds, known["said_by"])


def _is_right(shelf: Shelf, asset: Asset, file: Wanted) -> bool:
    """Whether a file is there; one that is wrong does not keep its name."""
    path = f"{asset.folder}/{file.path}"
    if not (shelf.folder / path).exists():
        return False
    said = shelf.wrong(path, file.as_json())
    if said:
        aside = shelf.hidden / "wrong" / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        (shelf.folder / path).replace(aside)
        print(f"{shelf.folder / path}: not the promised file ({said}); moved to {aside}")
    return not said


def _part(shelf: Shelf, asset: Asset, file: Wanted) -> Part:
    return Part(shelf.hidden / "parts" / asset.folder / f"{file.path}.part")


def _make_room(shelf: Shelf, asset: Asset, lacking: list[Wanted], more: int = 0) -> None:
    """Stop before the first byte where the disk cannot hold the rest."""
    needed = more + sum((f.size or 0) - _part(shelf, asset, f).size for f in lacking)
    free = free_space(shelf.folder)
    if needed and needed + ROOM > free:
        raise FetchError(
            f"{asset.name}: needs {needed / MB:.0f} MB more, {shelf.folder} has {free / MB:.0f} MB "
            f"free (and {ROOM / MB:.0f} are left alone); make room, or name a folder elsewhere in "
            "fetch.folder"
        )


def _fetch_file(web: Web, shelf: Shelf, asset: Asset, entry: dict[str, Any], file: Wanted) -> None:
    path = f"{asset.folder}/{file.path}"
    part = _part(shelf, asset, file)
    total, target = (file.size or 0) // MB, shelf.folder / path
    progress = Progress(f"{asset.name}/{file.path} (MB)", total, done=part.size // MB)
    shown = total >= WORTH_SHOWING
    download(web, file, part, target, lambda n: progress.step(n // MB) if shown else None)
    said = shelf.wrong(path, file.as_json())
    if said:  # it changed under our hands
        raise FetchError(f"{target}: {said}")
    entry["files"][file.path]["size"] = target.stat().st_size
    shelf.save()


def _unpacked(
    web: Web,
    shelf: Shelf,
    asset: Asset,
    archive: Archive,
    entry: dict[str, Any],
    files: list[Wanted],
) -> list[Wanted]:
    """See that the archive's files are there; the asset's other files."""
    (packed,) = [file for file in files if file.path == archive.file]
    members = entry.get("unpacked")
    if members is None or not all_right(shelf, inside(asset, archive, members)):
        if not _is_right(shelf, asset, packed):
            _make_room(shelf, asset, [packed], more=packed.size or 0)
            _fetch_file(web, shelf, asset, entry, packed)
        known = shelf.sha256(f"{asset.folder}/{archive.file}")
        entry["files"][archive.file]["sha256"] = known
        entry["unpacked"] = _unpack(shelf, asset, archive)
        shelf.promise(asset.name, entry)
        shelf.save()
    if not web.settings.keep_archives:
        (shelf.folder / asset.folder / archive.file).unlink(missing_ok=True)
    return [file for file in files if file is not packed]


def _unpack(shelf: Shelf, asset: Asset, archive: Archive) -> Promises:
    folder = shelf.folder / asset.folder
    packed, into = folder / archive.file, folder / archive.into
    _make_room(shelf, asset, [], more=size_unpacked(packed, into.name))
    progress: list[Progress] = []

    def step(done: int, total: int) -> None:
        if not progress:
            progress.append(Progress(f"{asset.name}: files unpacked", total))
        progress[0].step(done)

    members = unpack(packed, into, shelf.hidden / "unpack" / asset.folder / archive.into, step)
    for path, known in inside(asset, archive, members).items():
        shelf.remember(path, known["sha256"])
    return members


def _say_what_is_new(shelf: Shelf, asset: Asset, entry: Mapping[str, Any]) -> None:
    """Nobody vouched for these but the site itself."""
    by = {known["said_by"] or "nobody" for known in entry["files"].values()} - {"the catalogue"}
    new = [name for name, known in entry["files"].items() if known["said_by"] != "the catalogue"]
    if new:
        print(
            f"{asset.name}: the catalogue knows no SHA-256 of {', '.join(new)}; what "
            f"{' and '.join(sorted(by))} promised is recorded in {shelf.folder / LOCK}. "
            "Keep that file, and commit it: then the next fetch demands the same",
            flush=True,
        )
