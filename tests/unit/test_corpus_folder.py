"""Any folder of music: every form of table, and every fault told without harming the rest."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from melablate.corpus.excluded import summary
from melablate.corpus.excluded_text import excluded_text
from melablate.corpus.filters import NOT_VALID
from melablate.corpus.manifest import Row
from melablate.corpus.paths import name_of, plain
from melablate.corpus.scan import scan
from melablate.corpus.settings import Columns, Rules, Scan

RATE = 8000
RULES = Rules(min_seconds=0.5, heldout_share=0.5, max_set_aside=1.0)
NAMES = [f"{letter}.wav" for letter in "abcdefgh"]


def sound(path: Path, seed: int, seconds: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, int(RATE * seconds)), RATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        sound(tmp_path / name, seed)
    return tmp_path


def scanned(folder: Path, columns: Columns | None = None, **how: object) -> dict[str, Row]:
    settings = Scan.model_validate(
        {"layout": "folder", "columns": columns or Columns(), "rules": RULES} | how
    )
    # Rows of a table that name no file have no path; there the line tells them apart.
    return {row.path or row.excluded: row for row in scan(folder, settings, threads=1)}


def used(rows: dict[str, Row]) -> dict[str, tuple[str, ...]]:
    return {path: row.captions for path, row in rows.items() if not row.excluded}


def csv_of(rows: list[tuple[str, ...]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


WANTED = {name: (f"caption of {name}",) for name in NAMES}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("metadata.csv", csv_of([("file_name", "text"), *((n, *WANTED[n]) for n in NAMES)])),
        ("songs.csv", csv_of([("Caption", "Path"), *((*WANTED[n], n) for n in NAMES)])),
        ("songs.tsv", "audio\tcaption\n" + "".join(f"{n}\tcaption of {n}\n" for n in NAMES)),
        (
            "metadata.jsonl",
            "".join(json.dumps({"file_name": n, "caption": WANTED[n][0]}) + "\r\n" for n in NAMES),
        ),
        (
            "all.jsonl",
            "".join(
                json.dumps({"audio": f"./{n}", "captions": list(WANTED[n])}) + "\n" for n in NAMES
            ),
        ),
    ],
)
def test_tables_in_every_form(folder: Path, table: str, text: str) -> None:
    (folder / table).write_text(text, encoding="utf-8-sig")
    assert used(scanned(folder)) == WANTED


def test_marks_of_validity_are_not_guessed(folder: Path) -> None:
    said = ("yes", "valid", "", *("True" for _ in NAMES[3:]))
    marks = zip(NAMES, said, strict=True)
    rows = [("path", "caption", "valid"), *((name, f"c {name}", mark) for name, mark in marks)]
    (folder / "t.csv").write_text(csv_of(rows))
    found = scanned(folder)
    assert found[NAMES[0]].excluded == ""
    assert found[NAMES[1]].excluded == (
        "table: line 3: valid is 'valid', needed is True, False or nothing"
    )
    assert found[NAMES[2]].excluded == NOT_VALID


def test_tables_of_splits_are_named(folder: Path) -> None:
    for split in ("train", "test"):
        (folder / split).mkdir()
        (folder / NAMES[0]).rename(folder / split / "a.wav") if split == "train" else None
        (folder / split / "metadata.jsonl").write_text('{"file_name": "a.wav", "text": "x"}\n')
    with pytest.raises(SystemExit) as stopped:
        scanned(folder)
    for told in ("test/metadata.jsonl, train/metadata.jsonl", f"{folder / 'test'}", "path"):
        assert told in str(stopped.value)


def test_texts_beside_the_files_are_one_caption_with_its_lines(folder: Path) -> None:
    for name in NAMES:
        (folder / name).with_suffix(".txt").write_text(f"line one\nof {name}\n")
    (folder / "h.txt").unlink()
    (folder / "g.txt").write_bytes("é".encode("latin-1"))
    (folder / "lonely.txt").write_text("no audio")
    rows = scanned(folder)
    assert used(rows) == {name: (f"line one\nof {name}",) for name in NAMES[:6]}
    assert rows["h.wav"].excluded == "no caption: no h.txt beside it"
    assert rows["g.wav"].excluded == "table: g.txt is not in UTF-8"
    assert rows["lonely.txt" if "lonely.txt" in rows else ""].excluded.startswith(
        "missing: no audio"
    )


def test_several_captions_artists_ids_and_licences(folder: Path) -> None:
    rows = [
        {"path": "a.wav", "text": ["one", "two\nlines"], "artist": ["X", "Y"], "license": "CC0"},
        {"path": "a.wav", "text": "three", "artist": ["X", "Y"], "license": "CC0"},
        *(
            {"path": name, "text": "ünï", "artist": 7, "track_id": 40 + i}
            for i, name in enumerate(NAMES[1:])
        ),
    ]
    (folder / "t.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    found = scanned(folder)
    assert found["a.wav"].captions == ("one", "two\nlines", "three")
    assert (found["a.wav"].artist_id, found["a.wav"].license) == ("X; Y", "CC0")
    assert (found["b.wav"].artist_id, found["b.wav"].track_id) == ("7", "40")
    assert len({caption for row in found.values() for caption in row.caption_ids}) == 10


def test_named_columns_and_wrong_ones(folder: Path) -> None:
    (folder / "x.csv").write_text("datei,text,caption\n" + "".join(f"{n},no,yes\n" for n in NAMES))
    found = scanned(folder, Columns(file="datei", caption="text"))
    assert set(used(found).values()) == {("no",)}
    with pytest.raises(SystemExit, match=r"x\.csv, line 1: no column tells the file.*\.file"):
        scanned(folder)
    with pytest.raises(SystemExit, match=r"no column datie; there are caption, datei, text"):
        scanned(folder, Columns(file="datie"))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "path,caption\n", r"a\.csv has no rows"),
        ("a.jsonl", "[\n1\n]\n", r"line 1: no line is a JSON object"),
        ("a.csv", 'path,caption\na.wav,"open\n', r"line 2: cannot be read as a CSV"),
    ],
)
def test_tables_in_doubt_stop(folder: Path, name: str, text: str, told: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(SystemExit, match=told):
        scanned(folder)


def test_which_table_must_be_clear(folder: Path) -> None:
    for name in ("one.csv", "two.csv"):
        (folder / name).write_text(csv_of([("path", "caption"), *((n, name) for n in NAMES)]))
    with pytest.raises(SystemExit, match=r"several tables: one\.csv, two\.csv.*`table`"):
        scanned(folder)
    assert set(used(scanned(folder, table="two.csv")).values()) == {("two.csv",)}
    with pytest.raises(SystemExit, match=r"three\.csv does not exist"):
        scanned(folder, table="three.csv")


def test_an_empty_or_missing_folder_stops(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no table"):
        scanned(tmp_path)
    with pytest.raises(SystemExit, match="is no folder"):
        scanned(tmp_path / "none")


def test_every_bad_row_has_its_reason_and_the_good_ones_come_through(folder: Path) -> None:
    outside = folder.parent / "outside"
    sound(outside / "far.wav", 99)
    (folder / "link.wav").symlink_to(outside / "far.wav")
    (folder / "loop.wav").symlink_to(folder / "loop.wav")
    (folder / "dangling.wav").symlink_to(folder / "nothing.wav")
    (folder / "round").symlink_to(folder)
    sound(folder / "alone.wav", 50)
    lines = [
        *(json.dumps({"file_name": name, "text": WANTED[name][0]}) for name in NAMES),
        json.dumps({"file_name": "link.wav", "text": "a linked file is followed"}),
        '{"file_name": "a.wav", "text": ',
        '["a.wav"]',
        json.dumps({"text": "no file"}),
        *(
            json.dumps({"file_name": name, "text": "x"})
            for name in (
                "loop.wav",
                "dangling.wav",
                "../outside/far.wav",
                "/etc/passwd",
                "no.wav",
            )
        ),
        json.dumps({"file_name": "b.wav", "text": WANTED["b.wav"][0]}),
        json.dumps({"file_name": "c.wav", "text": "  "}),
        json.dumps({"file_name": "d.wav", "text": 5}),
        json.dumps({"file_name": "e.wav", "text": "la " * 10_000}),
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    rows = scanned(folder)
    assert used(rows) == WANTED | {"link.wav": ("a linked file is followed",)}
    assert rows["loop.wav"].excluded == "cyclic link: the link leads to itself"
    assert rows["dangling.wav"].excluded == "missing: the link leads to no file"
    assert rows["../outside/far.wav"].excluded.endswith("leads out of the folder")
    assert "is absolute" in rows["/etc/passwd"].excluded
    assert rows["no.wav"].excluded == "missing: no such file"
    assert rows["alone.wav"].excluded == "no caption: not in the table"
    (dropped,) = rows["b.wav"].dropped_reasons
    assert dropped == "table: line 18: the same file and caption stand in line 2 already"
    assert rows["c.wav"].dropped_reasons == ("table: the caption is blank",)
    assert "no text: 5" in rows["d.wav"].dropped_reasons[0]
    assert rows["e.wav"].dropped_reasons == ("caption too long: 10000 words, allowed are 500",)
    text = excluded_text(list(rows.values()))
    for told in ("line 10: not JSON", "line 11: no JSON object", "line 12: file_name is blank"):
        assert told in text
    assert summary(list(rows.values())) in text


def test_contradicting_rows_set_the_track_aside(folder: Path) -> None:
    rows = [("path", "caption", "artist"), *((n, f"c {n}", n) for n in NAMES), ("a.wav", "d", "Z")]
    (folder / "t.csv").write_text(csv_of(rows))
    found = scanned(folder)
    assert found["a.wav"].excluded == "table: line 10: artist is Z, in line 2 it is a.wav"
    assert set(used(found)) == set(NAMES[1:])


def test_ids_are_plain_and_depend_on_the_path_alone() -> None:
    paths = [
        "rock/a b.wav",
        "rock/a-b.wav",
        "a b.mp3",
        "日本/曲.flac",
        "x" * 300,
        "曲" * 100,
        "\U00020bb7" * 100,  # four bytes each
        "..",
        "a" * 3,
        "É/é",
    ]
    names = [name_of(path) for path in paths]
    assert len(set(names)) == len(paths)
    assert all(plain(name) and len(f"{name}-999.png".encode()) <= 255 for name in names)
    assert not plain("曲" * 100)
    assert names == [name_of(path) for path in paths]
