"""Shards: what is written is read, by this project and by Hugging Face datasets."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from audio_signals import SMALL
from melablate.audio.codec_text import parse_codec
from melablate.audio.png import image_to_png, png_to_image
from melablate.audio.shards import ClipRow, read_images, write_images
from PIL import Image


def rows(count: int) -> list[ClipRow]:
    rng = np.random.default_rng(0)
    return [
        ClipRow(
            clip_id=f"{i:04d}-0",
            track_id=f"{i:04d}",
            split="heldout" if i % 5 == 0 else "train",
            captions=("a flute,\nslowly", "Flöte") if i % 2 else ("a drum",),
            png=image_to_png(rng.integers(0, 256, (1, 64, 128), dtype=np.uint8), SMALL),
            audio_sha256="0" * 64,
            start_s=i / 4,
        )
        for i in range(count)
    ]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    given = rows(600)  # more than two row groups
    assert write_images(tmp_path / "images.parquet", iter(given), SMALL) == 600
    table = read_images(tmp_path / "images.parquet")
    assert len(table) == 600 and table.codec == SMALL
    assert table.clip_ids == tuple(row.clip_id for row in given)
    assert table.track_ids == tuple(row.track_id for row in given)
    assert table.splits == tuple(row.split for row in given)
    assert table.captions == tuple(row.captions for row in given)
    assert table.images.dtype == np.uint8
    for image, row in zip(table.images, given, strict=True):
        np.testing.assert_array_equal(image, png_to_image(row.png)[0])


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    for name in "ab":
        write_images(tmp_path / name, rows(300), SMALL)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_codec_is_in_schema_and_png(tmp_path: Path) -> None:
    write_images(tmp_path / "a", rows(1), SMALL)
    metadata = pq.read_schema(tmp_path / "a").metadata
    assert parse_codec(metadata[b"melablate.codec"]) == SMALL
    record = pq.read_table(tmp_path / "a").to_pylist()[0]
    assert record["image"]["path"] == "0000-0.png"
    text = Image.open(io.BytesIO(record["image"]["bytes"])).info["melablate.codec"]
    assert json.loads(text)["n_mels"] == 64


def test_no_rows_and_a_failure_on_the_way(tmp_path: Path) -> None:
    write_images(tmp_path / "none", [], SMALL)
    assert read_images(tmp_path / "none").images.shape == (0, 1, 64, 128)

    def failing():  # type: ignore[no-untyped-def]
        yield from rows(300)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_images(tmp_path / "half", failing(), SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["none"]


def test_foreign_shards_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "a", rows(1), SMALL.model_copy(update={"width": 256}))
    with pytest.raises(ValueError, match=r"0000-0 is uint8 \(1, 64, 128\).*\(1, 64, 256\)"):
        read_images(tmp_path / "a")
    pq.write_table(pq.read_table(tmp_path / "a").replace_schema_metadata({}), tmp_path / "b")
    with pytest.raises(ValueError, match="no codec"):
        read_images(tmp_path / "b")


@pytest.mark.slow
def test_datasets_shows_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    given = rows(3)
    write_images(tmp_path / "images.parquet", given, SMALL)
    data = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "images.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert isinstance(data.features["image"], datasets.Image)
    assert data[1]["captions"] == list(given[1].captions)
    np.testing.assert_array_equal(np.asarray(data[1]["image"]), png_to_image(given[1].png)[0][0])
