"""The folder for other trainers: names, captions, images."""

import json
from pathlib import Path

import export_images
import pytest
from audio_signals import SMALL, music
from melablate.audio.codecs.mel_db.encode import encode
from melablate.audio.export_settings import Export
from melablate.audio.png import image_to_png, png_to_image
from melablate.audio.shards import ClipRow, write_shards

PNG = b"\x89PNG\r\n\x1a\n"
CAPTIONS = ("A flute,\nslowly", "Flöte")


def shards(folder: Path) -> Path:
    rows = [
        ClipRow(
            clip_id=f"{track}-0",
            track_id=track,
            split="heldout" if track == "9" else "train",
            captions=CAPTIONS,
            png=image_to_png(encode(music(SMALL, int(track)), SMALL).image, SMALL),
            audio_sha256="0" * 64,
            start_s=0.0,
        )
        for track in ("1", "2", "9")
    ]
    write_shards(folder, rows, SMALL, 0.001)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: object) -> Path:
    given = ["--settings", json.dumps(settings), "--images", str(shards(folder / "images"))]
    monkeypatch.setattr("sys.argv", ["export_images", *given, "--out", str(folder / "out")])
    export_images.main()
    return folder / "out"


@pytest.mark.parametrize(
    ("captions", "texts"),
    [
        ("first", {"1-0": "A flute, slowly\n", "2-0": "A flute, slowly\n"}),
        ("lines", {"1-0": "A flute, slowly\nFlöte\n", "2-0": "A flute, slowly\nFlöte\n"}),
        (
            "each",
            {
                "1-0-0": "A flute, slowly\n",
                "1-0-1": "Flöte\n",
                "2-0-0": "A flute, slowly\n",
                "2-0-1": "Flöte\n",
            },
        ),
    ],
)
def test_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, captions: str, texts: dict[str, str]
) -> None:
    out = run(monkeypatch, tmp_path, repeats=3, name="flutes", captions=captions)
    (folder,) = out.iterdir()
    assert folder.name == "3_flutes"
    found = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
    assert found == texts
    assert {path.stem for path in folder.glob("*.png")} == set(texts)
    name = sorted(texts)[0]
    image, codec = png_to_image((folder / f"{name}.png").read_bytes())
    assert codec == SMALL and (image == encode(music(SMALL, 1), SMALL).image).all()


def test_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split, count in (("train", 2), ("heldout", 1), ("all", 3)):
        out = run(monkeypatch, tmp_path, split=split)
        assert len(list(out.glob("1_music/*.png"))) == count


def test_wrong_settings_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="captions"):
        run(monkeypatch, tmp_path, captions="some")
    with pytest.raises(SystemExit, match="name"):
        run(monkeypatch, tmp_path, name="../up")
    assert not (tmp_path / "out").exists()


def test_other_folders_of_a_trainer_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [tmp_path / "out/10_mine/a.png", tmp_path / "out/notes.txt"]
    mine[0].parent.mkdir(parents=True)
    for path in mine:
        path.write_text("years of work")
    for _ in range(2):
        out = run(monkeypatch, tmp_path)
    assert len(list(out.glob("1_music/*.png"))) == 2
    added = out / "1_music/mine.png"
    added.write_text("years of work")
    with pytest.raises(SystemExit, match=r"mine\.png"):
        run(monkeypatch, tmp_path)
    assert {path.read_text() for path in (*mine, added)} == {"years of work"}


def test_an_id_too_long_for_a_file_is_told(tmp_path: Path) -> None:
    row = ClipRow("曲" * 100 + "-0", "曲" * 100, "train", ("x",), PNG, "", 0.0)
    write_shards(tmp_path / "images", [row], SMALL, 1)
    with pytest.raises(SystemExit, match="cannot name a file"):
        export_images.export_images(tmp_path / "images", tmp_path / "out", Export())
