"""What is trained on: clips with captions, as cached latents or as images that are encoded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from ..audio.codec_settings import CodecSettings
from ..models.weights import read_tensors
from .buckets import fit
from .latents import encode, variant
from .latents_settings import Latents
from .mentions import mentioned


class Source(Protocol):
    """Gives posterior mean and std of (image, variant) pairs."""

    variants: int
    shape: tuple[int, ...]
    cut: tuple[int, ...] | None
    """Where images are resized and cut: their size before, rows and columns before the cut."""

    def posterior(
        self, images: Sequence[int], variants: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and std [n, channels, height, width]."""


class Cached:
    """Latents that the latents stage encoded."""

    def __init__(
        self, mean: torch.Tensor, std: torch.Tensor, cut: tuple[int, ...] | None = None
    ) -> None:
        self.mean, self.std, self.cut = mean.flatten(0, 1), std.flatten(0, 1), cut
        self.variants, self.shape = mean.shape[1], tuple(mean.shape[2:])

    def posterior(
        self, images: Sequence[int], variants: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look them up."""
        rows = torch.tensor(
            [image * self.variants + number for image, number in zip(images, variants, strict=True)]
        )
        return self.mean.index_select(0, rows), self.std.index_select(0, rows)


class Encoded:
    """Images that the autoencoder encodes whenever they are asked for."""

    def __init__(
        self,
        vae: Any,
        pixels: torch.Tensor,
        clip_ids: Sequence[str],
        settings: Latents,
        codec: CodecSettings,
    ) -> None:
        self.vae, self.pixels, self.clip_ids = vae, pixels, clip_ids
        self.settings, self.codec = settings, codec
        self.variants = settings.variants
        side = 2 ** (len(vae.config.block_out_channels) - 1)
        height, width = pixels.shape[2:]
        self.cut: tuple[int, ...] | None = None
        if settings.bucketing is not None:
            found = fit((height, width), settings.bucketing)
            (height, width), self.cut = found.bucket, found.cut
        self.shape: tuple[int, ...] = (vae.config.latent_channels, height // side, width // side)

    def posterior(
        self, images: Sequence[int], variants: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Augment and encode them."""
        augment = self.settings.specaugment
        batch = [
            variant(self.pixels[image], self.clip_ids[image], number, augment, self.codec.silence)
            if augment
            else self.pixels[image]
            for image, number in zip(images, variants, strict=True)
        ]
        bucketing = self.settings.bucketing
        mean, std = encode(self.vae, torch.stack(batch), self.codec.span, bucketing)
        return mean.cpu(), std.cpu()


@dataclass
class Images:
    """Clips in the order of their ids, each with all captions of its track."""

    clip_ids: list[str]
    captions: list[list[str]]
    source: Source

    def __len__(self) -> int:
        return len(self.clip_ids)


def cached_images(path: Path, exclude_words: Sequence[str] = (), split: str = "train") -> Images:
    """Clips of one split of a latents file."""
    tensors, metadata = read_tensors(path)
    try:
        clip_ids, captions, splits = (
            json.loads(metadata[key]) for key in ("clip_ids", "captions", "splits")
        )
        cut = tuple(json.loads(metadata["cut"])) if "cut" in metadata else None
        mean, std = tensors["mean"], tensors["std"]
        lengths = {len(mean), len(clip_ids), len(captions), len(splits)}
    except (KeyError, ValueError, TypeError) as error:
        raise SystemExit(
            f"{path} is not a latents file: {error} is missing or broken; delete it and run the "
            "workflow again, which makes it anew"
        ) from None
    if mean.ndim != 5 or mean.shape != std.shape or len(lengths) > 1:
        raise SystemExit(
            f"{path}: mean {list(mean.shape)} and std {list(std.shape)} should both be [clips, "
            f"variants, channels, height, width] for its {len(clip_ids)} clips; make it again"
        )
    rows = _rows(path, splits, captions, exclude_words, split)
    return Images(
        [clip_ids[row] for row in rows],
        [captions[row] for row in rows],
        Cached(mean[rows].float(), std[rows].float(), cut),
    )


def encoded_images(
    path: Path,
    vae: Any,
    settings: Latents,
    exclude_words: Sequence[str] = (),
    split: str = "train",
) -> Images:
    """Clips of one split of image shards, to be encoded at every step."""
    # Here, for arms whose latents are cached do without.
    from ..audio.shard_files import read_columns
    from ..audio.shard_reading import read_images

    columns = read_columns(path, ["clip_id", "split", "captions"])
    rows = _rows(path, columns["split"], columns["captions"], exclude_words, split)
    clip_ids = [columns["clip_id"][row] for row in rows]
    table = read_images(path, only=set(clip_ids))
    source = Encoded(vae, torch.from_numpy(table.images), clip_ids, settings, table.codec)
    return Images(clip_ids, [columns["captions"][row] for row in rows], source)


def _rows(
    path: Path,
    splits: Sequence[str],
    captions: Sequence[Sequence[str]],
    words: Sequence[str],
    split: str,
) -> list[int]:
    of_split = [row for row, found in enumerate(splits) if found == split]
    if not of_split:
        raise SystemExit(f"{path} has no clip of the split {split}")
    rows = [row for row in of_split if not mentioned(captions[row], words)]
    if not rows:
        raise SystemExit(
            f"{path}: exclude_words {list(words)} sets aside every one of its {len(of_split)} clips"
        )
    return rows
