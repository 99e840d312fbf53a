"""How far an image is from another, in its values and in its slopes."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F


def image_error(difference: torch.Tensor, slopes: float, scales: Sequence[int]) -> torch.Tensor:
    """d̄² + slopes · Σ_s [(∂_f d_s)² + (∂_t d_s)²] / S, means over each image [n, c, height, width].

    d_s is the difference in blocks of s × s pixels; ∂ is the difference of neighbouring blocks.
    """
    error = _mean_square(difference)
    for scale in scales if slopes else ():
        blocks = F.avg_pool2d(difference, scale)
        across_bands, across_frames = blocks.diff(dim=2), blocks.diff(dim=3)
        steps = _mean_square(across_bands) + _mean_square(across_frames)
        error = error + slopes / len(scales) * steps
    return error


def _mean_square(values: torch.Tensor) -> torch.Tensor:
    return values.square().mean(dim=(1, 2, 3))
