"""Every bad image, shard, manifest or file of latents ends as one clear error."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from bad_audio import FILES, PLACES
from bad_images import LATENTS, PNGS, SHARDS, parquet, png, riffusions, table
from bad_tables import FOLDER, LISTS, SIDECARS, SONG_DESCRIBER
from fence import Fence, Ran, everything
from test_bad_audio import SPECTROGRAMS

MEND = (
    "To mend: |convert it to|make it again|makes it anew|make it with|run the workflow|no such file"
)


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    scripts = ("image_to_audio", "export_images", "make_spectrograms", "bad_images")
    made = Fence(*scripts, "pandas", "melablate.training.images", "safetensors.torch")
    yield made
    made.close()


def stopped(fence: Fence, folder: Path, told: str, module: str, *given: object, **how: str) -> Ran:
    """One error that names the file and a mend; nothing is left behind, little memory is taken."""
    before = everything(folder)
    ran = fence.run(module, *given, folder=folder, **how)
    assert ran.ending == "stopped", (ran.ending, ran.said)
    assert re.search(f"(?s){told}", ran.said), ran.said
    assert "bad" in ran.said and re.search(MEND, ran.said), ran.said
    assert not re.search("Traceback|Warning", ran.printed)
    assert ran.megabytes < 300
    after = everything(folder)
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after if path not in before} <= {"out"}
    assert all(Path(path).is_relative_to(folder) for path in ran.wrote)
    return ran


@pytest.mark.parametrize("name", PNGS)
def test_png(fence: Fence, tmp_path: Path, name: str) -> None:
    lay, told = PNGS[name]
    lay(tmp_path / "bad.png")
    stopped(
        fence, tmp_path, told, "image_to_audio", tmp_path / "bad.png", "--out", tmp_path / "out"
    )


def test_good_images_before_a_bad_one_are_heard(fence: Fence, tmp_path: Path) -> None:
    names = ["ours.png", "riffusions.png", "bad.png"]
    for name, data in zip(names, (png(), riffusions(), b"no image"), strict=True):
        (tmp_path / name).write_bytes(data)
    given = [tmp_path / name for name in names]
    ran = fence.run("image_to_audio", *given, "--out", tmp_path / "out", folder=tmp_path)
    assert ran.ending == "stopped" and "bad.png: it is no PNG" in ran.said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"ours.wav", "riffusions.wav"}


COPIED = {
    *("a codec that is no JSON", "a codec unknown", "of somebody else's codec"),
    *("images that are cut", "images of 4 gigapixels", "images of another size"),
    *("images in colour",),
}
"""What a trainer's folder may get: whole PNGs are not decoded again, codecs are not asked for."""


@pytest.mark.parametrize("name", SHARDS)
def test_shard(fence: Fence, tmp_path: Path, name: str) -> None:
    lay, told = SHARDS[name]
    bad, out = tmp_path / "bad.parquet", tmp_path / "out"
    lay(bad)
    stopped(fence, tmp_path, told, "bad_images", bad, function="read_shards")
    stopped(fence, tmp_path, f"{told}|Parquet", "image_to_audio", bad, "--out", out)
    # It copies images as they are, so it can only tell what is no row of a shard.
    before = everything(tmp_path)
    ran = fence.run("export_images", "--images", bad, "--out", out / "images", folder=tmp_path)
    assert ran.ending == ("done" if name in COPIED else "stopped"), ran.said
    new = {path for path in everything(tmp_path) if path not in before}
    # The folder itself, or while it is not whole, one beside it.
    assert all(path == out or path.is_relative_to(out / "images") for path in new)
    assert all(Path(path).is_relative_to(out) for path in ran.wrote)


def test_shards_that_are_not_all(fence: Fence, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "images-00001-of-00002.parquet").write_bytes(parquet(table()))
    for module, how in (("bad_images", {"function": "read_shards"}), ("export_images", {})):
        given = (folder,) if how else ("--images", folder, "--out", tmp_path / "out")
        stopped(fence, tmp_path, "not a whole set of shards", module, *given, **how)


@pytest.mark.parametrize("name", LATENTS)
def test_latents(fence: Fence, tmp_path: Path, name: str) -> None:
    lay, told = LATENTS[name]
    lay(tmp_path / "bad.safetensors")
    bad = tmp_path / "bad.safetensors"
    stopped(fence, tmp_path, told, "bad_images", bad, function="read_latents")


ROWS = pa.table(
    {
        "track_id": ["1"],
        "path": ["1.wav"],
        "split": ["train"],
        "captions": [["a song"]],
        "audio_sha256": ["0"],
        "excluded": [""],
    }
)
MANIFESTS: dict[str, bytes | None] = {
    "no bytes": b"",
    "text": b"track_id,path\n",
    "cut": parquet(ROWS)[:-50],
    "without captions": parquet(ROWS.drop_columns(["captions"])),
    "captions that are null": parquet(
        ROWS.set_column(3, "captions", pa.array([None], pa.list_(pa.string())))
    ),
    "paths that are numbers": parquet(ROWS.set_column(1, "path", pa.array([5]))),
    "absent": None,
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest(fence: Fence, tmp_path: Path, name: str) -> None:
    data = MANIFESTS[name]
    if data is not None:
        (tmp_path / "bad.parquet").write_bytes(data)
    given = ("--manifest", tmp_path / "bad.parquet", "--audio", tmp_path, "--out", tmp_path / "out")
    told = "Parquet|does not exist"
    stopped(fence, tmp_path, told, "make_spectrograms", "--settings", SPECTROGRAMS, *given)


def test_there_are_at_least_a_hundred_cases() -> None:
    tables = (SONG_DESCRIBER, FOLDER, SIDECARS, LISTS)
    count = sum(map(len, (FILES, PLACES, *tables, PNGS, SHARDS, LATENTS, MANIFESTS)))
    assert count >= 300
