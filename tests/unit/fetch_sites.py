"""Small stand-ins of the real sites: a Zenodo record and Hugging Face repositories, with the
answers of their APIs, for assets of the real catalogue's form.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from fetch_server import Site, running
from melablate.fetch.assets import ASSETS, Archive, Asset, HuggingFace, Zenodo
from melablate.fetch.settings import Fetch, Sites

REVISION = "0123456789abcdef0123456789abcdef01234567"
MODEL = {
    "model_index.json": b'{"a": 1}',
    "unet/config.json": b'{"b": 2}',
    "unet/diffusion_pytorch_model.safetensors": b"weights" * 5000,
    "unet/diffusion_pytorch_model.bin": b"a pickle" * 5000,
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"a b\n",
    "README.md": b"# words",
}
BIG = 1000
"""Files above this are large ones, which the API names by SHA-256."""
TRACKS = {f"audio/{n % 3:02d}/{n}.2min.mp3": bytes([n]) * (2000 + n) for n in range(12)}
CAPTIONS = b"caption_id,track_id\n1,1\n"
WANTED = {name: body for name, body in MODEL.items() if not name.endswith((".bin", ".md"))}
MODEL_THERE = {f"models/tiny/{name}": body for name, body in WANTED.items()}
SONGS_THERE = {f"data/songs/{name}": body for name, body in TRACKS.items()} | {
    "data/songs/audio_licenses.txt": b"licences",
    "data/songs/song_describer.csv": b"caption_id,track_id\n1,1\n",
}


def packed(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return out.getvalue()


def model(name: str = "tiny", **more: object) -> Asset:
    """A model of one repository."""
    source = HuggingFace("org/tiny", REVISION, ("model_index.json", "unet/*", "tokenizer/*"))
    return Asset(name, f"models/{name}", 0.0, "free", (source,), **more)  # type: ignore[arg-type]


def songs(**more: object) -> Asset:
    """A data set with an archive."""
    source = Zenodo("7", ("audio.zip", "audio_licenses.txt", "song_describer.csv"))
    archive = Archive("audio.zip", "audio")
    return Asset("songs", "data/songs", 0.0, "free", (source,), archive=archive, **more)  # type: ignore[arg-type]


def offer_model(site: Site, files: Mapping[str, bytes] = MODEL, revision: str = REVISION) -> None:
    """As Hugging Face answers, in two pages."""
    entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "unet"}]
    entries += [entry(name, body) for name, body in files.items()]
    where = f"/api/models/org/tiny/tree/{revision}"
    site.files[where] = json.dumps(entries).encode()
    for name, body in files.items():
        site.files[f"/org/tiny/resolve/{revision}/{quote(name)}"] = body


def entry(name: str, body: bytes) -> dict[str, object]:
    """Of a listing: large files have their SHA-256, others git's name."""
    oid = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    found: dict[str, object] = {"type": "file", "oid": oid, "size": len(body), "path": name}
    if len(body) > BIG:
        found |= {"oid": "f" * 40, "size": len(body)}
        found["lfs"] = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body)}
    return found


def offer_songs(site: Site, archive: bytes | None = None, record: str = "7") -> None:
    """As Zenodo answers."""
    files = {
        "audio.zip": packed(TRACKS) if archive is None else archive,
        "audio_licenses.txt": b"licences",
        "song_describer.csv": CAPTIONS,
    }
    listed = [
        {"key": name, "size": len(body), "checksum": f"md5:{hashlib.md5(body).hexdigest()}"}
        for name, body in files.items()
    ]
    site.files[f"/api/records/{record}"] = json.dumps({"files": listed}).encode()
    for name, body in files.items():
        site.files[f"/records/{record}/files/{name}"] = body


def settings(folder: Path, address: str, **more: object) -> Fetch:
    """Of a fetch that asks the site alone."""
    sites = Sites(zenodo=(address,), huggingface=(address,), github=(address,))
    quick: dict[str, object] = {"attempts": 3, "timeout": 0.5, "wait": 0.0}
    return Fetch(folder=str(folder), sites=sites, **(quick | more))  # type: ignore[arg-type]


__all__ = ["ASSETS"]


def use(monkeypatch: pytest.MonkeyPatch, *assets: Asset) -> None:
    for asset in assets:
        monkeypatch.setitem(ASSETS, asset.name, asset)  # type: ignore[arg-type]


def files(folder: Path) -> dict[str, bytes]:
    """All files but the fetch's own."""
    found = (p for p in folder.rglob("*") if p.is_file())
    named = {str(p.relative_to(folder)): p.read_bytes() for p in found}
    return {n: b for n, b in named.items() if not n.startswith(".fetch/") and "lock.json" not in n}


@pytest.fixture
def site() -> Iterator[Site]:
    """Has the model and the songs."""
    with running(Site()) as made:
        offer_model(made)
        offer_songs(made)
        yield made


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names those two."""
    use(monkeypatch, model(), songs())
