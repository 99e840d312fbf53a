"""Does a text–audio model know the instruments? The nearest name must be the one that leads."""

from collections.abc import Sequence

import numpy as np


def named_in(captions: Sequence[str], names: Sequence[str]) -> str | None:
    """The one name that a clip's captions mention; none where there are several or none."""
    text = " ".join(captions).lower()
    found = [name for name in names if name in text]
    return found[0] if len(found) == 1 else None


def naming_accuracy(
    audio: np.ndarray, text: np.ndarray, names: Sequence[str], truth: Sequence[str]
) -> float:
    """Share of clips whose embedding is nearest to the embedding of the true name."""
    nearest = (audio @ text.T).argmax(axis=1)
    return float(np.mean([names[i] == true for i, true in zip(nearest, truth, strict=True)]))
