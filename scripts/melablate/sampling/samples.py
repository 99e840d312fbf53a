"""The folder of one row's samples: an index, and an image and a sound for each."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ..audio.codec_settings import CodecSettings
from ..audio.png import image_to_png
from ..files import writing_folder
from .prompts import Prompt

COLUMNS = ["prompt_id", "sample", "prompt", "image", "audio", "clip_id", "seconds"]


@dataclass(frozen=True)
class Sample:
    """One generated (or real) clip of a prompt."""

    prompt: Prompt
    number: int
    image: np.ndarray
    """[planes, height, width]."""
    audio: np.ndarray
    """[channels, samples]."""


def write_samples(folder: Path, samples: Sequence[Sample], settings: CodecSettings) -> None:
    """Write the folder whole or not at all."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    with writing_folder(folder) as aside:
        for sample in samples:
            prompt, name = sample.prompt, f"{sample.prompt.prompt_id}-{sample.number}"
            (aside / f"{name}.png").write_bytes(image_to_png(sample.image, settings))
            soundfile.write(aside / f"{name}.wav", sample.audio.T, settings.sample_rate, "PCM_16")
            seconds = f"{sample.audio.shape[1] / settings.sample_rate:.3f}"
            writer.writerow(
                [
                    prompt.prompt_id,
                    sample.number,
                    prompt.text,
                    f"{name}.png",
                    f"{name}.wav",
                    prompt.clip_id,
                    seconds,
                ]
            )
        (aside / "index.csv").write_text(out.getvalue(), encoding="utf-8")
