"""The rows without a model: the real held-out clips of the prompts, plain or through the codec."""

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
from melablate.sampling.heldout import heldout_images
from melablate.sampling.prompts import Prompt
from melablate.sampling.samples import Sample, write_samples


def main() -> None:
    """Read the command line, take the clips that prompts come from, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=json.loads)
    parser.add_argument("--seed", type=int, help="not used: nothing is drawn")
    parser.add_argument("--prompts", required=True, type=Path)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--manifest", type=Path, help="with --audio: the clips themselves")
    parser.add_argument("--audio", type=Path, help="folder of the manifest's paths")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    codec = parse_codec(json.dumps(arguments.settings["spectrogram"]))
    prompts, images = heldout_images(arguments.prompts, arguments.images)
    if arguments.manifest:
        clips = Clips.model_validate(arguments.settings["clips"])
        audio = [
            real_audio(prompt, arguments.manifest, arguments.audio, codec, clips)
            for prompt in prompts
        ]
    else:
        audio = through_codec(images, codec, arguments.threads)
    made = [Sample(p, 0, i, a) for p, i, a in zip(prompts, images, audio, strict=True)]
    write_samples(arguments.out, made, codec)
    print(f"{arguments.settings['row']}: {len(made)} clips → {arguments.out}")


def through_codec(images: np.ndarray, codec: CodecSettings, threads: int) -> list[np.ndarray]:
    """What the codec alone makes of real images."""
    import torch

    torch.set_num_threads(threads)
    return list(decoder(codec)(images, codec, "cpu"))


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
