"""About how much memory an arm needs on a GPU; benchmarks/gpu_memory.md has the figures."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..config import Recipe
from ..forecast.adapters import trained_numbers, weights_of
from ..forecast.bases import Family
from ..training.buckets import fit
from ..training.settings import Train

KEPT = {"tiny": (115_000, 115_000), "sd15": (115_000, 28_500), "sdxl": (216_000, 28_000)}
"""Numbers that a step keeps for its backward pass, to a pixel of the latents and image: without
and with gradient checkpointing. The embedded base keeps far fewer."""
DECODED = 364_000
"""The same of the autoencoder's decoder, in float32."""
TEXTS = {"tiny": 3_300_000, "sd15": 123_060_480, "sdxl": 123_060_480 + 694_659_840}
"""Weights of the text encoders."""
CAPTION = {"tiny": 0, "sd15": 77 * 768 * 34 * 12, "sdxl": 77 * 34 * (768 * 12 + 1280 * 32)}
"""Numbers kept of a caption where text encoders train: 34 widths a layer (Korthikanti et al. 2022)
of 77 tokens."""
AUTOENCODER = 83_653_863
MOMENTS = {"adamw": 8.0, "adamw8bit": 2.1, "lion": 4.0, "prodigy": 16.0, "adafactor": 0.1,
           "schedule_free": 8.0}  # fmt: skip
"""Bytes that an optimizer remembers of a weight: two moments, those in 8 bits, one, two with the
start and a sum, rows and columns, one with the average's base."""
CALLED = 8_000
"""Numbers that live at once in a forward pass alone, to a pixel of the latents."""
DRAWN = 3 * 256
"""The same of decoding, to a pixel of the image: three of its widest tensors of full size."""
DECODED_AT_ONCE = 16
CUDA = 0.6e9
"""What CUDA and its libraries take of an empty GPU."""
SLACK = 1.1
"""The allocator's pieces that fit nothing."""


@dataclass(frozen=True)
class Need:
    """Bytes: at any batch size, and with each image of a batch."""

    fixed: float
    image: float
    batch: int

    @property
    def least(self) -> float:
        """With one image at a time, to which a batch is halved where memory runs out."""
        return CUDA + SLACK * (self.fixed + self.image)

    @property
    def whole(self) -> float:
        """With all images at once."""
        return CUDA + SLACK * (self.fixed + self.batch * self.image)


def training(recipe: Recipe, family: Family, folder: str) -> Need:
    """Of a step of an arm."""
    train, size = recipe.train, _bytes(recipe.train)
    trained = trained_numbers(train, family, folder)
    # Frozen weights in the run's precision; those that train in float32, with their gradients.
    each = 4 + 4 + MOMENTS[train.optimizer.kind] + (4 if train.ema else 0)
    frozen = TEXTS[family]
    if train.weights == "full":
        each += size if size < 4 else 0  # autocast's copies
    else:
        frozen += weights_of(family, folder)
    _, latents = _areas(recipe, folder)
    kept = latents * KEPT[family][train.gradient_checkpointing] * size
    if train.lr_text and not train.gradient_checkpointing:
        kept += CAPTION[family] * size
    fixed = frozen * size + trained * each
    if train.spectrogram_loss is not None:
        kept += latents * DECODED * 4
    if train.spectrogram_loss is not None or not recipe.latents.cached:
        fixed += AUTOENCODER * 4
    return Need(fixed, kept, train.batch_size)


def sampling(recipe: Recipe, family: Family, folder: str) -> Need:
    """Of generation: guidance doubles a batch; images are decoded a few at a time."""
    pixels, latents = _areas(recipe, folder)
    size = _bytes(recipe.train)
    fixed = (weights_of(family, folder) + TEXTS[family]) * size + AUTOENCODER * 4
    guided = 2 if recipe.sample.guidance > 1 else 1
    batch = recipe.sample.batch_size
    called = guided * latents * CALLED * size
    decoded = pixels * DRAWN * 4 * min(1.0, DECODED_AT_ONCE / batch)
    return Need(fixed, max(called, decoded), batch)


def _bytes(train: Train) -> int:
    return 4 if train.precision == "no" else 2


def _areas(recipe: Recipe, folder: str) -> tuple[int, int]:
    """Pixels of an image as it is trained on, and of its latents."""
    size, bucketing = recipe.spectrogram.size, recipe.latents.bucketing
    if bucketing is not None:
        size = fit(size, bucketing).bucket
    return math.prod(size), math.prod(size) // _side(folder) ** 2


def _side(folder: str) -> int:
    """Pixels of the image to one of the latents, along a side."""
    try:
        told = json.loads((Path(folder) / "vae/config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 8
    return int(2 ** (len(told["block_out_channels"]) - 1))
