"""Every bad table, list and text ends as one clear error or as reasons; nothing else is lost."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from bad_audio import noise, pcm, wav
from bad_tables import FOLDER, GOOD, LISTS, SIDECARS, SONG_DESCRIBER, TABLE, Case
from fence import Fence, Ran, everything
from melablate.corpus.excluded_text import MENDS
from melablate.corpus.filters import kind_of

MEND = "To mend: |Put |Check |Needed are |Say which |[Cc]orrect |Mend "
RULES = {"min_seconds": 0.5, "max_set_aside": 1.0, "heldout_share": 0.5}


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    made = Fence("scan_corpus", "pandas")  # which pyarrow imports when it first makes a table
    yield made
    made.close()


@pytest.fixture(scope="module")
def sounds() -> dict[str, bytes]:
    return {track: wav(pcm(noise(int(track)))) for track in GOOD}


def scan(fence: Fence, folder: Path, layout: str, *more: object) -> Ran:
    """Run it, and see that it wrote nowhere else, kept quiet and needed little."""
    before, out = everything(folder), folder / "out"
    ran = fence.run(
        "scan_corpus",
        *("--settings", json.dumps({"layout": layout, "rules": RULES}), "--data", folder / "data"),
        *("--out-manifest", out / "manifest.parquet", "--out-excluded", out / "excluded.csv"),
        *("--threads", 1, *more),
        folder=folder,
    )
    after = everything(folder)
    assert {path: after[path] for path in before} == before
    assert all(path.is_relative_to(out) for path in after if path not in before)
    assert all(Path(path).is_relative_to(out) for path in ran.wrote)
    assert ran.ending in ("done", "stopped"), ran.said
    assert not re.search("Traceback|Warning", ran.printed)
    assert ran.megabytes < 150
    return ran


def check(case: Case, ran: Ran, folder: Path, name: str) -> None:
    """The error, or the reasons and all good tracks."""
    out = folder / "out"
    if case.stops:
        assert ran.ending == "stopped"
        assert re.search(f"(?s){case.stops}", ran.said), ran.said
        assert name in ran.said or "several tables" in case.stops, ran.said
        assert re.search(MEND, ran.said), ran.said
        assert not out.exists() or not any(out.iterdir())
        return
    if set(case.lost) == set(GOOD):
        assert re.search(f"(?s){case.tells}", ran.said), ran.said
        return
    assert ran.ending == "done", ran.said
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    used = {row["path"][3:6] for row in rows if not row["excluded"]}
    assert used == set(GOOD) - set(case.lost)
    with (out / "excluded.csv").open(encoding="utf-8", newline="") as file:
        told = [row["reason"] for row in csv.DictReader(file)]
    assert bool(told) == bool(case.tells), told
    if case.tells:
        assert any(re.search(case.tells, reason) for reason in told), told
        assert {kind_of(reason) for reason in told} <= MENDS.keys()


def lay_audio(folder: Path, sounds: dict[str, bytes]) -> Path:
    """As Song Describer has it."""
    data = folder / "data"
    for track, sound in sounds.items():
        path = data / "audio" / "00" / f"{track}.2min.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound)
    return data


def lay_folder(folder: Path, sounds: dict[str, bytes]) -> Path:
    data = lay_audio(folder, sounds)
    (data / "audio" / "00").rename(data / "00")
    (data / "audio").rmdir()
    return data


@pytest.mark.parametrize("name", SONG_DESCRIBER)
def test_song_describer(fence: Fence, sounds: dict[str, bytes], tmp_path: Path, name: str) -> None:
    case = SONG_DESCRIBER[name]
    data = lay_audio(tmp_path, sounds)
    if case.name:
        (data / "song_describer.csv").write_text(TABLE)
    case.lay(data / (case.name or "song_describer.csv"))
    check(case, scan(fence, tmp_path, "song_describer"), tmp_path, "song_describer.csv")


@pytest.mark.parametrize("name", FOLDER)
def test_folder(fence: Fence, sounds: dict[str, bytes], tmp_path: Path, name: str) -> None:
    case = FOLDER[name]
    case.lay(lay_folder(tmp_path, sounds) / "metadata.jsonl")
    check(case, scan(fence, tmp_path, "folder"), tmp_path, "metadata.jsonl")


@pytest.mark.parametrize("name", SIDECARS)
def test_texts_beside_files(
    fence: Fence, sounds: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    case = SIDECARS[name]
    data = lay_folder(tmp_path, sounds)
    for track in GOOD:
        (data / "00" / f"{track}.2min.txt").write_text(f"song {track}")
    text = data / "00" / (case.name or f"{GOOD[0]}.2min.txt")
    text.unlink(missing_ok=True)
    case.lay(text)
    check(case, scan(fence, tmp_path, "folder"), tmp_path, "")


@pytest.mark.parametrize("name", LISTS)
def test_list(fence: Fence, sounds: dict[str, bytes], tmp_path: Path, name: str) -> None:
    case = LISTS[name]
    (lay_audio(tmp_path, sounds) / "song_describer.csv").write_text(TABLE)
    case.lay(tmp_path / "list.csv")
    ran = scan(fence, tmp_path, "song_describer", "--only", tmp_path / "list.csv")
    check(case, ran, tmp_path, "list.csv")
