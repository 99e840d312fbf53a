"""Captions of a sample: which one of a track's, in which order, or none."""

import re
from collections.abc import Sequence

from .draws import Draws
from .settings import Captions

BETWEEN = {
    "clauses": re.compile(r"\s*[,;]\s+|\s*(?<!\d)[,;]|[,;](?!\d)|(?<=[.!?])\s+"),
    "sentences": re.compile(r"(?<=[.!?])\s+"),
}
"""Commas and semicolons go, but not that of 1,200; the stop that ends a sentence stays with it."""


def caption_of(captions: Sequence[str], clip_id: str, visit: int, draws: Draws) -> str:
    """One of a track's captions: every one is used once before one comes again."""
    count = len(captions)
    if count == 1:
        return captions[0]
    order = draws.permutation(count, "caption", clip_id, visit // count)
    return captions[order[visit % count]]


def parts_of(caption: str, kind: str) -> list[str]:
    """Parts of a caption that may change places: its clauses, or its sentences."""
    return [part.strip() for part in BETWEEN[kind].split(caption) if part.strip()]


def shuffled(caption: str, kind: str, keep_first: int, order: Sequence[int]) -> str:
    """Parts after the first `keep_first` in the given order; each sentence keeps its stop."""
    parts = parts_of(caption, kind)
    parts = parts[:keep_first] + [parts[keep_first + index] for index in order]
    joined = parts[0] if parts else ""
    for part in parts[1:]:
        between = ". " if kind == "sentences" else ", "
        joined += (" " if joined[-1] in ".!?" else between) + part
    return joined


def prepared(caption: str, settings: Captions, draws: Draws, *position: int | str) -> str:
    """The caption as it is encoded for a sample."""
    if settings.dropout and draws.uniform("caption dropout", *position) < settings.dropout:
        return ""
    kind = settings.shuffle
    if kind == "none":
        return caption
    free = len(parts_of(caption, kind)) - settings.keep_first
    if free < 2:
        return caption
    order = draws.permutation(free, "caption shuffle", *position)
    return shuffled(caption, kind, settings.keep_first, order)
