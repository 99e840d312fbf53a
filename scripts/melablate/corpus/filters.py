"""Which captions of a track the rules let through, and why the others are left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .lists import IdList
from .settings import Rules
from .tracks import Caption, Track

NOT_VALID = "not in the valid subset"
LISTED = "by the list"
BY_WORDS = "by its words"
FILTERED = (NOT_VALID, LISTED, BY_WORDS, "too long", "too short", "no caption", "duplicate")
"""Kinds of reasons that say nothing against the audio."""


@dataclass(frozen=True)
class Left:
    """Captions of a track: those in use, and of each other one why it is not."""

    used: tuple[Caption, ...]
    dropped: tuple[tuple[Caption, str], ...]

    @property
    def reason(self) -> str:
        """Why the track cannot be used; empty if it has a caption."""
        if self.used:
            return ""
        reasons = list(dict.fromkeys(reason for _, reason in self.dropped))
        return reasons[0] if len(reasons) == 1 else self._of_all(reasons)

    def _of_all(self, reasons: Sequence[str]) -> str:
        return (
            f"no caption left: {'; '.join(reasons)}" if reasons else "no caption: the row has none"
        )


Filter = Callable[[Track, Caption], str]


def caption_filter(rules: Rules, only: IdList | None, without: IdList | None) -> Filter:
    """The first reason against a caption; empty if there is none."""
    wanted, unwanted = (_pattern(words) for words in (rules.words.any, rules.words.none))

    def reason(track: Track, caption: Caption) -> str:
        if caption.fault:
            return caption.fault
        if not caption.text.strip():
            return "table: the caption is blank"
        if rules.valid_only and not caption.valid:
            return NOT_VALID
        if only and not only.holds(track.id, caption.id):
            return f"{LISTED}: not in rules.only"
        if without and without.holds(track.id, caption.id):
            return f"{LISTED}: in rules.without"
        return _by_words(caption.text, rules, wanted, unwanted)

    return reason


def left(track: Track, reason: Filter) -> Left:
    """The captions of a track in use, and the others with their reasons."""
    told = [(caption, reason(track, caption)) for caption in track.captions]
    return Left(
        tuple(caption for caption, why in told if not why),
        tuple((caption, why) for caption, why in told if why),
    )


def kind_of(reason: str) -> str:
    """`truncated: decoded 1.2 s of 4.5 s` → `truncated`."""
    return reason.split(":")[0]


def _by_words(
    text: str, rules: Rules, wanted: re.Pattern[str] | None, unwanted: re.Pattern[str] | None
) -> str:
    if len(text.split()) > rules.max_caption_words:
        most = rules.max_caption_words
        return f"caption too long: {len(text.split())} words, allowed are {most}"
    folded = text.casefold()
    if wanted and not wanted.search(folded):
        return f"{BY_WORDS}: holds none of {', '.join(rules.words.any)}"
    held = unwanted.search(folded) if unwanted else None
    return f"{BY_WORDS}: holds {held[0]}" if held else ""


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """Whole words, or with `*` all that begin so; in a phrase any white space does."""
    if not words:
        return None
    parts = (map(re.escape, word.casefold().split()) for word in words)
    phrases = (r"\s+".join(phrase).replace(r"\*", r"\w*") for phrase in parts)
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)")
