"""Encode images with a base's autoencoder: posterior mean and std, augmented variants too."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from melablate.audio.shard_reading import ClipTable, read_images
from melablate.imports import quick_imports
from melablate.progress import Progress
from melablate.training.latents_settings import Latents

with quick_imports():
    import torch
    from melablate.models.base import load_base
    from melablate.models.weights import save_tensors
    from melablate.training.latents import encode, variant

BATCH = 16


def main() -> None:
    """Read the command line, encode, write one safetensors file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Latents.model_validate_json)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--base", required=True, type=Path)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    table = read_images(arguments.images)
    vae = load_base(arguments.base, parts=("vae",)).vae
    mean, std = encode_table(vae, table, arguments.settings)
    metadata = {
        "clip_ids": json.dumps(table.clip_ids),
        "captions": json.dumps(table.captions, ensure_ascii=False),
        "splits": json.dumps(table.splits),
        "identity": arguments.identity,
    }
    save_tensors(arguments.out, {"mean": mean, "std": std}, metadata)
    print(f"latents: {len(mean)} clips, {mean.shape[1]} variants of {tuple(mean.shape[2:])}")


def encode_table(
    vae: Any, table: ClipTable, settings: Latents
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and std [clips, variants, …]; a batch is one variant of consecutive clips."""
    progress = Progress("latents", len(table))
    parts = []
    for start in range(0, len(table), BATCH):
        images = torch.from_numpy(table.images[start : start + BATCH])
        ids = table.clip_ids[start : start + BATCH]
        variants = [
            encode(vae, varied(images, ids, n, settings, table.codec.silence), table.codec.span)
            for n in range(settings.variants)
        ]
        parts.append([torch.stack(moments, dim=1) for moments in zip(*variants, strict=True)])
        progress.step(min(start + BATCH, len(table)))
    mean, std = (torch.cat(moments) for moments in zip(*parts, strict=True))
    return mean, std


def varied(
    images: torch.Tensor, ids: Sequence[str], number: int, settings: Latents, silence: float
) -> torch.Tensor:
    """One variant of each image."""
    if settings.specaugment is None:
        return images
    masked = [
        variant(image, clip_id, number, settings.specaugment, silence)
        for image, clip_id in zip(images, ids, strict=True)
    ]
    return torch.stack(masked)


if __name__ == "__main__":
    main()
