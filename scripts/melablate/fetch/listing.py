"""What files an asset has, as its sites list them at the pinned revision."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Protocol
from urllib.parse import quote

from .assets import PICKLES, Asset, HuggingFace, Release, Zenodo
from .wanted import FetchError, Wanted, safe


class Site(Protocol):
    """Answers in JSON."""

    def ask(
        self, site: str, address: str, read: Callable[[list[Any]], list[Wanted]]
    ) -> list[Wanted]:
        """What `read` makes of the pages of an answer, from the first mirror where it can."""


def listing(asset: Asset, site: Site) -> list[Wanted]:
    """All files of an asset; what is known for sure stands above what a site says."""
    found = [file for source in asset.sources for file in _of(source, site)]
    return [_known(file, asset) for file in found]


def _of(source: HuggingFace | Zenodo | Release, site: Site) -> list[Wanted]:
    if isinstance(source, HuggingFace):
        address = f"api/models/{source.repository}/tree/{source.revision}?recursive=true"
        return site.ask("huggingface", address, lambda pages: [*_hugging_face(source, pages)])
    if isinstance(source, Zenodo):
        address = f"api/records/{source.record}"
        return site.ask("zenodo", address, lambda pages: [*_zenodo(source, pages)])
    address = f"{source.repository}/releases/download/{source.tag}/{quote(source.file)}"
    return [Wanted(source.file, "github", address)]


def _hugging_face(source: HuggingFace, pages: list[Any]) -> Iterator[Wanted]:
    where = f"{source.repository}/tree/{source.revision}"
    entries = {e["path"]: e for page in pages for e in page if e.get("type") == "file"}
    for pattern in source.files:
        names = sorted(name for name in entries if _fits(name, pattern))
        names = [name for name in names if name == pattern or not name.endswith(PICKLES)]
        if not names:
            raise FetchError(f"huggingface: {where} has no {pattern}; the pinned revision changed")
        for name in names:
            yield _blob(source, entries[name])


def _fits(name: str, pattern: str) -> bool:
    """Whether a pattern means a file; `*` does not reach into folders."""
    return fnmatchcase(name, pattern) and name.count("/") == pattern.count("/")


def _blob(source: HuggingFace, entry: dict[str, Any]) -> Wanted:
    """Large files are named by their SHA-256, small ones by git."""
    name = safe(entry["path"])
    lfs = entry.get("lfs")
    local = name
    for end, short in source.renamed.items():
        local = local.removesuffix(end) + short if local.endswith(end) else local
    return Wanted(
        f"{source.into}/{local}" if source.into else local,
        "huggingface",
        f"{source.repository}/resolve/{source.revision}/{quote(name)}",
        int(lfs["size"] if lfs else entry["size"]),
        {"sha256": lfs["oid"].removeprefix("sha256:")} if lfs else {"git": entry["oid"]},
        f"huggingface's listing at {source.revision[:12]}",
    )


def _zenodo(source: Zenodo, pages: list[Any]) -> Iterator[Wanted]:
    (record,) = pages
    files = record["files"]
    entries = files["entries"].values() if isinstance(files, dict) else files
    known = {entry["key"]: entry for entry in entries}
    for name in source.files:
        if name not in known:
            raise FetchError(f"zenodo: record {source.record} has no {name}")
        kind, _, digest = str(known[name].get("checksum", "")).partition(":")
        yield Wanted(
            name,
            "zenodo",
            f"records/{source.record}/files/{quote(name)}?download=1",
            int(known[name]["size"]),
            {kind: digest} if kind in ("md5", "sha256") else {},
            f"zenodo's record {source.record}",
        )


def _known(file: Wanted, asset: Asset) -> Wanted:
    """With what is known for sure; where a site says otherwise, it has another file."""
    size, checksum = asset.sizes.get(file.path), asset.checksums.get(file.path)
    kind, _, digest = (checksum or "").partition(":")
    sure: dict[str, Any] = {} if size is None else {"size": size}
    if checksum:
        sure |= {"checksums": {kind: digest}, "said_by": "the catalogue"}
    for what, ours, theirs in (
        ("size", size, file.size),
        (kind, digest if checksum else None, file.checksums.get(kind)),
    ):
        if ours is not None and theirs is not None and ours != theirs:
            raise FetchError(
                f"{asset.name}/{file.path}: {file.site} offers a file whose {what} is {theirs}, "
                f"not {ours}: another file, or a wrong mirror; nothing was fetched. Try another "
                f"address in fetch.sites.{file.site}"
            )
    if checksum and kind == "md5":  # weaker than what the site may say beside it
        sure["checksums"] = {**file.checksums, kind: digest}
    return replace(file, **sure)
