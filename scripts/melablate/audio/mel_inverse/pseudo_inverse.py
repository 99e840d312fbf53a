"""The least-squares spectrum of least norm, what is below zero cut off."""

import torch
from torch import Tensor

from .bands import Bands

# Directions of the bands that are this much weaker than the strongest are not inverted.
LEAST_SHARE = 1e-10


def linear(mel: Tensor, bands: Bands, iterations: int | None) -> Tensor:
    """Power [bins, columns] of mel bands [n_mels, columns]; there is nothing to iterate.

    By the bands' products with each other: much smaller than the bands, and well enough
    conditioned in double precision.
    """
    dense = bands.dense.double()
    return bands.spread(inverted_products(dense).to(mel) @ mel).clamp(min=0)


def inverted_products(dense: Tensor) -> Tensor:
    """Pseudo-inverse of B Bᵀ, [n_mels, n_mels]."""
    found: Tensor = torch.linalg.pinv(dense @ dense.T, rtol=LEAST_SHARE, hermitian=True)
    return found
