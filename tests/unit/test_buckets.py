"""Bucketing: kohya's buckets, the choice among them, and what the base is shown and told."""

import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.audio.codecs.mel_db.settings import MelDb
from melablate.audio.png import image_to_png
from melablate.audio.shards import ClipRow, write_shards
from melablate.models.base import load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.models.weights import read_tensors
from melablate.training.buckets import buckets, fit
from melablate.training.images import cached_images, encoded_images
from melablate.training.latents import bucketed
from melablate.training.latents_settings import Bucketing, Latents
from pydantic import ValidationError
from training_runs import run, weights

ROOT = Path(__file__).parents[2]
# Of 512 × 512, as kohya's trainer lists them: width × height.
OF_512 = (
    "256x832 256x896 256x960 256x1024 320x704 320x768 384x640 448x576 512x512 "
    "576x448 640x384 704x320 768x320 832x256 896x256 960x256 1024x256"
)
SMALL, BUCKET = Bucketing(resolution=40, min_size=8, max_size=80, step=8), (24, 56)


def test_the_list_of_buckets_is_kohyas() -> None:
    found = [f"{width}x{height}" for height, width in buckets(Bucketing())]
    assert " ".join(found) == OF_512
    xl = buckets(Bucketing(resolution=1024, max_size=2048))
    # Sizes that SDXL was trained at (Podell et al. 2023, appendix I).
    for size in ((1024, 1024), (832, 1216), (896, 1152), (768, 1344), (640, 1536), (512, 2048)):
        assert size in xl and size[::-1] in xl


@pytest.mark.parametrize("settings", [Bucketing(), SMALL, Bucketing(resolution=640, step=32)])
def test_buckets_are_all_the_largest_of_their_area(settings: Bucketing) -> None:
    """By counting: no side of a bucket can be one step longer, and none is missing."""
    sides = range(settings.min_size, settings.max_size + 1, settings.step)
    area, found = settings.resolution**2, set(buckets(settings))

    def tallest(width: int) -> int | None:
        return max((h for h in sides if h * width <= area), default=None)

    square = settings.resolution // settings.step * settings.step
    wanted = {(square, square)}
    for side in sides:
        if (other := tallest(side)) is not None:
            wanted |= {(side, other), (other, side)}
    assert found == wanted


@pytest.mark.parametrize(
    ("size", "resized", "bucket", "corner"),
    [
        ((256, 512), (352, 704), (320, 704), (16, 0)),  # the seed's codec, 2:1 → 2.2:1
        ((512, 512), (512, 512), (512, 512), (0, 0)),  # riffusion's
        ((256, 472), (384, 708), (384, 640), (0, 34)),
        ((472, 256), (708, 384), (640, 384), (34, 0)),
        ((1000, 1000), (512, 512), (512, 512), (0, 0)),
        ((64, 128), (352, 704), (320, 704), (16, 0)),
    ],
)
def test_the_nearest_aspect_ratio_is_covered_and_cut(
    size: tuple[int, int],
    resized: tuple[int, int],
    bucket: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    found = fit(size, Bucketing())
    assert (found.resized, found.bucket, found.corner) == (resized, bucket, corner)
    errors = {
        b: abs(Fraction(b[1], b[0]) - Fraction(size[1], size[0])) for b in buckets(Bucketing())
    }
    assert errors[found.bucket] == min(errors.values())
    assert min(r - b for r, b in zip(found.resized, found.bucket, strict=True)) == 0
    assert found.changes == (size != (512, 512))


@pytest.mark.parametrize(
    ("size", "resized", "bucket"),
    [
        ((256, 512), (256, 512), (256, 512)),
        ((256, 472), (256, 472), (256, 448)),
        ((300, 300), (300, 300), (256, 256)),
        ((1024, 1024), (512, 512), (512, 512)),
        ((512, 1024), (320, 640), (320, 640)),  # 2:1 is kept where it can be
    ],
)
def test_without_upscaling_small_images_are_only_cut(
    size: tuple[int, int], resized: tuple[int, int], bucket: tuple[int, int]
) -> None:
    found = fit(size, Bucketing(upscale=False))
    assert (found.resized, found.bucket) == (resized, bucket)
    assert math.prod(found.bucket) <= 512 * 512


def test_images_are_resized_and_their_middle_is_kept() -> None:
    ramp = torch.arange(256, dtype=torch.uint8).view(1, 1, 256, 1).expand(2, 1, 256, 512)
    shown = bucketed(ramp, Bucketing())
    assert shown.shape == (2, 1, 320, 704) and shown.dtype == torch.uint8
    rows = shown[0, 0, :, 300].float()
    # Row r of the bucket is row (r + 16.5) · 256/352 − .5 of the image.
    wanted = (torch.arange(320) + 16.5) * 256 / 352 - 0.5
    assert (rows - wanted).abs().max() <= 0.6
    assert torch.equal(bucketed(ramp, None), ramp)
    floats = bucketed(ramp.float() - 300, Bucketing())
    assert floats.dtype == torch.float32 and floats.min() < -280
    cut = bucketed(ramp, Bucketing(upscale=False, step=96, min_size=96))
    assert torch.equal(cut, ramp[..., 32:224, 16:496])


@pytest.mark.parametrize(
    "settings", [{"min_size": 600}, {"step": 512}, {"resolution": 2048}, {"step": 0}]
)
def test_sides_in_no_order_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Bucketing.model_validate(settings)


def test_sdxl_is_told_of_size_and_cut(bases: dict[str, Path]) -> None:
    base = load_base(bases["xl"], ("unet", "text"))
    latents = torch.zeros(2, 4, 80, 176)
    told = unet_arguments(base, encode(base, ["a", "b"]), latents, fit((256, 512), Bucketing()).cut)
    assert base.pixels == 4
    assert told["added_cond_kwargs"]["time_ids"].tolist() == [[256, 512, 16, 0, 320, 704]] * 2


def write_images(folder: Path) -> None:
    codec = MelDb(seconds=0.9, n_mels=16, width=32)
    generator = torch.Generator().manual_seed(0)
    rows = []
    for number in range(5):
        image = torch.randint(0, 256, (1, 16, 32), generator=generator, dtype=torch.uint8).numpy()
        png, split = image_to_png(image, codec), "train" if number < 4 else "heldout"
        rows.append(ClipRow(f"{number}-0", str(number), split, (f"tune {number}",), png, "", 0.0))
    write_shards(folder, rows, codec, 256)


def test_the_stage_and_the_loop_train_on_the_bucket(bases: dict[str, Path], tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    settings = Latents(bucketing=SMALL)
    line: list[Any] = [sys.executable, ROOT / "scripts/encode_latents.py", "--identity", "x"]
    line += ["--settings", settings.model_dump_json(), "--images", tmp_path / "images"]
    line += ["--base", bases["xl"], "--out", tmp_path / "latents.safetensors"]
    subprocess.run([str(word) for word in line], check=True, capture_output=True)
    tensors, metadata = read_tensors(tmp_path / "latents.safetensors")
    found = fit((16, 32), SMALL)
    assert found.bucket == BUCKET and json.loads(metadata["cut"]) == [16, 32, *found.corner]
    assert tensors["mean"].shape[3:] == (BUCKET[0] // 4, BUCKET[1] // 4)
    cached = cached_images(tmp_path / "latents.safetensors")
    vae = load_base(bases["xl"], ("vae",)).vae
    encoded = encoded_images(tmp_path / "images", vae, settings)
    assert cached.source.cut == encoded.source.cut == found.cut
    assert cached.source.shape == encoded.source.shape
    for one, other in zip(
        cached.source.posterior([0, 3], [0, 0]),
        encoded.source.posterior([0, 3], [0, 0]),
        strict=True,
    ):
        assert torch.equal(one, other)
    short = {"steps": 2, "rank": 2, "lr": 1e-2}
    run(bases["xl"], tmp_path / "cached", short, tmp_path / "latents.safetensors")
    more = {"cached": False, "bucketing": SMALL}
    run(
        bases["xl"],
        tmp_path / "loop",
        short,
        None,
        images=tmp_path / "images",
        latents_settings=more,
    )
    one, two = weights(tmp_path / "cached"), weights(tmp_path / "loop")
    assert all(torch.equal(one[name], two[name]) for name in one)
