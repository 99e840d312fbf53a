"""Encode images with a base's autoencoder: posterior mean and std, augmented variants too."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from melablate.audio.codec_text import codec_json
from melablate.audio.shard_files import read_columns
from melablate.audio.shard_reading import codec_of, read_batches
from melablate.imports import quick_imports
from melablate.progress import Progress
from melablate.training.latents_settings import Latents

with quick_imports():
    import torch
    from melablate.models.base import autoencoder_digest, load_base
    from melablate.models.weights import save_tensors
    from melablate.training.buckets import fit
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
    columns = read_columns(arguments.images, ["clip_id", "captions", "split"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    vae = load_base(arguments.base, parts=("vae",)).vae.to(device)
    settings, count = arguments.settings, len(columns["clip_id"])
    mean, std, size = encode_all(vae, arguments.images, count, settings)
    metadata = {
        "clip_ids": json.dumps(columns["clip_id"]),
        "captions": json.dumps(columns["captions"], ensure_ascii=False),
        "splits": json.dumps(columns["split"]),
        "identity": arguments.identity,
        "autoencoder": autoencoder_digest(arguments.base),
        "codec": codec_json(codec_of(arguments.images)),
    }
    if settings.bucketing is not None:
        metadata["cut"] = json.dumps(fit(size, settings.bucketing).cut)
    save_tensors(arguments.out, {"mean": mean, "std": std}, metadata)
    print(f"latents: {len(mean)} clips, {mean.shape[1]} variants of {tuple(mean.shape[2:])}")


def encode_all(
    vae: Any, shards: Path, count: int, settings: Latents
) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int]]:
    """Mean and std [clips, variants, …], size of the images, of which few are in memory at once."""
    progress, done = Progress("latents", count), 0
    parts = []
    for table in read_batches(shards, BATCH):
        images, codec = torch.from_numpy(table.images), table.codec
        variants = [
            encode(
                vae,
                varied(images, table.clip_ids, number, settings, codec.silence),
                codec.span,
                settings.bucketing,
            )
            for number in range(settings.variants)
        ]
        parts.append([torch.stack(moments, dim=1).cpu() for moments in zip(*variants, strict=True)])
        done += len(table)
        progress.step(done)
    if not parts:
        raise SystemExit(f"{shards}: no clip; make the images again")
    mean, std = (torch.cat(moments) for moments in zip(*parts, strict=True))
    return mean, std, (images.shape[2], images.shape[3])


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
