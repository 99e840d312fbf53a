"""Generate the samples of an arm, or of the untuned base, for every prompt."""

import argparse
import json
from pathlib import Path

from melablate.audio.codec import decoder
from melablate.audio.codec_text import parse_codec
from melablate.imports import quick_imports
from melablate.sampling.prompts import read_prompts
from melablate.sampling.samples import Sample, write_samples
from melablate.sampling.settings import Sample as SampleSettings

with quick_imports():
    import torch
    from melablate.models.base import load_base, with_objective
    from melablate.models.lora import load_into
    from melablate.sampling.generate import decode_latents, generate_latents, names_of

DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def main() -> None:
    """Read the command line, load and fuse the weights, sample, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--base", required=True, type=Path)
    parser.add_argument("--weights", type=Path, help="LoRA; without it the untuned base samples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = SampleSettings.model_validate(arguments.settings["sample"])
    codec = parse_codec(json.dumps(arguments.settings["spectrogram"]))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = DTYPES[arguments.settings["precision"]]
    base = load_base(arguments.base, parts=("unet", "text"), dtype=dtype)
    told = arguments.settings
    base = with_objective(base, told.get("prediction_type"), told.get("zero_terminal_snr", False))
    if arguments.weights:
        load_into(base, arguments.weights)
    for network in base.networks.values():
        network.to(device)
    prompts = read_prompts(arguments.prompts)
    jobs = [(p, n) for p in prompts for n in range(arguments.settings["per_prompt"])]
    size = (codec.size[0] // base.pixels, codec.size[1] // base.pixels)
    latents = generate_latents(
        base, jobs, size, settings, arguments.seed, arguments.settings["clip_skip"]
    )
    vae = load_base(arguments.base, parts=("vae",)).vae.to(device)
    images = decode_latents(vae, latents, codec, names_of(jobs))
    audio = decoder(codec)(images, codec, device)
    made = [Sample(p, n, i, a) for (p, n), i, a in zip(jobs, images, audio, strict=True)]
    write_samples(arguments.out, made, codec)
    print(f"samples: {len(made)} → {arguments.out}")


if __name__ == "__main__":
    main()
