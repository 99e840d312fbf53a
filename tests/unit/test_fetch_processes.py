"""As a person types it: killed and said again, twice at once, on a full disk, stopped by hand."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetch_server import Fault, Site, running
from fetch_sites import CAPTIONS, offer_songs, packed, settings
from melablate.fetch.assets import ASSETS, Zenodo

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "scripts" / "fetch_assets.py"
ARCHIVE = "/records/{0}/files/audio.zip"
BIG = {f"audio/{n:02d}/{n}.2min.mp3": os.urandom(400_000) for n in range(20)}
# The catalogue's own assets stand at real sites: the script runs with a small one instead.
PRELUDE = """
import runpy, sys
sys.path[:0] = [{scripts!r}, {tests!r}]
import fetch_sites
fetch_sites.ASSETS["songs"] = fetch_sites.songs()
sys.argv = ["fetch_assets.py", *sys.argv[1:]]
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as made:
        offer_songs(made, packed(BIG))
        yield made


def start(folder: Path, site: Site, *words: str, **more: object) -> "subprocess.Popen[str]":
    prelude = PRELUDE.format(scripts=str(SCRIPT.parent), tests=str(HERE), script=str(SCRIPT))
    asked = settings(folder, site.address, **({"timeout": 20.0} | more)).model_dump_json()
    return subprocess.Popen(
        [sys.executable, "-c", prelude, "--assets", "songs", "--settings", asked, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: "subprocess.Popen[str]", code: int = 0) -> str:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == code, said
    return said


def tracks(folder: Path) -> dict[str, bytes]:
    top = folder / "data/songs"
    return {str(p.relative_to(top)): p.read_bytes() for p in (top / "audio").rglob("*.mp3")}


def until(true: object, what: str) -> None:
    for _ in range(2000):
        if true():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError(f"{what} never came")


def test_killed_at_any_time_it_goes_on(site: Site, tmp_path: Path) -> None:
    """Ten kills; nothing under a right name is ever wrong, nothing that was kept comes twice."""
    # the connection is silent at ever later places, and there the process is killed
    places = [0, 1, 100_000, 3_000_000, 1_000_000]
    site.faults[ARCHIVE.format(7)] = [Fault(cut=place, stall=30.0) for place in places]
    part = tmp_path / ".fetch/parts/data/songs/audio.zip.part"
    come, kept = 0, [0]

    def again() -> "subprocess.Popen[str]":
        kept.append(part.stat().st_size if part.exists() else 0)
        return start(tmp_path, site)

    for place in places:
        process = again()
        come += place
        until(lambda least=come: part.exists() and part.stat().st_size >= least, f"byte {come}")
        process.kill()
        end(process, -signal.SIGKILL)
        assert not (tmp_path / "data").exists()
    for wait in (0.45, 0.5, 0.55, 0.6, 0.7):  # while it starts, hashes, unpacks, records
        process = again()
        time.sleep(wait)
        process.kill()
        process.communicate()
        assert tracks(tmp_path).items() <= BIG.items()
        assert len(tracks(tmp_path)) in (0, len(BIG))
    end(again())
    assert tracks(tmp_path) == BIG
    assert (tmp_path / "data/songs/song_describer.csv").read_bytes() == CAPTIONS
    # Each goes on where the file of the one before ended; what was on its way is nobody's.
    starts = [int(asked[6:-1] or 0) for asked in site.ranges(ARCHIVE.format(7))]
    assert len(starts) > len(places) and starts == sorted(starts) and set(starts) <= set(kept)
    hidden = [p for p in (tmp_path / ".fetch").rglob("*") if p.is_file()]
    assert not [p for p in hidden if "part" in p.name or p.suffix == ".mp3"]
    assert "everything is there" in end(start(tmp_path, site))


def test_two_at_once_fetch_once(site: Site, tmp_path: Path) -> None:
    site.faults[ARCHIVE.format(7)] = [Fault(cut=1_000_000, stall=2.0)]
    both = [start(tmp_path, site) for _ in range(2)]
    said = [end(process) for process in both]
    assert tracks(tmp_path) == BIG
    assert sum("another fetch is at work" in words for words in said) == 1
    assert site.sent < len(site.files[ARCHIVE.format(7)]) + 20_000


def test_a_full_disk_ends_in_one_line(site: Site, tmp_path: Path) -> None:
    """The limit of a file's size stands in for a disk without room."""
    limited = ["bash", "-c", 'trap "" XFSZ; ulimit -f 1000; exec "$@"', "-"]
    process = subprocess.run(
        [*limited, *start_words(tmp_path, site)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 1 and "Traceback" not in process.stderr
    assert "no space left" in process.stderr and "say the same command again" in process.stderr
    part = tmp_path / ".fetch/parts/data/songs/audio.zip.part"
    assert part.stat().st_size == 1_024_000 and not (tmp_path / "data").exists()
    end(start(tmp_path, site))
    assert tracks(tmp_path) == BIG
    assert "bytes=1024000-" in site.ranges(ARCHIVE.format(7))


def start_words(folder: Path, site: Site) -> list[str]:
    process = start(folder, site, "--dry-run")
    end(process)
    return [str(word) for word in process.args if word != "--dry-run"]  # type: ignore[union-attr]


def test_stopped_by_hand_it_says_how_to_go_on(site: Site, tmp_path: Path) -> None:
    site.faults[ARCHIVE.format(7)] = [Fault(cut=1000, stall=30.0)]
    process = start(tmp_path, site)
    part = tmp_path / ".fetch/parts/data/songs/audio.zip.part"
    until(lambda: part.exists() and part.stat().st_size == 1000, "the part")
    process.send_signal(signal.SIGINT)
    assert "the same command goes on" in end(process, 1)


def test_nothing_there_to_write_in(site: Site) -> None:
    said = end(start(Path("/proc/melablate"), site), 1)
    assert "Traceback" not in said and "May you write there" in said


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A process that may have 700 MB fetches and unpacks 500 MB."""
    members = {f"audio/{n}.mp3": bytes([n]) * 100_000_000 for n in range(5)}
    with running(Site()) as site:
        offer_songs(site, packed(members))
        words = start_words(tmp_path, site)
        limited = ["bash", "-c", 'ulimit -v 700000; exec "$@"', "-", *words]
        done = subprocess.run(limited, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(tracks(tmp_path)) == 5


def test_the_command_line_names_what_there_is(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--dry-run", "--folder", str(tmp_path), "--assets"]
    said = subprocess.run([*command, *ASSETS], capture_output=True, text=True, check=True).stdout
    assert len(said.splitlines()) == len(ASSETS)
    wrong = subprocess.run([*command, "sdxl"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "stable-diffusion-xl-base-1.0" in wrong.stderr


def test_the_real_song_describer_is_where_the_corpus_looks() -> None:
    from melablate.corpus.layout import LICENSES, TABLE

    (source,) = ASSETS["song-describer"].sources
    assert isinstance(source, Zenodo) and {TABLE, LICENSES} < {*source.files}
    assert ASSETS["song-describer"].archive.into == "audio"  # type: ignore[union-attr]
