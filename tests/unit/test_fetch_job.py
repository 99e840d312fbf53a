"""Whole assets: fetched once, right, in the layout that studies read; then nothing is done."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from fetch_server import Site
from fetch_sites import (
    MODEL,
    MODEL_THERE,
    REVISION,
    SONGS_THERE,
    TRACKS,
    WANTED,
    catalogue,
    files,
    model,
    offer_model,
    packed,
    settings,
    site,
    use,
)
from melablate.fetch import work
from melablate.fetch.assets import PICKLES
from melablate.fetch.job import fetch
from melablate.fetch.missing import missing
from melablate.fetch.wanted import FetchError

__all__ = ["catalogue", "site"]
pytestmark = pytest.mark.usefixtures("catalogue")

UNET = "unet/diffusion_pytorch_model.safetensors"


def test_a_model_and_a_data_set_arrive_whole(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(settings(tmp_path, site.address), ["tiny", "songs"])
    assert files(tmp_path) == MODEL_THERE | SONGS_THERE
    said = capsys.readouterr().out
    assert "tiny: is there and right (free)" in said
    assert "commit it" in said and f"huggingface's listing at {REVISION[:12]}" in said
    assert not any(path.endswith(PICKLES) for path in files(tmp_path))
    asked = [r.path for r in site.asked]
    assert asked.index(f"/org/tiny/resolve/{REVISION}/model_index.json") == max(
        n for n, path in enumerate(asked) if "/org/" in path and "resolve" in path
    ), "what later stages look for comes last"


def test_then_nothing_is_done_offline(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = settings(tmp_path, site.address)
    fetch(where, ["tiny", "songs"])
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    site.asked.clear()
    no_reading(monkeypatch)
    fetch(where, ["tiny", "songs"])
    assert not site.asked and "everything is there" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a network nor a checksum."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("it was not to be used")

    monkeypatch.setattr("socket.socket", fail)
    monkeypatch.setattr("melablate.fetch.shelf.differs", fail)
    monkeypatch.setattr("melablate.fetch.shelf.checksums", fail)


def test_a_changed_file_is_seen_and_fetched_anew(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = settings(tmp_path, site.address)
    fetch(where, ["tiny"])
    file = tmp_path / "models/tiny" / UNET
    stat = file.stat()
    file.write_bytes(b"WEIGHTS" * 5000)  # of the same size
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # and time
    site.asked.clear()
    fetch(where, ["tiny"])
    assert files(tmp_path) == MODEL_THERE
    assert [r.path for r in site.asked] == [f"/org/tiny/resolve/{REVISION}/{UNET}"]
    assert "not the promised file" in capsys.readouterr().out
    assert (tmp_path / ".fetch/wrong/models/tiny" / UNET).read_bytes() == b"WEIGHTS" * 5000


def test_a_touched_file_is_read_and_kept(site: Site, tmp_path: Path) -> None:
    where = settings(tmp_path, site.address)
    fetch(where, ["tiny"])
    (tmp_path / "models/tiny" / UNET).touch()
    site.asked.clear()
    fetch(where, ["tiny"])
    assert not site.asked


def test_what_is_laid_there_by_hand_is_taken_if_it_is_right(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "models/tiny" / UNET
    bad = tmp_path / "models/tiny/unet/config.json"
    good.parent.mkdir(parents=True)
    good.write_bytes(MODEL[UNET])
    (tmp_path / "models/tiny/model_index.json").write_bytes(MODEL["model_index.json"])
    bad.write_bytes(b'{"b": 3}')
    archive = tmp_path / "data/songs/audio.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(packed(TRACKS))
    fetch(settings(tmp_path, site.address), ["tiny", "songs"])
    assert files(tmp_path) == MODEL_THERE | SONGS_THERE
    asked = {r.path for r in site.asked}
    assert not any(path.endswith((UNET, "audio.zip")) for path in asked)
    no_reading(monkeypatch)
    fetch(settings(tmp_path, site.address), ["tiny", "songs"])
    assert any(path.endswith("unet/config.json") for path in asked)


def test_a_record_that_travels_makes_the_site_needless(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files and the record copied by hand, to a machine without any network."""
    fetch(settings(tmp_path / "a", site.address), ["tiny", "songs"])
    shutil.copytree(tmp_path / "a", tmp_path / "b", ignore=shutil.ignore_patterns(".fetch"))
    monkeypatch.setattr("socket.socket", None)
    fetch(settings(tmp_path / "b", "http://127.0.0.1:9"), ["tiny", "songs"])


def test_the_record_is_the_same_each_time_and_demands_the_same(site: Site, tmp_path: Path) -> None:
    for name in "ab":
        fetch(settings(tmp_path / name, site.address), ["tiny", "songs"])
    one, other = ((tmp_path / name / "fetch.lock.json").read_bytes() for name in "ab")
    assert one == other and site.address.encode() not in one
    lock = json.loads(one)["assets"]
    for name, body in WANTED.items():
        known = lock["tiny"]["files"][name]
        assert known["sha256"] == hashlib.sha256(body).hexdigest() and known["size"] == len(body)
    assert lock["songs"]["unpacked"]["00/0.2min.mp3"]["size"] == 2000
    offer_model(site, MODEL | {UNET: b"changed" * 5000})
    (tmp_path / "c").mkdir()
    (tmp_path / "c/fetch.lock.json").write_bytes(one)
    with pytest.raises(FetchError, match="wrong bytes"):
        fetch(settings(tmp_path / "c", site.address), ["tiny"])
    assert f"models/tiny/{UNET}" not in files(tmp_path / "c")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"files": {"../../evil": {"size": 1}}},
        {"files": {"a": {"size": 1, "site": "__class__", "address": "", "said_by": ""}}},
        {"files": {"a": {"size": "1", "site": "zenodo", "address": "", "said_by": ""}}},
        {"files": {}, "unpacked": {"/etc/evil": {"size": 1}}},
        {"files": ["a"]},
        {"files": {"a": 3}},
        {},
    ],
)
def test_a_record_from_a_stranger_cannot_lead_out_of_the_folder(
    site: Site, tmp_path: Path, spoilt: dict[str, object]
) -> None:
    lock = tmp_path / "in/fetch.lock.json"
    fetch(settings(lock.parent, site.address), ["tiny"])
    content = json.loads(lock.read_text())
    entry = {"sources": content["assets"]["tiny"]["sources"], **spoilt}
    lock.write_text(json.dumps(content | {"assets": {"tiny": entry}}))
    with pytest.raises(FetchError, match="what it says of tiny cannot be used"):
        fetch(settings(lock.parent, site.address), ["tiny"])
    assert "cannot be used" in missing(settings(lock.parent, site.address), ["tiny"])
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("content", ["{}", '{"assets": []}', '{"assets": {"tiny": 1}}'])
def test_a_record_that_says_nothing_is_written_anew(
    site: Site, tmp_path: Path, content: str
) -> None:
    (tmp_path / "fetch.lock.json").write_text(content)
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch/seen.json").write_text('{"models/tiny/model_index.json": 7}')
    fetch(settings(tmp_path, site.address), ["tiny"])
    assert files(tmp_path) == MODEL_THERE
    assert "tiny" in json.loads((tmp_path / "fetch.lock.json").read_text())["assets"]


def test_what_the_catalogue_knows_stands_above_the_site(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = hashlib.sha256(MODEL[UNET]).hexdigest()
    use(monkeypatch, model(checksums={UNET: f"sha256:{right}"}, sizes={UNET: len(MODEL[UNET])}))
    fetch(settings(tmp_path / "a", site.address), ["tiny"])
    offer_model(site, MODEL | {UNET: b"another" * 5000})
    with pytest.raises(FetchError, match=rf"sha256 is .*, not {right}.*nothing was fetched"):
        fetch(settings(tmp_path / "b", site.address), ["tiny"])
    offer_model(site, MODEL | {UNET: b"another"})
    with pytest.raises(FetchError, match="size is 7, not 35000"):
        fetch(settings(tmp_path / "b", site.address), ["tiny"])
    assert files(tmp_path / "b") == {}
    lock = tmp_path / "a/fetch.lock.json"
    lock.write_text(lock.read_text().replace(right, "0" * 64))
    with pytest.raises(FetchError, match="another sha256 there than in the catalogue"):
        fetch(settings(tmp_path / "a", site.address), ["tiny"])


def test_a_lost_track_is_fetched_again_with_its_archive(site: Site, tmp_path: Path) -> None:
    where = settings(tmp_path, site.address)
    fetch(where, ["songs"])
    (tmp_path / "data/songs/audio/00/0.2min.mp3").unlink()
    (tmp_path / "data/songs/audio/01/1.2min.mp3").write_bytes(b"\1" * 1999 + b"\0\0")
    fetch(where, ["songs"])
    assert files(tmp_path) == SONGS_THERE


def test_a_kept_archive_mends_without_a_network(site: Site, tmp_path: Path) -> None:
    where = settings(tmp_path, site.address, keep_archives=True)
    fetch(where, ["songs"])
    assert (tmp_path / "data/songs/audio.zip").exists()
    shutil.rmtree(tmp_path / "data/songs/audio/00")
    site.asked.clear()
    fetch(where, ["songs"])
    assert not site.asked and SONGS_THERE.items() <= files(tmp_path).items()


def test_a_disk_without_room_is_said_before_the_first_byte(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "free_space", lambda folder: work.ROOM + 10)
    with pytest.raises(FetchError, match=r"tiny: needs 0 MB more.*100 MB\s+free.*make room"):
        fetch(settings(tmp_path, site.address), ["tiny"])
    assert not any("resolve" in r.path for r in site.asked)


def test_a_folder_that_only_others_may_write_is_used_as_it_is(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The member of a group who has not fetched it: reads, checks, changes nothing."""
    where = settings(tmp_path, site.address)
    fetch(where, ["tiny"])
    (tmp_path / ".fetch/seen.json").unlink()

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("melablate.fetch.shelf.write_json", fail)
    fetch(where, ["tiny"])


def test_a_link_to_a_folder_shares_it(site: Site, tmp_path: Path) -> None:
    (tmp_path / "group").mkdir()
    (tmp_path / "assets").symlink_to("group")
    fetch(settings(tmp_path / "assets", site.address), ["tiny"])
    assert files(tmp_path / "group") == MODEL_THERE


def test_what_is_missing_is_told_offline_with_sizes(site: Site, tmp_path: Path) -> None:
    where = settings(tmp_path, site.address)
    assert missing(where, ["tiny", "vggish"]).splitlines() == [
        f"tiny: about 0 GB to fetch into {tmp_path}/models/tiny",
        f"vggish: about 0.29 GB to fetch into {tmp_path}/models/vggish",
    ]
    fetch(where, ["tiny"])
    assert missing(where, ["tiny"]) == "tiny: there"
    (tmp_path / "models/tiny" / UNET).unlink()
    (tmp_path / "models/tiny/unet/config.json").touch()
    said = "tiny: 1 files, 0.0 MB, to fetch; 1 files, 0.0 MB, to be checked"
    assert missing(where, ["tiny"]) == said
    (tmp_path / "fetch.lock.json").write_text("[")
    assert "cannot be read" in missing(where, ["tiny"])
