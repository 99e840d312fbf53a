"""The command line: manifest and audio in, shard and tables out."""

import csv
import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import make_spectrograms
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from audio_signals import SMALL, START, music
from melablate.audio import tracks
from melablate.audio.clip_settings import Clips
from melablate.audio.codecs.ma_ddpm.encode import encode as encode_tensor
from melablate.audio.codecs.ma_ddpm.settings import MaDdpm
from melablate.audio.codecs.mel_db.encode import encode
from melablate.audio.shard_files import shard_files
from melablate.audio.shard_reading import read_images


def corpus(folder: Path, count: int = 6) -> Path:
    """Tracks 0 … count − 1; the second is no sound, the third silent, the fourth excluded."""
    records = []
    for i in reversed(range(count)):
        path = folder / "audio" / "01" / f"{i}.2min.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music(SMALL, i)[0] * (i != 2), SMALL.sample_rate, subtype="FLOAT")
        if i == 1:
            path.write_text("no music")
        records.append(
            {
                "track_id": str(i),
                "path": f"01/{i}.2min.wav",
                "captions": [f"caption {i}"],
                "split": "train",
                "audio_sha256": "0" * 64,
                "excluded": "duplicate of 0" if i == 3 else "",
            }
        )
    pq.write_table(pa.Table.from_pylist(records), folder / "manifest.parquet")
    return folder


def run(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *more: str,
    clips: Clips = START,
    limit: float = 0.5,
) -> None:
    options = {"manifest": "manifest.parquet", "audio": "audio", "out": "out"}
    arguments = [f"--{name}={folder / value}" for name, value in options.items()]
    settings = {
        "codec": SMALL.model_dump(mode="json"),
        "clips": clips.model_dump(mode="json"),
    }
    given = ["--settings", json.dumps(settings), *arguments, f"--max-set-aside={limit}", *more]
    monkeypatch.setattr("sys.argv", ["make_spectrograms", *given])
    make_spectrograms.main()


def test_clips_are_made_and_the_others_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, corpus(tmp_path))
    table = read_images(tmp_path / "out" / "images")
    assert table.clip_ids == ("0-0", "4-0", "5-0")
    assert table.captions[1] == ("caption 4",)
    np.testing.assert_array_equal(table.images[1], encode(music(SMALL, 4), SMALL).image)
    with (tmp_path / "out" / "excluded.csv").open() as file:
        excluded = {row["track_id"]: row["reason"] for row in csv.DictReader(file)}
    assert excluded.keys() == {"1", "2"}
    assert excluded["1"].startswith("undecodable") and excluded["2"].startswith("silent")
    with (tmp_path / "out" / "clips.csv").open() as file:
        clips = list(csv.DictReader(file))
    assert [clip["clip_id"] for clip in clips] == list(table.clip_ids)
    assert -40 < float(clips[0]["loudness_lufs"]) < 0
    assert "3 clips, 2 set aside" in capsys.readouterr().out


def test_two_threads_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path)
    made = []
    for workers in ("1", "2"):
        run(monkeypatch, tmp_path, "--workers", workers)
        made.append([path.read_bytes() for path in shard_files(tmp_path / "out" / "images")])
    assert made[0] == made[1] and len(made[0]) == 1


def test_several_clips_of_a_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus(tmp_path)
    sounds = [music(SMALL, 10 + number)[0] for number in range(3)]
    sounds[1] *= 0
    path = tmp_path / "audio/01/0.2min.wav"
    soundfile.write(path, np.concatenate(sounds), SMALL.sample_rate, subtype="FLOAT")
    run(monkeypatch, tmp_path, clips=Clips(offset=0, count=3))
    table = read_images(tmp_path / "out" / "images")
    assert table.clip_ids == ("0-0", "0-2", "4-0", "5-0")  # only the silent one is missing
    assert table.track_ids == ("0", "0", "4", "5")
    assert table.captions[0] == table.captions[1] == ("caption 0",)
    for row, number in ((0, 0), (1, 2)):
        expected = encode(music(SMALL, 10 + number), SMALL).image
        np.testing.assert_array_equal(table.images[row], expected)


def test_too_many_unusable_clips_stop_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, tmp_path, limit=0.3)
    said = str(stopped.value)
    assert "2 of 5 clips cannot be used" in said and "rules.max_set_aside = 0.3" in said
    assert "01/1.2min.wav: undecodable" in said and "01/2.2min.wav: silent" in said
    assert not (tmp_path / "out").exists()
    stopped = tmp_path / "out.stopped.csv"
    assert str(stopped) in said
    lines = stopped.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and "silent" in lines[2]
    run(monkeypatch, tmp_path, limit=0.4)
    assert not stopped.exists()
    assert (tmp_path / "out/excluded.csv").read_text(encoding="utf-8").splitlines() == lines


def test_threads_do_not_run_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made and not yet written is bounded, however many tracks there are."""
    asked: list[object] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, *given: Any, **more: Any) -> Future[Any]:
            asked.append(given[1])
            return super().submit(*given, **more)

    path = corpus(tmp_path, 1) / "audio/01/0.2min.wav"
    many = [tracks.Track(str(i), str(path), "train", ("a",), "") for i in range(200)]
    monkeypatch.setattr(tracks, "ThreadPoolExecutor", Pool)
    most = 0
    for done, _ in enumerate(tracks.make_clips(many, tmp_path, SMALL, START, 2)):
        most = max(most, len(asked) - done)
    assert len(asked) == 200 and most <= tracks.AHEAD * 2


def test_a_codec_of_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = MaDdpm(kind="ma_ddpm", sample_rate=16000, n_fft=128, hop=96, height=64, width=512)
    settings = {"codec": codec.model_dump(mode="json"), "clips": {"offset": 0}}
    given = ["--settings", json.dumps(settings), "--max-set-aside=1"]
    run(monkeypatch, corpus(tmp_path), *given)
    table = read_images(tmp_path / "out" / "images")
    assert table.clip_ids == ("0-0", "4-0", "5-0") and table.codec == codec
    np.testing.assert_array_equal(table.images[0], encode_tensor(music(SMALL, 0), codec).image)


def test_nothing_usable_stops_with_the_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus(tmp_path)
    with pytest.raises(SystemExit, match=r"(?s)not one clip.*missing"):
        run(monkeypatch, tmp_path, f"--audio={tmp_path / 'elsewhere'}")
    assert not (tmp_path / "out").exists()


def test_settings_that_are_wrong_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"fmin 9000.* is not below fmax"):
        run(
            monkeypatch,
            corpus(tmp_path),
            '--settings={"codec": {"kind": "mel_db", "fmin": 9000}, "clips": {}}',
        )
