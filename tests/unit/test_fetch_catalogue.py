"""The catalogue of assets: sound, right where that can be known here, and fetched as it stands."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fetch_server import Site, running
from fetch_sites import entry, files, settings, use
from melablate.config_files import read_config, read_sources
from melablate.fetch.assets import ASSETS, PICKLES, HuggingFace
from melablate.fetch.job import fetch
from melablate.fetch.needs import needed
from melablate.fetch.settings import Fetch
from melablate.fetch.wanted import FetchError
from melablate.fetch.web import Web
from melablate.study import load_study

ROOT = Path(__file__).parents[2]


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as made:
        yield made


def test_the_real_catalogue_is_sound() -> None:
    folders = [asset.folder for asset in ASSETS.values()]
    assert len(set(folders)) == len(folders)
    for asset in ASSETS.values():
        for source in asset.sources:
            names = [source.file] if hasattr(source, "file") else source.files
            pickles = [name for name in names if name.endswith(PICKLES)]
            assert bool(pickles) == asset.pickle
            if isinstance(source, HuggingFace):
                assert len(source.revision) == 40 and int(source.revision, 16)
        for name, checksum in asset.checksums.items():
            kind, _, digest = checksum.partition(":")
            assert len(digest) == {"sha256": 64, "md5": 32}[kind] and int(digest, 16), name


def test_the_catalogue_knows_the_real_caption_table() -> None:
    data = Path(os.environ.get("MELABLATE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (data / "song_describer.csv").is_file():
        pytest.skip("no song_describer.csv in MELABLATE_TEST_DATA")
    body = (data / "song_describer.csv").read_bytes()
    known = ASSETS["song-describer"]
    assert known.sizes["song_describer.csv"] == len(body)
    assert known.checksums["song_describer.csv"] == f"sha256:{hashlib.sha256(body).hexdigest()}"


def test_the_real_study_finds_what_is_fetched_for_it() -> None:
    """Its paths are the places of assets, and each holds the files that the stages look for."""
    study = load_study(read_sources(read_config(ROOT / "config/config.yaml")))
    names = needed(study.fetch, study.given_folders())
    bases = ["stable-diffusion-v1-5", "stable-diffusion-xl-base-1.0"]
    assert sorted(names) == ["clap-htsat-unfused", "song-describer", *bases]
    assert len(names) == len(set(study.given_folders()))  # a folder may be two corpora


def test_a_study_may_name_more_and_folders_may_be_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "group").mkdir()
    (tmp_path / "assets").symlink_to("group")
    paths = [f"{tmp_path}/group/models/vggish", "elsewhere/models/panns_cnn14"]
    chosen = Fetch(assets=("encodec-24khz", "vggish"))
    assert needed(chosen, paths) == ["vggish", "encodec-24khz"]


def test_https_does_not_become_http(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answer:
        url = "http://cdn/x"

        def close(self) -> None:
            pass

    web = Web(Fetch())
    monkeypatch.setattr(web.session, "get", lambda *_, **__: Answer())
    with pytest.raises(FetchError, match="anybody may change it"):
        web.get("https://site/x")


def test_a_pickle_is_stored_and_checked_but_not_opened(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"\x80\x02not to be opened"
    known = {"vggish-10086976.pth": f"sha256:{hashlib.sha256(body).hexdigest()}"}
    use(monkeypatch, replace(ASSETS["vggish"], checksums=known))
    names = ("vggish-10086976.pth", "vggish_pca_params-970ea276.pth")
    for name in names:
        site.files[f"/harritaylor/torchvggish/releases/download/v0.1/{name}"] = body
    fetch(settings(tmp_path, site.address), ["vggish"])
    assert files(tmp_path) == {f"models/vggish/{name}": body for name in names}


def test_what_the_package_laion_clap_loads_can_be_fetched(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoints, and by their names beside them the models that it asks a hub for."""
    body = b"\x80\x02not to be opened"
    names = (
        *("clap-laion-music", "clap-laion-audio"),
        *("roberta-base", "bert-base-uncased-tokenizer", "bart-base-tokenizer"),
    )
    listed: dict[str, list[object]] = {}
    for name in names:
        use(monkeypatch, replace(ASSETS[name], checksums={}, sizes={}))
        (source,) = ASSETS[name].sources
        assert isinstance(source, HuggingFace)
        there = [pattern.replace("*", "_config") for pattern in source.files]
        there += [pattern.replace("*", "") for pattern in source.files if "*" in pattern]
        where = f"/api/models/{source.repository}/tree/{source.revision}"
        old = ["630k-best.pt", "pytorch_model.bin", "README.md"]
        listed.setdefault(where, []).extend(entry(file, body) for file in [*old, *there])
        site.files[where] = json.dumps(listed[where]).encode()
        for file in there:
            site.files[f"/{source.repository}/resolve/{source.revision}/{file}"] = body
    fetch(settings(tmp_path, site.address), names)
    tokenizer = ("config.json", "tokenizer.json", "vocab.json", "merges.txt")
    more = "tokenizer_config.json"
    models = {
        "clap-laion-music": {"music_audioset_epoch_15_esc_90.14.pt"},
        "clap-laion-audio": {"630k-audioset-best.pt", "630k-audioset-fusion-best.pt"},
        "roberta-base": {*tokenizer, more, "model.safetensors"},
        "bert-base-uncased": {"config.json", "tokenizer.json", "vocab.txt", more},
        "facebook/bart-base": {*tokenizer},
    }
    expected = {f"models/{name}/{file}" for name, found in models.items() for file in found}
    assert files(tmp_path).keys() == expected


def test_settings_say_what_is_wrong() -> None:
    for address in ("zenodo.org", "https://x/", "ftp://x", "https://x?a=b"):
        with pytest.raises(ValueError):
            Fetch.model_validate({"sites": {"zenodo": [address]}})
