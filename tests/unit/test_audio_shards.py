"""Shards: what is written is read, by this project and by Hugging Face datasets."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from audio_signals import SMALL
from melablate.audio.codec_text import parse_codec
from melablate.audio.codecs.ma_ddpm.settings import MaDdpm
from melablate.audio.png import image_to_png, png_to_image
from melablate.audio.shard_files import read_columns, shard_files
from melablate.audio.shard_reading import read_batches, read_images
from melablate.audio.shards import ClipRow, write_shards
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
    given = rows(300)  # more than two row groups
    assert write_shards(tmp_path / "images", iter(given), SMALL, 256) == 300
    table = read_images(tmp_path / "images")
    assert len(table) == 300 and table.codec == SMALL
    assert table.clip_ids == tuple(row.clip_id for row in given)
    assert table.track_ids == tuple(row.track_id for row in given)
    assert table.splits == tuple(row.split for row in given)
    assert table.captions == tuple(row.captions for row in given)
    assert table.images.dtype == np.uint8
    for image, row in zip(table.images, given, strict=True):
        np.testing.assert_array_equal(image, png_to_image(row.png)[0])


def test_files_are_bounded_and_read_together(tmp_path: Path) -> None:
    given = rows(300)  # 8 kB each
    write_shards(tmp_path / "images", iter(given), SMALL, 1)
    files = sorted((tmp_path / "images").iterdir())
    assert [file.name for file in files] == [f"images-{i:05d}-of-00003.parquet" for i in range(3)]
    assert all(file.stat().st_size <= 10**6 for file in files)
    table = read_images(tmp_path / "images")
    assert table.clip_ids == tuple(row.clip_id for row in given)
    batches = list(read_batches(tmp_path / "images", size=50))
    assert max(map(len, batches)) == 50
    np.testing.assert_array_equal(np.concatenate([b.images for b in batches]), table.images)
    some = read_images(tmp_path / "images", only={"0007-0", "0200-0"})
    assert some.clip_ids == ("0007-0", "0200-0")
    np.testing.assert_array_equal(some.images, table.images[[7, 200]])
    assert read_columns(tmp_path / "images", ["clip_id"])["clip_id"] == list(table.clip_ids)
    for one in given[:3]:  # a row that is too large for any file has its own
        assert write_shards(tmp_path / one.clip_id, [one, one], SMALL, 0.001) == 2
        assert len(shard_files(tmp_path / one.clip_id)) == 2


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def given(count: int) -> Iterator[ClipRow]:
        for i in range(count):
            png = i.to_bytes(4, "big") * 5000
            yield ClipRow(f"{i:05d}-0", f"{i:05d}", "train", ("a",), png, "", 0.0)

    def peak(count: int) -> int:
        tracemalloc.start()
        write_shards(tmp_path / str(count), given(count), SMALL, 5)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)
    few, many = peak(200), peak(3000)  # 4 MB and 60 MB
    assert many < 1.2 * few and many < 10e6
    sizes = [file.stat().st_size for file in shard_files(tmp_path / "3000")]
    assert len(sizes) == 13 and max(sizes) <= 5_000_000


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_missing_file_is_told(tmp_path: Path, gone: int) -> None:
    write_shards(tmp_path / "images", rows(300), SMALL, 1)
    sorted((tmp_path / "images").iterdir())[gone].unlink()
    with pytest.raises(SystemExit, match="not a whole set"):
        read_images(tmp_path / "images")
    with pytest.raises(SystemExit, match="not a whole set"):
        read_columns(tmp_path / "nowhere", ["clip_id"])


def test_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    for name in "ab":
        write_shards(tmp_path / name, rows(300), SMALL, 1)
    for one, other in zip(shard_files(tmp_path / "a"), shard_files(tmp_path / "b"), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_codec_is_in_schema_row_and_png(tmp_path: Path) -> None:
    write_shards(tmp_path / "a", rows(1), SMALL, 256)
    (file,) = shard_files(tmp_path / "a")
    metadata = pq.read_schema(file).metadata
    assert parse_codec(metadata[b"melablate.codec"]) == SMALL
    record = pq.read_table(file).to_pylist()[0]
    assert record["image"]["path"] == "0000-0.png"
    assert parse_codec(record["codec"]) == SMALL
    text = Image.open(io.BytesIO(record["image"]["bytes"])).info["melablate.codec"]
    assert json.loads(text)["n_mels"] == 64


def test_no_rows(tmp_path: Path) -> None:
    write_shards(tmp_path / "none", [], SMALL, 256)
    assert read_images(tmp_path / "none").images.shape == (0, 1, 64, 128)


def test_foreign_shards_are_refused(tmp_path: Path) -> None:
    write_shards(tmp_path / "a", rows(1), SMALL.model_copy(update={"width": 256}), 256)
    with pytest.raises(SystemExit, match=r"0000-0 is uint8 \(1, 64, 128\).*\(1, 64, 256\)"):
        read_images(tmp_path / "a")
    (file,) = shard_files(tmp_path / "a")
    pq.write_table(pq.read_table(file).replace_schema_metadata({}), tmp_path / "b")
    with pytest.raises(SystemExit, match="no codec"):
        read_images(tmp_path / "b")


TENSORS = MaDdpm(kind="ma_ddpm")


def tensor_rows(count: int) -> list[ClipRow]:
    rng = np.random.default_rng(1)
    shape = (TENSORS.channels, *TENSORS.size)
    low, high = TENSORS.span
    images = rng.uniform(low - 0.1, high + 0.1, (count, *shape)).astype(np.float32)
    return [
        ClipRow(f"{i}-0", f"{i}", "train", ("a",), image_to_png(image, TENSORS), "", 0.0, image)
        for i, image in enumerate(images)
    ]


def test_tensors_keep_every_bit(tmp_path: Path) -> None:
    given = tensor_rows(7)
    write_shards(tmp_path / "images", given, TENSORS, 1.5)
    files = shard_files(tmp_path / "images")
    assert len(files) > 1 and max(file.stat().st_size for file in files) <= 1_500_000
    table = read_images(tmp_path / "images")
    assert table.images.dtype == np.float32 and table.codec == TENSORS
    for image, row in zip(table.images, given, strict=True):
        np.testing.assert_array_equal(image, row.tensor)
    some = read_images(tmp_path / "images", only={"4-0"})
    np.testing.assert_array_equal(some.images[0], given[4].tensor)
    write_shards(tmp_path / "none", [], TENSORS, 1.5)
    assert read_images(tmp_path / "none").images.shape == (0, TENSORS.channels, *TENSORS.size)


def test_datasets_shows_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    given = tensor_rows(3)
    write_shards(tmp_path / "images", given, TENSORS, 1)
    data = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "images" / "*.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert isinstance(data.features["tensor"], datasets.Array3D)
    assert data.features["tensor"].shape == (TENSORS.channels, *TENSORS.size)
    assert isinstance(data.features["image"], datasets.Image)
    tensors = data.with_format("numpy")["tensor"]
    np.testing.assert_array_equal(np.asarray(tensors[2]), given[2].tensor)
    assert data[1]["image"].size == TENSORS.size[::-1]


def test_datasets_shows_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    given = rows(3)
    write_shards(tmp_path / "images", given, SMALL, 0.001)
    data = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "images" / "*.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert isinstance(data.features["image"], datasets.Image)
    assert len(data) == 3 and len(shard_files(tmp_path / "images")) == 3
    assert data[1]["captions"] == list(given[1].captions)
    np.testing.assert_array_equal(np.asarray(data[1]["image"]), png_to_image(given[1].png)[0][0])
