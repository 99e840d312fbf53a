"""The command line: any image back to sound, without the config."""

from pathlib import Path

import image_to_audio
import numpy as np
import pytest
import soundfile
from audio_signals import music
from codec_kinds import SMALL_SETTINGS, small
from melablate.audio.codec import encoder
from melablate.audio.png import image_to_png
from melablate.audio.shard_files import shard_files
from melablate.audio.shards import ClipRow, write_shards
from PIL import Image
from test_codec_exif import foreign


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *images: str) -> None:
    arguments = [*images, "--out", str(out), "--iterations", "2", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["image_to_audio.py", *arguments])
    image_to_audio.main()


@pytest.mark.parametrize("name", SMALL_SETTINGS)
def test_pngs_of_every_codec(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = small(name)
    image = encoder(codec)(music(codec), codec).image
    (tmp_path / "a.png").write_bytes(image_to_png(image, codec))
    run(monkeypatch, tmp_path / "out", str(tmp_path / "a.png"))
    audio, rate = soundfile.read(tmp_path / "out" / "a.wav", always_2d=True)
    assert rate == codec.sample_rate and audio.shape == (codec.samples, codec.channels)
    assert np.abs(audio).max() > 0.1
    again = encoder(codec)(audio.T.astype(np.float32), codec).image.astype(float)
    low, high = codec.span
    assert np.abs(again - image).mean() < 0.06 * (high - low)


def test_a_png_of_riffusions_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.png").write_bytes(foreign(size=(64, 512)))
    run(monkeypatch, tmp_path, str(tmp_path / "r.png"))
    audio, rate = soundfile.read(tmp_path / "r.wav")
    assert rate == 44100 and audio.shape == (63 * 441,)


@pytest.mark.parametrize("kind", ["mel_db", "dual_diffusion"])
def test_rows_of_shards(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = small(kind)
    rows = []
    for number in range(3):
        image = encoder(codec)(music(codec, number), codec).image
        png = image_to_png(image, codec)
        tensor = image if kind == "dual_diffusion" else None
        row = (f"{number}-0", str(number), "train", ("x",), png, "0" * 64, 0.0, tensor)
        rows.append(ClipRow(*row))
    write_shards(tmp_path / "images", rows, codec, megabytes=100)
    shards, whole = tmp_path / "images", {"0-0.wav", "1-0.wav", "2-0.wav"}
    run(monkeypatch, tmp_path / "one", f"{shards}#1-0")
    assert {path.name for path in (tmp_path / "one").iterdir()} == {"1-0.wav"}
    run(monkeypatch, tmp_path / "all", str(shards))
    assert {path.name for path in (tmp_path / "all").iterdir()} == whole
    run(monkeypatch, tmp_path / "file", str(shard_files(shards)[0]))
    assert {path.name for path in (tmp_path / "file").iterdir()} == whole
    one, other = (tmp_path / part / "1-0.wav" for part in ("one", "all"))
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(SystemExit, match="there is no clip 7-0 in it"):
        run(monkeypatch, tmp_path / "none", f"{shards}#7-0")


def test_what_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "text.parquet").write_text("no shard")
    Image.new("L", (8, 8)).save(tmp_path / "any.png")
    for name, words in (
        ("none.png", "none.png: no such file"),
        ("text.png", "text.png: it is no PNG"),
        ("any.png", "any.png: the PNG has neither"),
        ("text.parquet", "text.parquet is not a whole Parquet file"),
        ("none.parquet", "none.parquet: no such file"),
        (".", "not a whole set of shards"),
    ):
        with pytest.raises(SystemExit, match=words):
            run(monkeypatch, tmp_path / "out", str(tmp_path / name))
    codec = small("mel_db")
    png = image_to_png(np.zeros((1, *codec.size), np.uint8), codec)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes(png)
    with pytest.raises(SystemExit, match=r"x\.wav already"):
        run(monkeypatch, tmp_path / "out", *(str(tmp_path / f / "x.png") for f in ("a", "b")))
