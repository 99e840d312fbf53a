"""The real held-out clips that prompts are taken from."""

from pathlib import Path

import numpy as np

from ..audio.shard_reading import read_images
from .prompts import Prompt, read_prompts


def heldout_images(prompts: Path, images: Path) -> tuple[list[Prompt], np.ndarray]:
    """The prompts that are a clip's caption, and the images of these clips in the same order."""
    chosen = [prompt for prompt in read_prompts(prompts) if prompt.clip_id]
    table = read_images(images, only={prompt.clip_id for prompt in chosen})
    rows = {clip_id: row for row, clip_id in enumerate(table.clip_ids)}
    return chosen, table.images[[rows[prompt.clip_id] for prompt in chosen]]
