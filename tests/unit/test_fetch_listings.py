"""What sites list of an asset: pages, other forms, patterns, names that lead elsewhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fetch_server import Fault, Site, running
from fetch_sites import (
    MODEL,
    MODEL_THERE,
    REVISION,
    SONGS_THERE,
    catalogue,
    entry,
    files,
    model,
    offer_model,
    settings,
    site,
    use,
)
from melablate.fetch.assets import Asset, HuggingFace
from melablate.fetch.job import fetch
from melablate.fetch.settings import Sites
from melablate.fetch.wanted import FetchError

__all__ = ["catalogue", "site"]
pytestmark = pytest.mark.usefixtures("catalogue")


def test_a_new_revision_is_listed_anew(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = settings(tmp_path, site.address)
    fetch(where, ["tiny"])
    newer = "f" * 40
    changed = MODEL | {"unet/config.json": b'{"b": 22}'}
    offer_model(site, changed, newer)
    source = HuggingFace("org/tiny", newer, ("model_index.json", "unet/*", "tokenizer/*"))
    use(monkeypatch, Asset("tiny", "models/tiny", 0.0, "free", (source,)))
    site.asked.clear()
    fetch(where, ["tiny"])
    assert files(tmp_path)["models/tiny/unet/config.json"] == b'{"b": 22}'
    assert len(site.asked) == 2, "the listing, and the one file that changed"


def test_renamed_files_and_two_repositories_make_one_folder(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_model(site, {"unet/x.fp16.safetensors": b"half", "config.json": b"{}"})
    names = {".fp16.safetensors": ".safetensors"}
    sources = (
        HuggingFace("org/tiny", REVISION, ("config.json",), into="vae"),
        HuggingFace("org/tiny", REVISION, ("unet/*.fp16.safetensors",), renamed=names),
    )
    use(monkeypatch, Asset("two", "models/two", 0.0, "free", sources))
    fetch(settings(tmp_path, site.address), ["two"])
    assert files(tmp_path) == {
        "models/two/vae/config.json": b"{}",
        "models/two/unet/x.safetensors": b"half",
    }


def test_the_listing_may_have_pages(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"/api/models/org/tiny/tree/{REVISION}"
    entries = json.loads(site.files[where])
    site.files["/more"] = json.dumps(entries[3:]).encode()
    site.faults[where] = [
        Fault(body=json.dumps(entries[:3]).encode(), headers={"Link": '</more>; rel="next"'})
    ]
    fetch(settings(tmp_path, site.address), ["tiny"])
    assert files(tmp_path) == MODEL_THERE
    site.faults[where] = [Fault(headers={"Link": '<http://127.0.0.1:9/x>; rel="next"'})]
    with pytest.raises(FetchError, match="another site"):
        fetch(settings(tmp_path / "b", site.address), ["tiny"])


@pytest.mark.parametrize("path", ["../up", "/etc/x", "a/../../b", "a\\b", "./a", "~root/x", "a//"])
def test_a_listing_cannot_lead_out_of_the_folder(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    where = f"/api/models/org/tiny/tree/{REVISION}"
    site.files[where] = json.dumps([entry(path, b"x")]).encode()
    source = HuggingFace("org/tiny", REVISION, ("/".join("*" for _ in path.split("/")),))
    use(monkeypatch, Asset("tiny", "models/tiny", 0, "", (source,)))
    with pytest.raises(FetchError, match="no name within a folder"):
        fetch(settings(tmp_path / "in", site.address), ["tiny"])
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_what_the_listing_lacks_is_said(site: Site, tmp_path: Path) -> None:
    offer_model(site, {"model_index.json": b"{}", "unet/x.bin": b"pickle"})
    with pytest.raises(FetchError, match=r"has no unet/\*"):
        fetch(settings(tmp_path, site.address), ["tiny"])
    site.files[f"/api/models/org/tiny/tree/{REVISION}"] = b"<html>"
    with pytest.raises(FetchError, match="no JSON"):
        fetch(settings(tmp_path, site.address), ["tiny"])
    site.files["/api/records/7"] = b'{"files": []}'
    with pytest.raises(FetchError, match=r"record 7 has no audio.zip"):
        fetch(settings(tmp_path, site.address), ["songs"])
    with pytest.raises(FetchError, match="HTTP 404"):
        fetch(settings(tmp_path, f"{site.address}/wrong"), ["songs"])


SHAPES = [
    {"error": "maintenance"},
    ["README.md"],
    [[]],
    [{"type": "file", "path": name} for name in MODEL],
    [{"type": "file", "path": name, "oid": 7, "size": "much", "lfs": []} for name in MODEL],
    {"id": 7},
    {"files": [{"key": name} for name in ("audio.zip", "audio_licenses.txt")]},
    {"files": {"entries": [1]}},
    "down",
    None,
]


@pytest.mark.parametrize("shape", SHAPES, ids=json.dumps)
@pytest.mark.parametrize("name", ["tiny", "songs"])
def test_a_listing_of_another_form_is_told_and_the_next_mirror_asked(
    site: Site, tmp_path: Path, name: str, shape: object
) -> None:
    listing = {"tiny": f"/api/models/org/tiny/tree/{REVISION}", "songs": "/api/records/7"}[name]
    with running(Site(files={listing: json.dumps(shape).encode()})) as strange:
        with pytest.raises(FetchError, match=strange.address):
            fetch(settings(tmp_path, strange.address), [name])
        both = (strange.address, site.address)
        sites = Sites(zenodo=both, huggingface=both, github=both)
        given = settings(tmp_path, site.address).model_copy(update={"sites": sites})
        fetch(given, [name])
    assert files(tmp_path) == {"tiny": MODEL_THERE, "songs": SONGS_THERE}[name]


def test_a_pattern_does_not_reach_into_folders(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_model(site, {"vocab.json": b"1", "old/vocab.json": b"2", "tokenizer/vocab.json": b"3"})
    source = HuggingFace("org/tiny", REVISION, ("*vocab.json", "tokenizer/*"))
    use(monkeypatch, replace(model(), sources=(source,)))
    fetch(settings(tmp_path, site.address), ["tiny"])
    assert files(tmp_path / "models/tiny") == {"vocab.json": b"1", "tokenizer/vocab.json": b"3"}
