"""Whether a base can take the images of a codec: their size and their planes."""

import json
from pathlib import Path
from typing import Any

from .audio.codec_settings import CodecSettings
from .models.settings import Base, TinyBase
from .training.buckets import fit
from .training.latents_settings import Bucketing


def misfit(
    codec: CodecSettings,
    base: Base,
    learned: CodecSettings,
    bucketing: Bucketing | None = None,
) -> str:
    """What is wrong, or nothing. `learned` is the codec that an embedded base learns from.

    Of a base that is not there yet nothing is said; the job checks it too.
    """
    if isinstance(base, TinyBase):
        channels, levels = learned.channels, len(base.vae.channels)
        deepest = len(base.unet.channels)
    else:
        vae, unet = (_config(Path(base.path), part) for part in ("vae", "unet"))
        if not vae or not unet:
            return ""
        channels, levels = vae.get("in_channels", 3), len(vae["block_out_channels"])
        deepest = len(unet["block_out_channels"])
    step, (height, width) = 2 ** (levels - 1 + deepest - 1), codec.size
    if height % step or width % step:
        return (
            f"{height} rows × {width} columns; both must be multiples of {step} for this base, so "
            f"choose {_up(height, step)} × {_up(width, step)}"
        )
    if bucketing and any(side % step for side in fit(codec.size, bucketing).bucket):
        height, width = fit(codec.size, bucketing).bucket
        return (
            f"their bucket has {height} rows × {width} columns; both must be multiples of {step} "
            "for this base: choose another latents.bucketing.step"
        )
    if codec.channels > channels:
        return (
            f"stereo makes {codec.channels} planes, but the autoencoder of this base has "
            f"{channels} channel; set stereo: false"
        )
    return ""


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _config(folder: Path, part: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / part / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if "block_out_channels" in found else {}
