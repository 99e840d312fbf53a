"""The rows that no model makes: real held-out clips, through the codec, through the autoencoder."""

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from melablate.audio.clip_settings import Clips
from melablate.audio.codec import decoder
from melablate.audio.codec_settings import CodecSettings
from melablate.audio.codec_text import parse_codec
from melablate.audio.heard import clip_audio
from melablate.audio.loudness import normalize
from melablate.audio.reading import Part
from melablate.audio.shard_reading import read_images
from melablate.imports import quick_imports
from melablate.sampling.prompts import Prompt, read_prompts
from melablate.sampling.samples import Sample, write_samples

with quick_imports():
    import torch
    from melablate.models.base import load_base
    from melablate.sampling.generate import decode_latents
    from melablate.training.latents import encode


def main() -> None:
    """Read the command line, take the clips that prompts come from, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--seed", type=int, help="not used: nothing is drawn")
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--base", required=True, type=Path)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    codec = parse_codec(json.dumps(arguments.settings["spectrogram"]))
    clips = Clips.model_validate(arguments.settings["clips"])
    row = arguments.settings["row"]
    prompts = [prompt for prompt in read_prompts(arguments.prompts) if prompt.clip_id]
    table = read_images(arguments.images, only={prompt.clip_id for prompt in prompts})
    rows = [table.clip_ids.index(prompt.clip_id) for prompt in prompts]
    images = table.images[rows]
    if row == "autoencoder-ceiling":
        vae = load_base(arguments.base, parts=("vae",)).vae
        latents = encode(vae, torch.from_numpy(images), codec.span)[0]
        images = decode_latents(vae, latents, codec, [f"clip {p.clip_id}" for p in prompts])
    if row == "real-audio":
        audio = [
            real_audio(prompt, arguments.manifest, arguments.audio, codec, clips)
            for prompt in prompts
        ]
    else:
        audio = list(decoder(codec)(images, codec, "cpu"))
    made = [Sample(p, 0, i, a) for p, i, a in zip(prompts, images, audio, strict=True)]
    write_samples(arguments.out, made, codec)
    print(f"{row}: {len(made)} clips → {arguments.out}")


def real_audio(
    prompt: Prompt, manifest: Path, folder: Path, codec: CodecSettings, clips: Clips
) -> np.ndarray:
    """The clip itself, at the loudness of everything that is generated."""
    track = prompt.clip_id.rpartition("-")[0]
    found = pq.read_table(manifest, filters=[("track_id", "=", track)], columns=["path"])
    part = Part(codec.sample_rate, codec.seconds, codec.channels)
    audio = clip_audio(folder / found["path"][0].as_py(), prompt.clip_id, part, clips)
    return normalize(audio, codec.sample_rate, codec.loudness, codec.peak_db)[0]


if __name__ == "__main__":
    main()
