"""Diversity of a set of embeddings: mode collapse makes it small.

Both of the seed's forms. For unit-norm embeddings they are one quantity: the mean over pairs
of 1 − cos equals the mean over pairs of half the squared distance, which is trace(cov).
"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]


def covariance_trace(embeddings: Float) -> float:
    """Trace of the unbiased covariance of [n, d]."""
    return float(_several(embeddings).var(axis=0, ddof=1).sum())


def mean_cosine_distance(embeddings: Float) -> float:
    """Mean of 1 − cos over all pairs of [n, d]."""
    wide = _several(embeddings)
    unit = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    count = len(unit)
    # Σ over ordered pairs i ≠ j of u_i·u_j is |Σu|² − n.
    together = float((unit.sum(axis=0) ** 2).sum()) - count
    return 1 - together / (count * (count - 1))


def _several(embeddings: Float) -> NDArray[np.float64]:
    if len(embeddings) < 2:
        raise ValueError(f"diversity needs at least 2 clips, got {len(embeddings)}")
    return np.asarray(embeddings, np.float64)
