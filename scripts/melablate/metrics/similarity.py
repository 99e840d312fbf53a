"""Text–audio similarity: does the clip sound like its prompt?"""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]


def text_audio_similarity(audio: Float, text: Float) -> NDArray[np.float64]:
    """Cosine of each clip's embedding [n, d] with its own prompt's [n, d]."""
    left, right = _unit(audio), _unit(text)
    similarity: NDArray[np.float64] = (left * right).sum(axis=1)
    return similarity


def _unit(vectors: Float) -> NDArray[np.float64]:
    wide = np.asarray(vectors, np.float64)
    unit: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit
