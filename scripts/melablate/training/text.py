"""Encoded captions: all of them once when nothing changes there, anew for each batch otherwise."""

from collections.abc import Sequence

import torch

from ..models.base import Base
from ..models.conditioning import Conditioning, check_clip_skip, encode
from .settings import Train

CHUNK = 32
"""Captions encoded at a time: fixed, as results depend on it in the last bit."""


class Texts:
    """Gives the conditioning of captions."""

    def __init__(
        self, base: Base, settings: Train, captions: Sequence[str], more: Sequence[str] = ()
    ) -> None:
        check_clip_skip(base, settings.clip_skip)
        self.base, self.settings = base, settings
        self.trains = settings.lr_text is not None
        self.rows: dict[str, int] = {}
        self.cache: Conditioning | None = None
        if not self.trains and settings.captions.shuffle == "none":
            self._fill(captions, [caption for caption in more if caption not in set(captions)])

    @torch.no_grad()
    def _fill(self, captions: Sequence[str], more: Sequence[str]) -> None:
        # Those that are not trained on by themselves, lest they change a bit of the others.
        parts = [
            encode(self.base, some[first : first + CHUNK], self.settings.clip_skip)
            for some in (captions, more)
            for first in range(0, len(some), CHUNK)
        ]
        pooled = [part.pooled for part in parts if part.pooled is not None]
        self.cache = Conditioning(
            torch.cat([part.hidden for part in parts]), torch.cat(pooled) if pooled else None
        )
        self.rows = {caption: row for row, caption in enumerate([*captions, *more])}
        # Encoders are no longer needed: SDXL's are 3 GB.
        self.base.text_encoders, self.base.tokenizers = [], []

    def __call__(self, captions: Sequence[str]) -> Conditioning:
        if self.cache is not None:
            return self.cache.pick([self.rows[caption] for caption in captions])
        with torch.set_grad_enabled(self.trains and torch.is_grad_enabled()):
            return encode(self.base, captions, self.settings.clip_skip)
