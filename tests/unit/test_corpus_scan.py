"""Scanning: every fault is set aside with its reason and changes nothing else."""

import csv
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import scan_corpus
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from melablate.corpus.excluded import summary, write_excluded
from melablate.corpus.filters import NOT_VALID
from melablate.corpus.manifest import SCHEMA, Row, read_manifest, write_manifest
from melablate.corpus.minimidi import compose_corpus
from melablate.corpus.scan import scan as scan_folder
from melablate.corpus.settings import MiniMidi, Rules, Scan
from melablate.corpus.splits import split_of

RULES = Rules(min_seconds=1.0, heldout_share=0.4, max_set_aside=0.1)
TRACKS, VICTIM = 20, "3000005"


def scan(data: Path, rules: Rules) -> list[Row]:
    return scan_folder(data, Scan(layout="song_describer", rules=rules))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "data"
    folder.mkdir()
    compose_corpus(
        MiniMidi(kind="minimidi", part="broad", tracks=TRACKS, seconds=2, rules=RULES), folder
    )
    return folder


@pytest.fixture
def data(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "data"))


def audio_of(data: Path, track: str = VICTIM) -> Path:
    return data / "audio" / track[-2:] / f"{track}.2min.mp3"


def sound(path: Path, samples: np.ndarray, **how: str) -> None:
    soundfile.write(path, samples.astype(np.float32), 22050, **({"format": "MP3"} | how))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def copy_another(path: Path) -> None:
    shutil.copy(path.parents[1] / "01" / "3000001.2min.mp3", path)


NAN = np.full(44100, np.nan)
FAULTS: dict[str, Callable[[Path], object]] = {
    "missing: no such file": lambda path: path.unlink(),
    "empty: 0 bytes": lambda path: path.write_bytes(b""),
    "undecodable: not an audio file, or damaged": lambda path: path.write_bytes(b"no music " * 99),
    "truncated: decoded 0.": truncate,
    "silent: peak -inf dB": lambda path: sound(path, np.zeros(44100)),
    "not finite: ": lambda path: sound(path, NAN, format="WAV", subtype="FLOAT"),
    "duplicate: the same audio as track 3000001": copy_another,
}


def used(rows: list[Row]) -> dict[str, Row]:
    return {row.track_id: row for row in rows if not row.excluded}


@pytest.mark.parametrize("reason", FAULTS)
def test_fault_is_set_aside_and_nothing_else_changes(data: Path, reason: str) -> None:
    before = scan(data, RULES)
    assert VICTIM in used(before)
    FAULTS[reason](audio_of(data))
    after = scan(data, RULES)
    (victim,) = (row for row in after if row.track_id == VICTIM)
    assert victim.excluded.startswith(reason)
    assert victim.split == ""
    assert [r for r in after if r.track_id != VICTIM] == [r for r in before if r.track_id != VICTIM]
    assert f"1 {reason.split(':')[0]}" in summary(after)


def test_too_short_is_set_aside(data: Path) -> None:
    rewrite(data, lambda row: row | {"duration": "0.5"} if row["track_id"] == VICTIM else row)
    sound(audio_of(data), np.random.default_rng(0).uniform(-0.5, 0.5, 11025))
    (victim,) = (row for row in scan(data, RULES) if row.track_id == VICTIM)
    assert victim.excluded == "too short: 0.5 s, needed are 1 s"


def rewrite(data: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    table = data / "song_describer.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_truncation_without_a_header_is_told_by_the_table(data: Path) -> None:
    # A raw stream of constant bit rate promises no length; the table says 2 s.
    sound(audio_of(data), np.random.default_rng(0).uniform(-0.5, 0.5, 33075))
    (victim,) = (row for row in scan(data, RULES) if row.track_id == VICTIM)
    assert victim.excluded == "truncated: decoded 1.5 s of 2.0 s"


def test_a_clip_of_a_long_track_is_not_truncated(data: Path) -> None:
    rewrite(data, lambda row: row | {"duration": "2.08"})  # the site's durations are not exact
    assert "truncated" not in summary(scan(data, RULES))


def test_too_many_faults_stop_with_counts_reasons_and_key(data: Path) -> None:
    for track in ("3000005", "3000006", "3000007"):
        audio_of(data, track).unlink()
    told = r"(?s)3 of \d+ tracks.*max_set_aside = 0\.1.*05/3000005\.2min\.mp3: missing.*raise rules"
    with pytest.raises(SystemExit, match=told):
        scan(data, RULES)
    rows = scan(data, RULES.model_copy(update={"max_set_aside": 0.5}))
    assert "3 missing" in summary(rows)


def test_all_reasons_are_left_where_too_many_faults_stop(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [str(3000000 + number) for number in range(8)]
    for track in lost:
        audio_of(data, track).unlink()
    settings = Scan(layout="song_describer", rules=RULES).model_dump_json()
    out = tmp_path / "out"
    options = ["--settings", settings, f"--data={data}", f"--out-manifest={out / 'm.parquet'}"]
    monkeypatch.setattr("sys.argv", ["", *options, f"--out-excluded={out / 'excluded.csv'}"])
    stopped = out / "excluded.stopped.csv"
    with pytest.raises(SystemExit, match=re.escape(str(stopped))):
        scan_corpus.main()
    text = stopped.read_text(encoding="utf-8")
    told = [line for line in text.splitlines() if ",missing: no such file," in line]
    assert len(told) > 5 and {line.partition(",")[0] for line in told} <= set(lost)
    assert [path.name for path in out.iterdir()] == ["excluded.stopped.csv"]
    monkeypatch.setattr("sys.argv", [*sys.argv, "--max-set-aside=0.9"])
    scan_corpus.main()
    assert {path.name for path in out.iterdir()} == {"m.parquet", "excluded.csv"}


def test_not_valid_rows_do_not_count_as_faults(data: Path) -> None:
    rows = scan(data, RULES)
    not_valid = [row for row in rows if row.excluded]
    assert {row.excluded for row in not_valid} == {NOT_VALID}
    every = scan(data, RULES.model_copy(update={"valid_only": False}))
    assert len(used(every)) == TRACKS
    assert sum(len(row.captions) for row in every) > sum(len(row.captions) for row in rows)
    for row in not_valid:
        audio_of(data, row.track_id).unlink()
    assert scan(data, RULES) == rows  # their audio is not even opened


def test_no_artist_and_no_audio_in_two_splits(data: Path) -> None:
    # The last artist's tracks get the bytes of the first one's.
    for a, b in zip(range(4), range(16, 20), strict=True):
        shutil.copy(audio_of(data, str(3000000 + a)), audio_of(data, str(3000000 + b)))
    splits: dict[str, set[str]] = {}
    for row in used(scan(data, RULES)).values():
        for key in (row.artist_id, row.audio_sha256):
            splits.setdefault(key, set()).add(row.split)
    assert all(len(of_key) == 1 for of_key in splits.values())
    assert set().union(*splits.values()) == {"train", "heldout"}


@given(
    st.lists(st.tuples(st.text(max_size=5), st.integers(0, 10**7)), max_size=20),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_splits_depend_on_the_artist_alone(
    tracks: list[tuple[str, int]], share: float, larger: float
) -> None:
    share, larger = sorted((share, larger))
    for artist, track in tracks:
        split = split_of(artist, str(track), share)
        if artist:
            assert split == split_of(artist, "another", share)
        if split == "heldout":  # a larger share only adds
            assert split_of(artist, str(track), larger) == "heldout"


def test_split_shares_are_as_asked() -> None:
    heldout = sum(split_of(str(artist), "", 0.2) == "heldout" for artist in range(5000))
    assert abs(heldout / 5000 - 0.2) < 0.02


@pytest.mark.parametrize(("share", "word"), [(0.0, "held out"), (1.0, "to train on")])
def test_an_empty_split_stops(data: Path, share: float, word: str) -> None:
    told = rf"no track is {word}.*Change rules\.heldout_share"
    with pytest.raises(SystemExit, match=told):
        scan(data, RULES.model_copy(update={"heldout_share": share}))


def test_nothing_left_stops(data: Path) -> None:
    rewrite(data, lambda row: row | {"is_valid_subset": ""})
    with pytest.raises(SystemExit, match=r"no track is left.*20 not in the valid subset"):
        scan(data, RULES)


def test_manifest_and_excluded_list(data: Path, tmp_path: Path) -> None:
    rows = scan(data, RULES)
    write_manifest(tmp_path / "a.parquet", rows)
    write_manifest(tmp_path / "b.parquet", rows)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.equals(SCHEMA)
    assert read_manifest(tmp_path / "a.parquet") == rows
    assert all(row.license.endswith("zero/1.0/") for row in rows)
    rows[0] = replace(rows[0], excluded="silent: peak -inf dB", split="")
    write_excluded(tmp_path / "excluded.csv", rows)
    lines = (tmp_path / "excluded.csv").read_text().splitlines()
    assert lines[0] == "track_id,path,reason,caption_id"
    assert lines[1] == f"{rows[0].track_id},{rows[0].path},silent: peak -inf dB,"
