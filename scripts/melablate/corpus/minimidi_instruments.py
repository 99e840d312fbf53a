"""The players of MiniMIDI: which instruments lead in which part, and how each of them plays."""

from dataclasses import dataclass
from typing import Literal

Rhythm = tuple[float, ...]
"""Lengths in quarter notes that fill a bar of four."""
Part = Literal["broad", "style"]


@dataclass(frozen=True)
class Lead:
    """A solo instrument: its General MIDI program (from 0), range and idiom."""

    program: int
    low: int
    high: int
    rhythms: tuple[Rhythm, ...]
    voicing: Literal["single", "octave", "fifth", "chord"] = "single"
    legato: float = 0.95


EIGHTHS: tuple[Rhythm, ...] = (
    (0.5,) * 8,
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (1, 0.5, 0.5, 0.5, 0.5, 1),
)
SONG: tuple[Rhythm, ...] = ((1, 1, 0.5, 0.5, 1), (1.5, 0.5, 1, 1), (1, 0.5, 0.5, 2))
LONG: tuple[Rhythm, ...] = ((2, 2), (3, 1), (2, 1, 1), (1, 3))
FANFARE: tuple[Rhythm, ...] = (
    (0.75, 0.25, 1, 0.75, 0.25, 1),
    (1, 0.5, 0.25, 0.25, 1, 1),
    (0.5, 0.25, 0.25, 1, 1, 1),
)
RUNS: tuple[Rhythm, ...] = (
    (0.25,) * 4 + (0.5, 0.5) + (0.25,) * 4 + (0.5, 0.5),
    (0.5,) + (0.25,) * 6 + (0.5,) + (0.25,) * 6,
    (0.25,) * 16,
)
RIFF: tuple[Rhythm, ...] = ((0.5,) * 8, (0.5, 0.5, 0.5, 0.5, 1, 1), (1, 0.5, 0.5, 1, 0.5, 0.5))
# 3 + 3 + 2: the manner of the style part.
TRESILLO: tuple[Rhythm, ...] = ((1.5, 1.5, 1), (0.5, 1, 0.5, 1, 1), (1, 0.5, 1, 0.5, 0.5, 0.5))
TRESILLO_LONG: tuple[Rhythm, ...] = ((1.5, 1.5, 1), (1.5, 2.5), (3, 1))

BROAD: dict[str, Lead] = {
    "piano": Lead(0, 57, 79, EIGHTHS, "octave"),
    "flute": Lead(73, 74, 93, SONG),
    "violin": Lead(40, 62, 84, LONG, legato=1.0),
    "trumpet": Lead(56, 60, 77, FANFARE, legato=0.8),
    "distorted guitar": Lead(30, 40, 55, RIFF, "fifth", 0.9),
    "organ": Lead(19, 55, 74, LONG, "chord"),
    "xylophone": Lead(13, 76, 96, RUNS, legato=0.5),
    "synth lead": Lead(81, 57, 76, EIGHTHS, legato=0.7),
}
STYLE: dict[str, Lead] = {
    "music box": Lead(10, 79, 98, TRESILLO),
    "sitar": Lead(104, 50, 69, TRESILLO),
    "steel drums": Lead(114, 62, 81, RUNS, legato=0.6),
    "bagpipe": Lead(109, 60, 76, TRESILLO_LONG, legato=1.0),
}
VOCAL_NAME = "choir"
VOCAL: dict[Part, Lead] = {
    "broad": Lead(52, 60, 77, LONG, "fifth", 1.0),
    "style": Lead(53, 60, 77, TRESILLO_LONG, legato=1.0),
}
PLAYERS: dict[Part, dict[str, Lead]] = {"broad": BROAD, "style": STYLE}

LEADS: dict[Part, dict[str, int]] = {
    part: {name: lead.program for name, lead in players.items()}
    for part, players in PLAYERS.items()
}
"""Name and General MIDI program of the lead instruments; the choir is not among them."""

CHORDS: dict[Part, dict[str, int]] = {
    "broad": {"strings": 48, "harp": 46, "soft pad": 89},
    "style": {"low drone": 89},
}
BASS: dict[str, int] = {"bass": 33}
VOCAL_WORDS = ("choir", "vocals", "singing", "voices", "sung")
"""A caption of a vocal-like track has `choir` and one more of these; no other caption has any."""


def player(part: Part, name: str) -> Lead:
    """The lead of that name in that part, the choir included."""
    return VOCAL[part] if name == VOCAL_NAME else PLAYERS[part][name]
