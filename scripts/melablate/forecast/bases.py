"""What is known of the bases: how fast their networks are, how large their adapters."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..training.settings import Train
from .counts import Counts
from .gpus import Gpu

Family = Literal["tiny", "sd15", "sdxl"]


@dataclass(frozen=True)
class Speed:
    """Of a U-Net; an area of 1 is a latent of 64 × 64."""

    call: float
    """Seconds that a call takes at least."""
    latent: float
    """Seconds of one latent of area 1, forward."""
    encode: float
    """Seconds of one image of area 1 through the autoencoder's encoder."""
    decode: float
    load: float
    """Seconds until a process has imported and loaded what it needs."""

    def forward(self, images: float, area: float) -> float:
        """A call with so many latents."""
        return max(self.call, images * area * self.latent)


# benchmarks/train.md: .079 s a step of 8 images of 64 × 128 on one thread, about half forward.
# Encoding in every step takes 1.8 times as long. Loading: benchmarks/demo_full_times.md.
TINY = Speed(call=0.003, latent=0.15, encode=0.27, decode=0.4, load=4.0)

# Operations of a forward pass of one latent of 64 × 64, 10¹² (PyTorch's counter, as
# benchmarks/train.py has it): U-Net, encoder, decoder.
OPERATIONS = {"sd15": (0.80, 1.12, 2.51), "sdxl": (1.59, 1.12, 2.51)}
CALLS = {"sd15": 1.0, "sdxl": 1.6}
"""Kernels that a call starts, times those of SD 1.5."""
LOADING = {"sd15": 30.0, "sdxl": 60.0}
"""Imports and 2 or 7 GB from a shared disk; a guess."""


def speed_of(family: Family, gpu: Gpu) -> Speed:
    """Of a base; the embedded one is counted on a CPU, the others on a GPU."""
    if family == "tiny":
        return TINY
    a_latent = 1 / gpu.latents / OPERATIONS["sd15"][0]  # a second of 10¹² operations
    unet, encode, decode = OPERATIONS[family]
    return Speed(
        call=gpu.call * CALLS[family],
        latent=a_latent * unet,
        encode=a_latent * encode,
        decode=a_latent * decode,
        load=LOADING[family],
    )


def family_of(folder: str, counts: Counts) -> Family:
    """By the folder of a base: what it holds or, before it is there, how it is called.

    Commands name a given base by a variable that ends in its identity.
    """
    if folder.startswith("$"):
        folder = counts.plan.base_folders[folder.rpartition("_")[2]]
    if Path(folder).parts[-3:-1] == ("results", "models") or folder in _embedded(counts):
        return "tiny"
    try:
        unet = json.loads((Path(folder) / "unet/config.json").read_text(encoding="utf-8"))
        return "sdxl" if unet["cross_attention_dim"] == 2048 else "sd15"
    except (OSError, ValueError, KeyError, TypeError):
        return "sdxl" if "xl" in Path(folder).name.lower() else "sd15"


def _embedded(counts: Counts) -> set[str]:
    plan = counts.plan
    return {plan.base_folders[key] for key in plan.bases if key not in plan.given_bases}


def step_seconds(train: Train, speed: Speed, area: float, cached: bool = True) -> float:
    """One optimizer step, in the loop: forward, and about the same twice for the gradients.

    Adapters: the backward pass has no gradients of frozen weights: 2.1 forward passes in all, 3.1
    where activations are made twice (SD 1.5 and SDXL timed on a CPU). Whole weights: 3, and 4.
    """
    passes = 3.0 if train.weights == "full" else 2.1
    passes += train.gradient_checkpointing
    one = speed.forward(train.batch_size, area) * passes
    if not cached:
        one += train.batch_size * area * speed.encode
    if train.spectrogram_loss is not None:
        one += train.batch_size * area * speed.decode * 1.3  # of crops, and back again
    if train.lr_text is not None:
        one *= 1.1
    return one * train.accumulation


def validation_seconds(train: Train, speed: Speed, area: float, steps: int, heldout: int) -> float:
    """The looks at held-out clips: before the first step, at intervals, after the last."""
    if (asked := train.validation) is None:
        return 0.0
    clips = min(asked.clips, heldout)
    return (steps // asked.every + 2) * speed.forward(clips * asked.draws, area)
