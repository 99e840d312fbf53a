"""Encode mel images with a base's autoencoder: posterior mean and std, augmented variants too."""

import argparse
import json
from pathlib import Path

import torch
from melablate.audio.shards import read_images
from melablate.models.base import load_base
from melablate.models.weights import save_tensors
from melablate.training.latents import encode_images
from melablate.training.latents_settings import Latents


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
    mean, std = encode_images(vae, table.images, table.clip_ids, arguments.settings)
    metadata = {
        "clip_ids": json.dumps(table.clip_ids),
        "captions": json.dumps(table.captions, ensure_ascii=False),
        "splits": json.dumps(table.splits),
        "identity": arguments.identity,
    }
    save_tensors(arguments.out, {"mean": mean, "std": std}, metadata)
    print(f"latents: {len(mean)} clips, {mean.shape[1]} variants of {tuple(mean.shape[2:])}")


if __name__ == "__main__":
    main()
