"""Only the fetch stage has a network; all others run without, and say so where it is missed."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from workflow_project import ROOT, Project, fresh_project

sys.path.insert(0, str(ROOT / "tests" / "unit"))
from fetch_server import Site, running
from fetch_sites import entry

REPOSITORY = "google-bert/bert-base-uncased"
REVISION = "86b5e0934494bd15c9632b12f734a8a67f723594"
FILES = {
    name: name.encode() for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt")
} | {"config.json": b"{}", "pytorch_model.bin": b"a pickle"}


def test_no_stage_of_a_study_opens_a_socket(finished: Project) -> None:
    """Its processes could not; none has tried. The guard itself is seen to work."""
    assert not finished.sockets.exists(), finished.sockets.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "try_it",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request as u; u.urlopen('http://localhost:9')",
        "import requests; requests.get('http://127.0.0.1:9')",
        "from huggingface_hub import HfApi; HfApi().model_info('org/x')",
    ],
)
def test_the_guard_sees_what_it_looks_for(tmp_path: Path, try_it: str) -> None:
    project = Project(tmp_path)
    environment = project.environment()
    done = subprocess.run(
        [sys.executable, "-c", try_it], env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0 and project.sockets.read_text(encoding="utf-8")


def test_the_libraries_of_hugging_face_are_told(project: Project) -> None:
    """Rules say it themselves, whoever starts them and whatever their shell says."""
    rule = '\nrule ask:\n    shell:\n        "env | grep OFFLINE | sort"\n'
    project.append("rules/targets.smk", rule)
    said = project.run("ask", HF_HUB_OFFLINE="0").said
    for library in ("HF_DATASETS", "HF_HUB", "TRANSFORMERS"):
        assert f"\n{library}_OFFLINE=1" in said


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as made:
        listing = [entry(name, body) for name, body in FILES.items()]
        where = f"/api/models/{REPOSITORY}/tree/{REVISION}"
        made.files[where] = json.dumps(listing).encode()
        for name, body in FILES.items():
            made.files[f"/{REPOSITORY}/resolve/{REVISION}/{name}"] = body
        yield made


@pytest.fixture
def asking(tmp_path: Path, site: Site) -> Project:
    """A study that names an asset, of which the site has a small stand-in."""
    project = fresh_project(tmp_path / "a folder")
    sites = {"huggingface": [site.address]}
    project.set(fetch={"assets": ["bert-base-uncased-tokenizer"], "sites": sites, "wait": 0})
    return project


def test_fetch_gets_what_the_study_names_and_then_nothing(asking: Project, site: Site) -> None:
    before = asking.would_run("fetch").said
    assert "bert-base-uncased-tokenizer: about 0.001 GB to fetch into assets/models" in before
    assert not site.asked, "a dry run needs no network"
    assert asking.run("fetch", MELABLATE_NETWORK="1").jobs == Counter(["fetch"])
    there = asking.root / "assets/models/bert-base-uncased"
    assert {p.name for p in there.iterdir()} == FILES.keys() - {"pytorch_model.bin"}
    site.asked.clear()
    (there / "vocab.txt").unlink()
    assert (
        "bert-base-uncased-tokenizer: 1 files, 0.0 MB, to fetch" in asking.would_run("fetch").said
    )
    asking.run("fetch", MELABLATE_NETWORK="1")
    assert [r.path for r in site.asked] == [f"/{REPOSITORY}/resolve/{REVISION}/vocab.txt"]
    assert "bert-base-uncased-tokenizer: there" in asking.would_run("fetch").said
    assert "everything is there" in asking.run("fetch").said, "and this without a network"
    assert not asking.sockets.exists()


def test_a_failed_fetch_says_why_and_keeps_what_came(asking: Project, site: Site) -> None:
    del site.files[f"/{REPOSITORY}/resolve/{REVISION}/vocab.txt"]
    done = asking.run("fetch", fails=True, MELABLATE_NETWORK="1")
    assert "HTTP 404: no such file there" in done.said and "Traceback" not in done.said
    there = asking.root / "assets/models/bert-base-uncased"
    assert (there / "tokenizer.json").exists() and not (there / "config.json").exists()


def test_only_fetch_runs_where_a_fetched_file_is_wrong(asking: Project, site: Site) -> None:
    songs = asking.root / "assets/data/song_describer"
    songs.parent.mkdir(parents=True)
    (asking.root / "music").rename(songs)
    asking.set(corpora__style__path="assets/data/song_describer")
    said = asking.run("corpus", "--dry-run", fails=True).said
    assert "song_describer: not the files" in said and "song_describer.csv" in said
    assert "not what was promised, as said above" in said
    assert "Traceback" not in said
    asking.set(fetch__sites={"zenodo": [site.address]}, fetch__assets=["song-describer"])
    done = asking.run("fetch", fails=True, MELABLATE_NETWORK="1").said  # the site has no record
    assert "HTTP 404" in done


def test_nothing_else_asks_for_fetch(asking: Project) -> None:
    assert not [job for job in asking.would_run().jobs if "fetch" in job]


def test_what_is_missing_is_said_with_its_mend(tmp_path: Path) -> None:
    project = fresh_project(tmp_path / "real")
    (project.root / "config/config.yaml").replace(project.root / "config/tiny.yaml")
    done = project.run("fetch", "--dry-run")
    bases = ("models/stable-diffusion-v1-5", "models/stable-diffusion-xl-base-1.0")
    for folder in ("data/song_describer", *bases, "models/clap-htsat"):
        assert f"assets/{folder}" in done.said
    assert done.said.count("`snakemake fetch`") == 4
    assert "song-describer: about 3.3 GB" in done.said


def test_the_real_study_trains_each_base_on_its_own_latents(tmp_path: Path) -> None:
    """With folders that look like the fetched ones: what would run of SDXL's row, from where."""
    project = fresh_project(tmp_path / "real")
    (project.root / "config/config.yaml").replace(project.root / "config/tiny.yaml")
    for name in ("stable-diffusion-v1-5", "stable-diffusion-xl-base-1.0", "clap-htsat-unfused"):
        folder = project.root / "assets/models" / name
        (folder / "text_encoder").mkdir(parents=True)
        for file in ("model_index.json", "config.json", "text_encoder/config.json"):
            (folder / file).write_text(json.dumps({"of": name}))
    # A folder of one's own: what lies where `fetch` puts things is compared with what was promised.
    project.set(corpora__songs__path="songs", corpora__voices__path="songs")
    music = project.root / "songs"
    (music / "audio").mkdir(parents=True)
    (music / "song_describer.csv").write_text("caption_id,track_id,caption,is_valid_subset,path\n")
    target = "results/song-describer/arms/sdxl/seed-1/samples"
    done = project.would_run(target, "--printshellcmds")
    assert done.jobs["encode_latents"] == 1 and done.jobs["train_arm sdxl 1"] == 1
    xl = re.findall(r'--base "\$MELABLATE_BASE_(\w+)"', done.said)
    assert len(xl) == 3 and len(set(xl)) == 1
    other = target.replace("sdxl", "baseline")
    both = project.would_run(target, other, "--printshellcmds")
    assert both.jobs["encode_latents"] == 2 and both.jobs["make_spectrograms"] == 1
    bases = re.findall(r'--base "\$MELABLATE_BASE_(\w+)"', both.said)
    assert len(bases) == 6 and len(set(bases)) == 2 and bases.count(xl[0]) == 3
