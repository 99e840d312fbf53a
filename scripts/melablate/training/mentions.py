"""Does a caption say that something is heard? 'Without vocals' says that it is not."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

BETWEEN_PHRASES = re.compile(r"[,;:.!?()\n]+(?=\s|$)|\s[-–—]\s")
NOT = frozenset(("no", "not", "non", "without", "never", "lack", "lacks", "lacking", "missing"))
"""Words that deny what follows."""
AFTER_ALL = frozenset(("but", "with", "only", "just", "though", "although", "however", "yet"))
"""Words that end a denial."""
REACH = 4
"""Words to which a denial reaches, and further from each thing that it denies."""


def mentioned(captions: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a caption mentions one of the words, and does not say that it is not there.

    Words are whole, in any case; one that ends in `*` stands for all that begin so. A denial
    ('no', 'without', 'non-', …) holds for the next words of its phrase: 'no vocals',
    'without any singing or rap'; and 'vocal-free' is one too.
    """
    if not words:
        return False
    pattern = _pattern(tuple(words))
    return any(
        _affirms(re.findall(r"\w+", phrase), pattern)
        for caption in captions
        for phrase in BETWEEN_PHRASES.split(caption.lower())
    )


def _affirms(phrase: Sequence[str], pattern: re.Pattern[str]) -> bool:
    denied = 0
    for word, following in pairwise((*phrase, "")):
        found = pattern.fullmatch(word) is not None
        if found and not denied and following not in ("free", "less"):
            return True
        if word in NOT or (found and denied):
            denied = REACH
        elif word in AFTER_ALL:
            denied = 0
        else:
            denied = max(0, denied - 1)
    return False


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    plain = (re.escape(word.strip().lower()) for word in words)
    return re.compile("|".join(re.sub(r"\\\*$", r"\\w*", word) for word in plain))
