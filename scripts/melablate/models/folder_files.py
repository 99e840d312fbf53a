"""Which files of a published model's folder are read: only these are its content.

Such folders hold the same weights several times, as pickles and in half precision.
"""

import re
from pathlib import Path

BASE_PARTS = {"unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2"}
WEIGHTS = re.compile(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors")
WORDS = {".json", ".txt", ".model"}


def in_base(path: Path) -> bool:
    """Weights, configs and tokenizers of the parts that are loaded, and the schedule."""
    return path.parent.name == "scheduler" or (path.parent.name in BASE_PARTS and in_model(path))


def in_model(path: Path) -> bool:
    """Weights as the libraries look for them, configs and tokenizers."""
    return bool(WEIGHTS.fullmatch(path.name)) or path.suffix in WORDS
