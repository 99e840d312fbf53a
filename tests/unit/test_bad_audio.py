"""Every bad file ends as a reason, and the good ones beside it come through unchanged."""

import csv
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bad_audio import BYTES_NAME, FILES, GOOD, PLACES
from codec_kinds import SMALL_SETTINGS
from fence import Fence, Ran, everything

BAD = [*FILES, *PLACES]
RULES = {"min_seconds": 0.5, "max_set_aside": 1.0, "heldout_share": 0.5}
UNUSABLE = (
    *("empty", "missing", "unreadable", "cyclic link", "undecodable", "no decoder"),
    *("too short", "not finite", "silent"),
)
SCAN = json.dumps({"layout": "folder", "rules": RULES})
SPECTROGRAMS = json.dumps({"codec": SMALL_SETTINGS["mel_db"], "clips": {"offset": 0}})


@dataclass(frozen=True)
class Corpus:
    """A folder and what the two stages made of it."""

    folder: Path
    scanned: Ran
    spectrograms: Ran
    made: str = "spectrograms"

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        rows = pq.read_table(self.folder / "scan" / "manifest.parquet").to_pylist()
        return {row["path"] or row["excluded"]: row for row in rows}

    @property
    def clips(self) -> dict[str, Any]:
        files = sorted((self.folder / self.made).rglob("*.parquet"))
        return {row["track_id"]: row for file in files for row in pq.read_table(file).to_pylist()}


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    made = Fence(
        "scan_corpus", "report_corpus", "make_spectrograms", "melablate.audio.codecs.mel_db.encode"
    )
    yield made
    made.close()


def lay(data: Path, names: list[str]) -> None:
    data.mkdir(parents=True)
    rows = []
    for name in names:
        path = data / name
        rows.append(json.dumps({"file_name": name, "text": f"this is {name!a}"}))
        if "\0" in name or (path.is_absolute() and not path.is_relative_to(data)):
            continue
        make = GOOD.get(name) or (FILES[name][0] if name in FILES else None)
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make())
        else:
            PLACES[name][0](path)
    (data / "metadata.jsonl").write_text("\n".join(rows), encoding="utf-8")


def run_both(fence: Fence, folder: Path, names: list[str]) -> Corpus:
    lay(folder / "data", names)
    if len(names) > len(GOOD):
        (folder / "data" / os.fsdecode(BYTES_NAME)).write_bytes(GOOD["good 0.wav"]())
    before = everything(folder)
    scan, made = folder / "scan", folder / "spectrograms"
    scanned = fence.run(
        "scan_corpus",
        *("--settings", SCAN, "--data", folder / "data", "--threads", 2),
        *("--out-manifest", scan / "manifest.parquet", "--out-excluded", scan / "excluded.csv"),
        folder=folder,
    )
    assert scanned.ending == "done", scanned.said
    reported = fence.run(
        "report_corpus",
        *("--manifest", scan / "manifest.parquet"),
        *("--out-page", scan / "page.html", "--out-text", scan / "excluded.txt"),
        folder=folder,
    )
    assert reported.ending == "done", reported.said
    spectrograms = make_spectrograms(fence, folder, scan / "manifest.parquet", made)
    after = everything(folder)
    written = {path for path in after if path not in before}
    assert all(path.is_relative_to(scan) or path.is_relative_to(made) for path in written)
    assert {path: after[path] for path in before} == before
    return Corpus(folder, scanned, spectrograms)


def make_spectrograms(fence: Fence, folder: Path, manifest: Path, out: Path) -> Ran:
    return fence.run(
        "make_spectrograms",
        *("--settings", SPECTROGRAMS, "--manifest", manifest, "--audio", folder / "data"),
        *("--workers", 1, "--max-set-aside", 1, "--out", out),
        folder=folder,
    )


@pytest.fixture(scope="module")
def clean(fence: Fence, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return run_both(fence, tmp_path_factory.mktemp("clean"), [*GOOD])


@pytest.fixture(scope="module")
def mixed(fence: Fence, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    names = [*GOOD]
    for place, name in enumerate(BAD):  # spread among the good ones
        names.insert(place * 7 % (len(names) + 1), name)
    return run_both(fence, tmp_path_factory.mktemp("mixed"), names)


def test_good_files_come_through_as_if_the_bad_ones_were_not_there(
    clean: Corpus, mixed: Corpus
) -> None:
    assert {path for path, row in clean.rows.items() if not row["excluded"]} == {*GOOD}
    assert {path for path, row in mixed.rows.items() if not row["excluded"]} == {*GOOD}
    assert {path: mixed.rows[path] for path in clean.rows} == clean.rows
    assert len(clean.clips) == len(GOOD)
    assert mixed.clips == clean.clips


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_set_aside_with_its_reason_and_a_mend(mixed: Corpus, name: str) -> None:
    kinds = (FILES.get(name) or PLACES[name])[1].split("|")
    line = (mixed.folder / "data" / "metadata.jsonl").read_text("utf-8").split("\n")
    number = [json.loads(row)["file_name"] for row in line].index(name) + 1
    row = mixed.rows.get(str(PurePosixPath(name))) or next(
        row for path, row in mixed.rows.items() if path.startswith(f"table: line {number}:")
    )
    assert row["excluded"].split(":")[0] in kinds
    assert row["split"] == ""
    assert str(mixed.folder) not in row["excluded"]
    with (mixed.folder / "scan" / "excluded.csv").open(encoding="utf-8", newline="") as file:
        told = {(row["path"], row["reason"]) for row in csv.DictReader(file)}
    assert (row["path"], row["excluded"]) in told
    headings = (mixed.folder / "scan" / "excluded.txt").read_text().splitlines()
    kind = row["excluded"].split(":")[0]
    assert any(re.match(rf"{kind} \(\d+\): \w", line) for line in headings)  # how to mend it


def test_name_that_is_no_utf8(mixed: Corpus) -> None:
    assert mixed.rows[r"n\udce4me in Latin-1.wav"]["excluded"] == "no caption: not in the table"


def test_runs_are_quiet_frugal_and_stay_in_their_folders(clean: Corpus, mixed: Corpus) -> None:
    for corpus in (clean, mixed):
        for ran in (corpus.scanned, corpus.spectrograms):
            assert (ran.ending, ran.said) == ("done", "")
            assert not re.search("Traceback|RuntimeWarning", ran.printed)
            assert ran.megabytes < 300
            assert all(Path(path).is_relative_to(corpus.folder) for path in ran.wrote)


def test_files_that_went_bad_after_the_scan_are_set_aside_too(
    fence: Fence, clean: Corpus, mixed: Corpus
) -> None:
    """A manifest that calls every file good: the second stage relies on nothing."""
    table = pq.read_table(mixed.folder / "scan" / "manifest.parquet")
    records = [row | {"excluded": "", "split": "train"} for row in table.to_pylist()]
    manifest, out = mixed.folder / "trusting.parquet", mixed.folder / "again"
    pq.write_table(pa.Table.from_pylist(records, schema=table.schema), manifest)
    ran = make_spectrograms(fence, mixed.folder, manifest, out)
    assert ran.ending == "done", ran.said
    assert not re.search("Traceback|RuntimeWarning", ran.printed)
    assert ran.megabytes < 300
    assert all(Path(path).is_relative_to(mixed.folder) for path in ran.wrote)
    clips = Corpus(mixed.folder, ran, ran, "again").clips
    split = {"split": "train"}
    for name, row in clean.clips.items():
        assert clips[name] | split == row | split
    with (out / "excluded.csv").open(encoding="utf-8", newline="") as file:
        reasons = {row["track_id"]: row["reason"] for row in csv.DictReader(file)}
    assert {row["track_id"] for row in records} == {*clips, *reasons}
    assert not any(str(mixed.folder) in reason or not reason for reason in reasons.values())
    for row in table.to_pylist():
        if row["excluded"].split(":")[0] in UNUSABLE:
            assert row["track_id"] in reasons, row["path"]
