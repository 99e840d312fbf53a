"""The text–audio model behind similarity, diversity and Fréchet distance, whichever it is."""

import json
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress

Embeddings = NDArray[np.float32]
Audio = NDArray[np.float32]
BATCH = 32


class Embedder(Protocol):
    """Puts sounds and texts into one space, as unit vectors."""

    def embed_audio(self, audio: list[Audio], sample_rate: int) -> Embeddings:
        """Embeddings [n, d] of mono clips."""

    def embed_text(self, texts: list[str]) -> Embeddings:
        """Embeddings [n, d] of texts."""


def load_embedder(folder: Path) -> Embedder:
    """The embedder in a folder: `embedder.json` names the module of `models/` that loads it."""
    card = folder / "embedder.json"
    try:
        kind = json.loads(card.read_text(encoding="utf-8"))["kind"]
    except FileNotFoundError:
        raise SystemExit(f"{card}: missing; {folder} is not an embedder's folder") from None
    except (ValueError, KeyError, TypeError):
        raise SystemExit(f'{card}: not of the form {{"kind": "tiny_clap"}}') from None
    if not (isinstance(kind, str) and re.fullmatch(r"[a-z][a-z0-9_]*", kind)):
        raise SystemExit(f"{card}: {kind!r} is not the name of a kind of embedder")
    name = f"melablate.models.{kind}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise SystemExit(f"{card}: no embedder of kind {kind!r} (there is no {name})") from None
    embedder: Embedder = module.load(folder)
    return embedder


def embed_clips(embedder: Embedder, clips: Sequence[Audio], rate: int, what: str) -> Embeddings:
    """Embeddings of clips, a batch at a time, checked to be finite unit vectors."""
    progress = Progress(what, len(clips))
    parts = []
    for start in range(0, len(clips), BATCH):
        parts.append(embedder.embed_audio(list(clips[start : start + BATCH]), rate))
        progress.step(min(start + BATCH, len(clips)))
    return checked(np.concatenate(parts), len(clips), what)


def embed_prompts(embedder: Embedder, prompts: Sequence[str]) -> Embeddings:
    """Embeddings of texts, each text embedded once."""
    texts = sorted(set(prompts))
    embedded = checked(embedder.embed_text(texts), len(texts), "prompts")
    return embedded[[texts.index(prompt) for prompt in prompts]]


def checked(embeddings: Embeddings, count: int, what: str) -> Embeddings:
    """The embeddings, if they are what an embedder promises."""
    if embeddings.ndim != 2 or len(embeddings) != count:
        raise ValueError(f"{what}: embedder gave {embeddings.shape} for {count} inputs")
    norms = np.linalg.norm(embeddings, axis=1)
    wrong = np.flatnonzero(~(np.abs(norms - 1) < 1e-3))
    if wrong.size:
        raise ValueError(f"{what}: embedding {wrong[0]} has norm {norms[wrong[0]]}, not 1")
    return np.ascontiguousarray(embeddings, np.float32)
