"""Train the embedded base's autoencoder on mel images and measure its round trip."""

import argparse
from pathlib import Path

import numpy as np
from melablate.audio.shard_reading import read_images
from melablate.contents import write_contents
from melablate.files import write_json, writing_folder
from melablate.imports import quick_imports
from melablate.models.settings import TinyVae

with quick_imports():
    import torch
    from melablate.models import tiny_vae


def main() -> None:
    """Read the command line, train, write `vae/` and `autoencoder.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=TinyVae.model_validate_json)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.settings.threads)
    table = read_images(arguments.images)
    train, heldout = (np.array(table.splits) == split for split in ("train", "heldout"))
    vae = tiny_vae.train(table.images[train], arguments.settings, table.codec.span)
    quality = tiny_vae.psnr(vae, table.images[heldout], table.codec.span)
    print(f"autoencoder: round trip of held-out images {quality:.2f} dB PSNR", flush=True)
    with writing_folder(arguments.out / "vae") as folder:
        vae.save_pretrained(folder)
        write_contents(folder / "vae.sha256")
    write_json(arguments.out / "autoencoder.json", {"heldout_psnr_db": round(quality, 3)})


if __name__ == "__main__":
    main()
