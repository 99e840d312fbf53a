"""Fréchet distance of two sets of embeddings (Heusel et al. 2017; Kilgour et al. 2019).

    |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁Σ₂)^½

It falls as the sets grow, so only distances of equally large sets can be compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]
ENOUGH = 160
"""Below so many clips the distance depends visibly on their number."""


@dataclass(frozen=True)
class Frechet:
    """A distance, and from how many clips it was taken."""

    distance: float
    samples: int
    reference: int


def frechet_distance(samples: Float, reference: Float) -> Frechet:
    """Distance of the Gaussians fitted to [n, d] and [m, d] (covariances with n − 1)."""
    if samples.shape[1] != reference.shape[1]:
        raise ValueError(
            f"embeddings of {samples.shape[1]} and {reference.shape[1]} dimensions: "
            "samples and reference come from different embedders"
        )
    mean1, root1 = _gaussian(samples)
    mean2, root2 = _gaussian(reference)
    # Σ = RᵀR, and Σ₁Σ₂ has the squared singular values of R₁R₂ᵀ as eigenvalues: no square
    # root of a product that rounding has made asymmetric, and singular Σ (n < d) do no harm.
    overlap = np.linalg.svd(root1 @ root2.T, compute_uv=False).sum()
    between = ((mean1 - mean2) ** 2).sum()
    distance = between + (root1**2).sum() + (root2**2).sum() - 2 * overlap
    return Frechet(max(0.0, float(distance)), len(samples), len(reference))


def _gaussian(embeddings: Float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean, and a factor R of the covariance RᵀR."""
    if len(embeddings) < 2:
        raise ValueError(f"a Fréchet distance needs at least 2 clips, got {len(embeddings)}")
    wide = np.asarray(embeddings, np.float64)
    mean = wide.mean(axis=0)
    root = np.linalg.qr((wide - mean) / np.sqrt(len(wide) - 1), mode="r")
    return mean, np.asarray(root, np.float64)
