"""Images and sounds of the page: chosen, recoloured, encoded, copied."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from ..audio.codec_settings import CodecSettings
from ..audio.png import png_to_image, upright
from .page_colours import palette
from .page_data import Prompt, Row
from .page_settings import AudioFormat, Report

LEVELS = 64
"""Grey levels kept: steps of 1.25 dB in a range of 80, too small to see; files shrink a third."""


@dataclass(frozen=True)
class Take:
    """One sample on the page: paths relative to it."""

    seed: int
    image: str
    audio: str
    seconds: float
    codec: CodecSettings
    """Parameters that the image carries."""


def copy_takes(
    row: Row, seeds: Sequence[int], prompts: Sequence[Prompt], arms: Path, out: Path, look: Report
) -> dict[str, list[Take]]:
    """Takes of a row by prompt id, its first sample with each seed; absent ones are left out."""
    takes: dict[str, list[Take]] = {prompt.prompt_id: [] for prompt in prompts}
    for seed in seeds:
        folder = arms / row.name / f"seed-{seed}" / "samples"
        index = _index(folder / "index.csv")
        for prompt in prompts:
            line = index.get(prompt.prompt_id)
            if line:
                take = _copy(folder, line, f"{row.name}/{seed}-{prompt.prompt_id}", seed, out, look)
                takes[prompt.prompt_id] += [take] if take else []
    return takes


def _index(path: Path) -> dict[str, dict[str, str]]:
    """The line of the lowest-numbered sample of every prompt."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = sorted(csv.DictReader(file), key=lambda line: -int(line["sample"]))
    return {line["prompt_id"]: line for line in lines}


def _copy(
    folder: Path, line: dict[str, str], name: str, seed: int, out: Path, look: Report
) -> Take | None:
    image, audio = folder / line["image"], folder / line["audio"]
    if not (image.is_file() and audio.is_file()):
        return None
    shown, heard = f"images/{name}.png", f"audio/{name}.{look.audio_format}"
    for path in (shown, heard):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
    codec = recolour(image, out / shown, look)
    seconds = encode(audio, out / heard, look.audio_format)
    return Take(seed, shown, heard, seconds, codec)


def recolour(source: Path, target: Path, look: Report) -> CodecSettings:
    """Write a spectrogram for the eye: low frequencies below, in colour, without padding."""
    try:
        image, settings = png_to_image(source.read_bytes())
    except ValueError as error:
        raise SystemExit(f"{source}: {error}; delete its folder, and run again") from None
    grey = upright(image, settings)[::-1]
    levels = (grey.astype(np.uint16) * LEVELS // 256).astype(np.uint8)
    picture = Image.fromarray(levels, mode="P")
    picture.putpalette(palette(look.colour_map, LEVELS))
    picture.save(target, format="PNG", compress_level=9)
    return settings


def encode(source: Path, target: Path, kind: AudioFormat) -> float:
    """Write the sound in the page's format; its length in seconds."""
    if kind == "wav":
        shutil.copyfile(source, target)
        return float(soundfile.info(source).duration)
    samples, rate = soundfile.read(source, dtype="int16")
    options: dict[str, Any] = {}
    if kind == "mp3":
        # Not Ogg: its encoder draws a random stream number, so no two files are alike.
        options = {"bitrate_mode": "VARIABLE", "compression_level": 0.0}
    try:
        soundfile.write(target, samples, rate, format=kind.upper(), **options)
    except (RuntimeError, ValueError) as error:
        raise SystemExit(
            f"{source}: cannot be written as {kind} ({error}); "
            "set report.audio_format to flac or wav"
        ) from None
    return float(len(samples) / rate)
