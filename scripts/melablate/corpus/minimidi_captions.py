"""What is said of a MiniMIDI piece: only what is true, in varied words, the lead always named."""

import random

from .minimidi_score import Piece

SLOW_BELOW, FAST_FROM = 92, 124
"""Beats per minute at which captions stop saying slow and begin to say fast."""
TEMPO_WORDS = {
    "slow": ("slow", "slow-paced", "unhurried"),
    "medium": ("mid-tempo", "moderate", "steady"),
    "fast": ("fast", "up-tempo", "quick"),
}
MOODS = {
    (True, "slow"): ("calm", "peaceful", "tender"),
    (True, "medium"): ("warm", "relaxed", "hopeful"),
    (True, "fast"): ("happy", "cheerful", "playful"),
    (False, "slow"): ("sad", "melancholic", "sombre"),
    (False, "medium"): ("dark", "brooding", "serious"),
    (False, "fast"): ("tense", "dramatic", "restless"),
}
MODE_WORDS = {
    "major": "in a major key",
    "minor": "in a minor key",
    "dorian": "in a dorian mode",
    "phrygian dominant": "in a phrygian scale",
    "pentatonic": "in a pentatonic scale",
    "hirajoshi": "in a japanese scale",
}
SENTENCES = (
    "A {tempo} {mood} piece with {a_lead} playing the melody over {band}",
    "This {tempo} instrumental features {a_lead}, with {band} behind it, and it feels {mood}",
    "{Lead} solo {mode}, accompanied by {band}. The mood is {mood}, the tempo is {tempo}",
    "The {lead} {plays} a {mood} tune at around {bpm} bpm; {band} in the background",
    "{Mood} {lead} music, {tempo}, with {band}",
)
LISTS = (
    "{lead}, {band_list}, {tempo}, {mood}",
    "{mood}, {tempo}, {lead}, {band_list}, {mode}",
    "instrumental, {lead} melody, {mood}, {bpm} bpm, {band_list}",
)
VOCAL_SENTENCES = (
    "A {tempo} {mood} song with choir vocals carrying the melody over {band}",
    "A choir is singing a {mood} melody {mode} with {band}; the tempo is {tempo}",
    "{Mood} choir music, {tempo}, sung without words, with {band}",
    "Voices of a choir at around {bpm} bpm, {mood}, accompanied by {band}",
)
VOCAL_LISTS = (
    "choir, vocals, {band_list}, {tempo}, {mood}",
    "{mood}, {tempo}, singing choir, {band_list}, {mode}",
)
CAPTIONS_PER_TRACK = ((1, 2, 3, 4), (64, 18, 11, 7))
"""Counts and their weights, in per cent, after Song Describer's own."""


def tempo_class(bpm: int) -> str:
    """`slow`, `medium` or `fast`."""
    return "slow" if bpm < SLOW_BELOW else "fast" if bpm >= FAST_FROM else "medium"


def band(piece: Piece) -> list[str]:
    """Everything that plays except the lead, in words."""
    drums = "hand drums" if piece.part == "style" else "drums"
    return [
        piece.chords,
        *(["bass"] if piece.bass else []),
        *([drums] if piece.drums else []),
    ]


def captions(piece: Piece, draw: random.Random) -> list[str]:
    """One to four different captions."""
    count = draw.choices(*CAPTIONS_PER_TRACK)[0]
    sentences, lists = (VOCAL_SENTENCES, VOCAL_LISTS) if piece.vocal else (SENTENCES, LISTS)
    forms = draw.sample(sentences + lists, count)
    return [
        _fill(form, piece, draw) + draw.choice(("", ".") if form in sentences else ("",))
        for form in forms
    ]


def _fill(form: str, piece: Piece, draw: random.Random) -> str:
    tempo = tempo_class(piece.bpm)
    mood = draw.choice(MOODS[piece.bright, tempo])
    players = band(piece)
    draw.shuffle(players)
    words = {
        "lead": piece.lead,
        "Lead": piece.lead.capitalize(),
        "plays": "play" if _plural(piece.lead) else "plays",
        "a_lead": _with_article(piece.lead),
        "tempo": draw.choice(TEMPO_WORDS[tempo]),
        "mood": mood,
        "Mood": mood.capitalize(),
        "mode": MODE_WORDS[piece.mode],
        "bpm": str(5 * round(piece.bpm / 5)),
        "band": " and ".join(filter(None, [", ".join(players[:-1]), players[-1]])),
        "band_list": ", ".join(players),
    }
    return form.format(**words)


def _plural(name: str) -> bool:
    return name.endswith("s")  # steel drums


def _with_article(name: str) -> str:
    if _plural(name):
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
