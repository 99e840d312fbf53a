"""Train the embedded base's U-Net and text encoder, and complete its folder."""

import argparse
from pathlib import Path

from melablate.audio.shard_reading import read_images
from melablate.contents import write_contents
from melablate.imports import quick_imports
from melablate.models.settings import TinyUnet

with quick_imports():
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from melablate.models import tiny_unet, tiny_vae


def main() -> None:
    """Read the command line, encode the training images, train, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=TinyUnet.model_validate_json)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--vae", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.settings.threads)
    vae = AutoencoderKL.from_pretrained(
        arguments.vae, local_files_only=True, use_safetensors=True
    ).eval()
    table = read_images(arguments.images)
    rows = [row for row, split in enumerate(table.splits) if split == "train"]
    mean, std = tiny_vae.encode(vae, table.images[rows], table.codec.span)
    corpus = tiny_unet.Corpus(mean, std, [list(table.captions[row]) for row in rows])
    tiny_unet.train(corpus, arguments.settings, arguments.out)
    tiny_unet.write_base(vae, arguments.out)
    write_contents(arguments.out / "base.sha256")


if __name__ == "__main__":
    main()
