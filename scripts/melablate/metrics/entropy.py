"""Log spectral entropy of a grey mel image, relative to its ceiling.

The grey values are logarithmic (decibels above the floor). In each frame they are normalised
to a distribution p over the rows; its entropy −Σ p log₂ p is at most log₂(rows). The seed's
figures lie next to that ceiling (4.98 of 5 in bands of 32 rows, 6.93 of 7 in all 128), so
they are told as a share of it: 1 is a flat spectrum, lower is more structure.
Frames without any energy have no spectrum and do not count; an all-black image gives 0.
"""

import numpy as np
from numpy.typing import NDArray

BANDS, HALVES = 4, 2


def spectral_entropies(image: NDArray[np.integer]) -> dict[str, float]:
    """Entropy of an image [rows, frames]: overall, of each band (lowest first), of each half."""
    grey = np.asarray(image, np.float64)
    entropies = {"spectral_entropy": relative_entropy(grey)}
    for number, band in enumerate(np.array_split(grey, BANDS, axis=0), 1):
        entropies[f"spectral_entropy_band{number}"] = relative_entropy(band)
    for number, half in enumerate(np.array_split(grey, HALVES, axis=1), 1):
        entropies[f"spectral_entropy_half{number}"] = relative_entropy(half)
    return entropies


def relative_entropy(grey: NDArray[np.float64]) -> float:
    """Mean over the frames with energy of the spectrum's entropy, as a share of log₂(rows)."""
    if len(grey) < 2:
        raise ValueError("an entropy needs at least 2 rows (8 for the four bands)")
    total = grey.sum(axis=0)
    spectra = grey[:, total > 0] / total[total > 0]
    if spectra.shape[1] == 0:
        return 0.0
    information = spectra * np.log2(spectra, out=np.zeros_like(spectra), where=spectra > 0)
    return float(-information.sum(axis=0).mean() / np.log2(len(grey)))
