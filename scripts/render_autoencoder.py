"""The autoencoder's ceiling: images of real held-out clips through a base's autoencoder."""

import argparse
import json
from pathlib import Path

from melablate.audio.codec import decoder
from melablate.audio.codec_text import parse_codec
from melablate.imports import quick_imports
from melablate.sampling.heldout import heldout_images
from melablate.sampling.samples import Sample, write_samples

with quick_imports():
    import torch
    from melablate.models.base import load_base
    from melablate.sampling.generate import decode_latents
    from melablate.training.latents import encode

BATCH = 16


def main() -> None:
    """Read the command line, encode and decode, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--seed", type=int, help="not used: nothing is drawn")
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--base", required=True, type=Path)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    codec = parse_codec(json.dumps(arguments.settings["spectrogram"]))
    prompts, real = heldout_images(arguments.prompts, arguments.images)
    vae = load_base(arguments.base, parts=("vae",)).vae.to(device)
    batches = torch.from_numpy(real).split(BATCH)
    latents = torch.cat([encode(vae, batch, codec.span)[0] for batch in batches])
    images = decode_latents(vae, latents, codec, [f"clip {p.clip_id}" for p in prompts])
    audio = decoder(codec)(images, codec, device)
    made = [Sample(p, 0, i, a) for p, i, a in zip(prompts, images, audio, strict=True)]
    write_samples(arguments.out, made, codec)
    print(f"{arguments.settings['row']}: {len(made)} clips → {arguments.out}")


if __name__ == "__main__":
    main()
