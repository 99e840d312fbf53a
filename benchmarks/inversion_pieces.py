"""Pieces of several kinds of music for benchmarks/inversion.py, each set with its own seeds."""

from collections.abc import Callable

import librosa
import numpy as np
from melablate.corpus.minimidi_instruments import Part
from melablate.corpus.minimidi_render import SAMPLE_RATE, render
from melablate.corpus.minimidi_score import compose
from numpy.typing import NDArray

Sound = NDArray[np.float64]
RATE, SECONDS = 16000, 12
TIMES = np.arange(RATE * SECONDS) / RATE
LEADS: dict[str, dict[Part, tuple[str, ...]]] = {
    "tune": {
        "broad": ("piano", "violin", "trumpet", "distorted guitar", "xylophone", "choir"),
    },
    "report": {
        "broad": ("piano", "flute", "organ", "synth lead", "choir", "distorted guitar"),
        "style": ("music box", "sitar", "steel drums", "bagpipe"),
    },
}
SEEDS = {"tune": 11, "report": 77}


def drums(rng: np.random.Generator) -> Sound:
    """Bass drum, snare and hat by chance."""
    sound = np.zeros(TIMES.size)
    t = TIMES[: RATE // 2]
    for beat in np.arange(0, SECONDS - 1, 0.25 + 0.1 * rng.random()):
        noise = rng.standard_normal(t.size + 1)
        hit = (
            np.sin(2 * np.pi * (50 * t + 20 / 3 * (1 - np.exp(-30 * t)))) * np.exp(-12 * t),
            noise[1:] * np.exp(-18 * t) / 2 + np.sin(2 * np.pi * 190 * t) * np.exp(-20 * t) / 2,
            np.diff(noise) * np.exp(-50 * t) * 0.4,
        )[rng.integers(3)]
        first = int(beat * RATE)
        sound[first : first + t.size] += hit[: sound.size - first]
    return sound


def noise(rng: np.random.Generator) -> Sound:
    """Pink noise that swells."""
    spectrum = np.fft.rfft(rng.standard_normal(TIMES.size))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 40 * SECONDS)))
    return pink * (0.6 + 0.4 * np.sin(2 * np.pi * (0.3 + 0.3 * rng.random()) * TIMES))


def chords(rng: np.random.Generator) -> Sound:
    """Four held chords of five notes with overtones."""
    sound = np.zeros(TIMES.size)
    for number in range(4):
        inside = np.clip((TIMES - 3 * number) / 0.01, 0, 1)
        inside *= np.clip((3 * number + 3 - TIMES) / 0.05, 0, 1)
        root = 110 * 2 ** (rng.integers(12) / 12)
        for semitones in (0, rng.integers(3, 5), 7, 12, 16):
            for overtone in range(1, 12):
                f = root * 2 ** (semitones / 12) * overtone
                if f < RATE / 2 - 200:
                    wave = np.sin(2 * np.pi * (f * TIMES + rng.random()))
                    sound += inside * wave / overtone**1.3
    return sound


def glide(rng: np.random.Generator) -> Sound:
    """A voice-like tone with vibrato and two moving formants that glides."""
    knots = np.cumsum(rng.choice([-4.0, -2, 0, 2, 3, 5], 25))
    semitones = np.interp(TIMES, np.linspace(0, SECONDS, 25), knots - knots.mean())
    pitch = 200 * 2 ** ((semitones + 0.35 * np.sin(2 * np.pi * 5.3 * TIMES)) / 12)
    turns = np.cumsum(pitch) / RATE
    first = 500 + 250 * np.sin(2 * np.pi * 0.7 * TIMES + rng.random())
    second = 1500 + 500 * np.sin(2 * np.pi * 0.43 * TIMES)
    sound = np.zeros(TIMES.size)
    for overtone in range(1, 35):
        f = pitch * overtone
        level = np.exp(-(((f - first) / 200) ** 2)) + np.exp(-(((f - second) / 300) ** 2)) / 2
        sound += (level + 0.05) * (f < RATE / 2 - 500) * np.sin(2 * np.pi * overtone * turns)
    swell = 0.55 + 0.45 * np.sin(np.pi * TIMES)
    return sound * swell + 0.003 * rng.standard_normal(TIMES.size)


SYNTHETIC: dict[str, Callable[[np.random.Generator], Sound]] = {
    "drums": drums,
    "noise": noise,
    "held chords": chords,
    "voice-like glides": glide,
}


def pieces(name: str) -> dict[str, Sound]:
    """The pieces of a set by kind, pre-emphasised as in the seed's codec, peak .7."""
    seed = SEEDS[name]
    found = {}
    for part, leads in LEADS[name].items():
        for lead in leads:
            found[lead] = _played(seed, part, lead)
    for number, (kind, make) in enumerate(SYNTHETIC.items()):
        found[kind] = make(np.random.default_rng([seed, number]))
    return {kind: _prepared(sound) for kind, sound in found.items()}


def _played(seed: int, part: Part, lead: str) -> Sound:
    """The first piece of MiniMIDI with that lead."""
    for index in range(10_000):
        piece = compose(seed, part, index, float(SECONDS))
        if piece.lead == lead:
            sound = render(piece, SECONDS).astype(np.float64)
            return librosa.resample(sound, orig_sr=SAMPLE_RATE, target_sr=RATE)
    raise SystemExit(f"MiniMIDI's {part} part has no piece with the lead {lead!r}")


def _prepared(sound: Sound) -> Sound:
    emphasized = sound.copy()
    emphasized[1:] -= 0.97 * sound[:-1]
    return emphasized * (0.7 / np.abs(emphasized).max())
