"""What is said of models and data that are there, absent, cut short or of something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fetch_server import Site, running
from fetch_sites import offer_songs, settings, songs
from melablate.doctor import given
from melablate.fetch.assets import ASSETS
from melablate.fetch.job import fetch
from melablate.fetch.settings import Fetch
from patients import bad, levels, patient
from tiny_base import write_base


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the checksums of what is looked at are noted."""
    monkeypatch.chdir(tmp_path)


def test_the_embedded_study_needs_nothing(tmp_path: Path) -> None:
    assert levels(list(given.check(patient(tmp_path)))) == ["OK"]


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetch]:
    """A site with one data set, and the settings that fetch it."""
    asset = songs()
    monkeypatch.setitem(ASSETS, asset.name, asset)  # type: ignore[arg-type]
    with running(Site()) as site:
        offer_songs(site)
        yield settings(tmp_path / "assets", site.address)


def told(fetch: Fetch, root: Path) -> list[str]:
    folder = f"{fetch.folder}/{songs().folder}"
    corpus = {"kind": "folder", "path": folder, "table": "song_describer.csv"}
    corpora = {"songs": corpus, "broad": {"kind": "minimidi", "part": "broad"}}
    study = patient(
        root,
        corpora=corpora,
        corpus="songs",
        embedder={"kind": "tiny_clap", "corpora": ["broad"]},
        arms=["baseline"],
        fetch=fetch.model_dump(mode="json"),
    )
    found = list(given.check(study))
    bad(found)
    return [f"{one.level.name}: {one.what}" for one in found]


def test_fetched_data_are_told_from_absent_and_broken_ones(
    catalogue: Fetch, tmp_path: Path
) -> None:
    (said,) = [line for line in told(catalogue, tmp_path) if "not there" in line]
    assert said.startswith("FAILURE: ")
    fetch(catalogue, [songs().name])
    folder = Path(catalogue.folder) / songs().folder
    whole = told(catalogue, tmp_path)
    assert not [line for line in whole if "promised" in line or "to fetch" in line], whole

    track = next(folder.rglob("*.mp3"))
    sound = track.read_bytes()
    track.write_bytes(sound[:-1])
    assert any("FAILURE" in line and "promised size" in line for line in told(catalogue, tmp_path))
    track.write_bytes(sound[:-1] + b"?")  # of the right size: only reading it can tell
    assert any("WARNING" in line and "to be checked" in line for line in told(catalogue, tmp_path))
    track.unlink()
    assert any("FAILURE" in line and track.name in line for line in told(catalogue, tmp_path))


def test_a_base_of_ones_own_must_be_whole(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")

    def said() -> list[str]:
        bases = {"own": {"kind": "folder", "path": str(folder)}}
        study = patient(tmp_path, bases=bases, base="own", arms=["baseline"])
        return [one.what for one in bad(list(given.check(study)))]

    assert said() == []
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = unet.read_bytes()
    unet.write_bytes(weights[:-100])  # a copy that broke off
    (line,) = said()
    assert str(unet) in line and "not whole" in line
    unet.unlink()
    assert said() == [f"{folder}: lacks unet/*.safetensors"]
    unet.write_bytes(weights)
    (folder / "model_index.json").unlink()
    assert said() == [f"{folder}: lacks model_index.json"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    bases = {"own": {"kind": "folder", "path": "models/mine"}}
    study = patient(tmp_path, bases=bases, base="own", arms=["baseline"])
    (found,) = bad(list(given.check(study)))
    assert found.level.name == "FAILURE" and found.what == "models/mine: not there"
