"""The composer of MiniMIDI: from a track's number to its notes, with nothing drawn elsewhere."""

import random
from dataclasses import dataclass, field
from typing import Literal

from .minimidi_instruments import (
    CHORDS,
    PLAYERS,
    VOCAL_NAME,
    Lead,
    Part,
    Rhythm,
    player,
)

BAR = 4.0
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "hirajoshi": (0, 2, 3, 7, 8),
}
MODES: dict[Part, tuple[str, ...]] = {
    "broad": ("major", "minor", "major", "minor", "dorian"),
    "style": ("phrygian dominant", "pentatonic", "hirajoshi"),
}
BRIGHT = frozenset({"major", "pentatonic"})
# Chord roots as degrees of the scale, one a bar.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 3, 4, 0)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 5, 3, 4)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0)),
}
# (time in quarter notes, drum key, velocity): kick 36, snare 38, closed hat 42, congas 62–64.
Hits = tuple[tuple[float, int, int], ...]
BEATS: dict[Part, tuple[Hits, ...]] = {
    "broad": (
        ((0, 36, 110), (1, 38, 90), (2, 36, 110), (3, 38, 90)),
        ((0, 36, 110), (1, 42, 70), (2, 38, 95), (2.5, 36, 90), (3, 42, 70)),
        ((0, 36, 110), (1, 36, 100), (2, 36, 110), (3, 36, 100), (3.5, 42, 80)),
    ),
    "style": (
        ((0, 64, 115), (1.5, 64, 105), (3, 63, 105)),
        ((0, 64, 115), (1.5, 63, 105), (3, 64, 105), (3.5, 63, 90)),
    ),
}
BPM: dict[Part, tuple[int, int]] = {"broad": (66, 160), "style": (72, 150)}
Voice = Literal["lead", "chords", "bass", "drums"]


@dataclass(frozen=True)
class Note:
    """One note; times in quarter notes."""

    voice: Voice
    start: float
    length: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Piece:
    """What a caption may tell and what the soundfont plays."""

    part: Part
    lead: str
    tonic: int
    mode: str
    bpm: int
    chords: str
    bass: bool
    drums: bool
    notes: tuple[Note, ...] = field(repr=False)

    @property
    def bright(self) -> bool:
        """Whether the third of the scale is major and nothing in it sounds dark."""
        return self.mode in BRIGHT

    @property
    def vocal(self) -> bool:
        """Whether voices carry the melody."""
        return self.lead == VOCAL_NAME


def generator(seed: int, part: str, index: int, what: str) -> random.Random:
    """A generator of one purpose of one track, so that no track depends on another."""
    return random.Random(f"minimidi/{seed}/{part}/{index}/{what}")


def one_in(every: int, seed: int, part: str, index: int, what: str) -> bool:
    """True for exactly one track, drawn at random, of every `every` in a row."""
    block, place = divmod(index, every)
    return place == generator(seed, part, block, what).randrange(every)


def lead_name(seed: int, part: Part, index: int) -> str:
    """Each instrument in turn, in an order drawn anew for every round; now and then a choir."""
    if one_in(10 if part == "broad" else 8, seed, part, index, "vocal"):
        return VOCAL_NAME
    names = list(PLAYERS[part])
    block, place = divmod(index, len(names))
    generator(seed, part, block, "leads").shuffle(names)
    return names[place]


def compose(seed: int, part: Part, index: int, seconds: float) -> Piece:
    """Compose the track: key, mode, tempo, players, then their notes."""
    draw = generator(seed, part, index, "score")
    lead = lead_name(seed, part, index)
    low, high = BPM[part]
    bpm = draw.randrange(low, high + 1, 2)
    tonic, mode = draw.randrange(12), draw.choice(MODES[part])
    chords = draw.choice(sorted(CHORDS[part]))
    bass = part == "broad" and draw.random() < 0.7
    drums = draw.random() < 0.6
    bars = int(seconds * bpm / 60 / BAR) + 1
    progression = draw.choice(PROGRESSIONS.get(mode, ((0,),)))
    roots = [progression[bar % len(progression)] for bar in range(bars)]
    notes = [
        *_melody(draw, player(part, lead), tonic, mode, roots),
        *_accompaniment(draw, part, chords, tonic, mode, roots),
        *(_bass(draw, tonic, mode, roots) if bass else ()),
        *(_drums(draw.choice(BEATS[part]), bars) if drums else ()),
    ]
    return Piece(part, lead, tonic, mode, bpm, chords, bass, drums, tuple(notes))


def _pitch(tonic: int, mode: str, degree: int) -> int:
    scale = SCALES[mode]
    octave, step = divmod(degree, len(scale))
    return tonic + 12 * octave + scale[step]


def _chord(mode: str, root: int) -> tuple[int, int, int]:
    """Degrees of a triad; scales of five notes have no thirds to stack, so root, fifth, octave."""
    if len(SCALES[mode]) == 5:
        return (root, root + 3, root + 5)
    return (root, root + 2, root + 4)


def _melody(draw: random.Random, lead: Lead, tonic: int, mode: str, roots: list[int]) -> list[Note]:
    """A motif of one bar, moved along the chords; every third bar answers with another."""
    motifs = [_motif(draw, draw.choice(lead.rhythms)) for _ in range(2)]
    allowed = [d for d in range(80) if lead.low <= _pitch(tonic, mode, d) <= lead.high]
    degree = allowed[len(allowed) // 2]
    notes = []
    for bar, root in enumerate(roots):
        start = bar * BAR
        for length, step in motifs[1 if bar % 4 == 2 else 0]:
            degree = _fold(degree + step, allowed)
            if start % 2 == 0:
                degree = _nearest_chord_tone(degree, mode, root, allowed)
            velocity = 112 if start % 1 == 0 else 98
            pitches = _voiced(lead, tonic, mode, degree)
            notes += [Note("lead", start, length * lead.legato, p, velocity) for p in pitches]
            start += length
    return notes


def _motif(draw: random.Random, rhythm: Rhythm) -> list[tuple[float, int]]:
    """A length and a step of the scale for each note; mostly steps, some leaps."""
    steps = draw.choices((-3, -2, -1, 1, 2, 3), (1, 2, 5, 5, 2, 1), k=len(rhythm))
    return list(zip(rhythm, steps, strict=True))


def _fold(degree: int, allowed: list[int]) -> int:
    """Reflect a degree at the ends of the instrument's range."""
    if degree > allowed[-1]:
        degree = 2 * allowed[-1] - degree
    if degree < allowed[0]:
        degree = 2 * allowed[0] - degree
    return min(max(degree, allowed[0]), allowed[-1])


def _nearest_chord_tone(degree: int, mode: str, root: int, allowed: list[int]) -> int:
    size = len(SCALES[mode])
    tones = {tone % size for tone in _chord(mode, root)}
    return min(allowed, key=lambda d: (d % size not in tones, abs(d - degree), d))


def _voiced(lead: Lead, tonic: int, mode: str, degree: int) -> list[int]:
    pitch = _pitch(tonic, mode, degree)
    if lead.voicing == "octave":
        return [pitch, pitch - 12]
    if lead.voicing == "fifth":
        return [pitch, pitch + 7]
    if lead.voicing == "chord":
        return [_pitch(tonic, mode, degree - below) for below in (0, 2, 4)]
    return [pitch]


def _accompaniment(
    draw: random.Random, part: Part, chords: str, tonic: int, mode: str, roots: list[int]
) -> list[Note]:
    """Held or broken chords; in the style part one open fifth that never moves."""
    if part == "style":
        base, whole = 36 + tonic, BAR * len(roots)
        return [Note("chords", 0, whole, pitch, 90) for pitch in (base, base + 7, base + 12)]
    broken = chords == "harp"
    order = draw.choice(((0, 1, 2, 1), (0, 2, 1, 2), (2, 1, 0, 1)))
    notes = []
    for bar, root in enumerate(roots):
        pitches = [48 + (_pitch(tonic, mode, d) - 48) % 12 for d in _chord(mode, root)]
        pitches.sort()
        if broken:
            notes += [Note("chords", bar * BAR + i, 1, pitches[k], 90) for i, k in enumerate(order)]
        else:
            notes += [Note("chords", bar * BAR, BAR, pitch, 80) for pitch in pitches]
    return notes


def _bass(draw: random.Random, tonic: int, mode: str, roots: list[int]) -> list[Note]:
    rhythm = draw.choice(((2, 2), (1.5, 0.5, 2), (1, 1, 1, 1)))
    notes = []
    for bar, root in enumerate(roots):
        pitch, start = 33 + (_pitch(tonic, mode, root) - 33) % 12, bar * BAR
        for length in rhythm:
            notes.append(Note("bass", start, length * 0.9, pitch, 95))
            start += length
    return notes


def _drums(beat: Hits, bars: int) -> list[Note]:
    return [
        Note("drums", bar * BAR + time, 0.25, key, velocity)
        for bar in range(bars)
        for time, key, velocity in beat
    ]
