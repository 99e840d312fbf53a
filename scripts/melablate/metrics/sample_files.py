"""One row's samples as they lie on disk: index, sounds, images."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..audio.png import png_to_image, upright


@dataclass(frozen=True)
class SampleFile:
    """A line of `index.csv`."""

    prompt_id: str
    sample: int
    prompt: str
    image: Path
    audio: Path


def read_index(folder: Path) -> list[SampleFile]:
    """The samples, in the order of the index."""
    index = folder / "index.csv"
    try:
        with index.open(newline="", encoding="utf-8") as file:
            samples = [
                SampleFile(
                    line["prompt_id"],
                    int(line["sample"]),
                    line["prompt"],
                    folder / line["image"],
                    folder / line["audio"],
                )
                for line in csv.DictReader(file)
            ]
    except FileNotFoundError:
        raise SystemExit(f"{index}: missing; {folder} is not a folder of samples") from None
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{index}: not an index of samples ({error!r}); delete {folder}") from None
    if len(samples) < 2:
        raise SystemExit(
            f"{index}: {len(samples)} samples; diversity and Fréchet distance need at least 2: "
            "raise prompts.heldout or prompts.per_prompt"
        )
    return samples


def read_sounds(samples: list[SampleFile]) -> tuple[list[NDArray[np.float32]], int]:
    """Mono sounds and their one sample rate."""
    sounds, rates = [], {}
    for sample in samples:
        try:
            sound, rate = soundfile.read(sample.audio, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise SystemExit(f"{sample.audio}: {error}; delete its folder") from None
        sounds.append(sound.mean(axis=1))
        rates[rate] = sample.audio.name
    if len(rates) > 1:
        raise SystemExit(f"{samples[0].audio.parent}: sounds of several sample rates: {rates}")
    return sounds, next(iter(rates))


def read_frames(path: Path) -> NDArray[np.uint8]:
    """The columns that hold sound, lowest row first, loud is light, channels averaged."""
    try:
        image, codec = png_to_image(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: {error}; delete its folder") from None
    return upright(image, codec)
