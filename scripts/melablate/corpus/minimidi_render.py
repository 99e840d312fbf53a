"""The band of MiniMIDI: notes to sound with a General MIDI soundfont."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import tinysoundfont

from .minimidi_instruments import BASS, CHORDS, player
from .minimidi_score import Note, Piece

Sound = npt.NDArray[np.float32]
SAMPLE_RATE = 22050
SOUNDFONT = "TimGM6mb.sf2"
CHANNELS = {"lead": 0, "chords": 1, "bass": 2, "drums": 9}
ACCOMPANIMENT_DB = -12.0
"""Level of the accompaniment against the lead (RMS): the lead is what a listener names first."""
PEAK = 0.7
FADE_SECONDS = 0.02
FLUSH_SAMPLES = 2048


def soundfont_path() -> Path:
    """The soundfont in the pretty_midi package, which itself is not imported."""
    spec = find_spec("pretty_midi")
    path = Path(spec.origin).parent / SOUNDFONT if spec and spec.origin else None
    if path is None or not path.is_file():
        where = f"{path} is missing" if path else "the package is not installed"
        raise SystemExit(
            f"MiniMIDI needs {SOUNDFONT} from the package pretty_midi, but {where}. "
            "Install pretty_midi as pinned in the environment's lock."
        )
    return path


@cache
def _band() -> tuple[tinysoundfont.Synth, int]:
    synth = tinysoundfont.Synth(gain=-6, samplerate=SAMPLE_RATE)
    return synth, synth.sfload(str(soundfont_path()))


def _play(piece: Piece, notes: list[Note], samples: int) -> Sound:
    """Mono sound of some of the notes; nothing is left over from what was played before."""
    synth, font = _band()
    synth.sounds_off()
    synth.generate(FLUSH_SAMPLES)  # voices that were cut off ring for some samples more
    synth.program_select(0, font, 0, player(piece.part, piece.lead).program)
    synth.program_select(1, font, 0, CHORDS[piece.part][piece.chords])
    synth.program_select(2, font, 0, BASS["bass"])
    synth.program_select(9, font, 128, 0, True)
    per_quarter = SAMPLE_RATE * 60 / piece.bpm
    # At one moment notes end before others begin, so that a repeated pitch sounds again.
    events = sorted(
        [(round(n.start * per_quarter), 1, n.voice, n.pitch, n.velocity) for n in notes]
        + [(round((n.start + n.length) * per_quarter), 0, n.voice, n.pitch, 0) for n in notes]
    )
    pieces, now = [], 0
    for when, begins, voice, pitch, velocity in events:
        if when >= samples:
            break
        if when > now:
            pieces.append(np.frombuffer(synth.generate(when - now), np.float32).copy())
            now = when
        if begins:
            synth.noteon(CHANNELS[voice], pitch, velocity)
        else:
            synth.noteoff(CHANNELS[voice], pitch)
    pieces.append(np.frombuffer(synth.generate(samples - now), np.float32).copy())
    mono: Sound = np.concatenate(pieces).reshape(-1, 2).mean(axis=1, dtype=np.float32)
    return mono


def render(piece: Piece, seconds: float) -> Sound:
    """The lead and, at a set level below it, everything else."""
    samples = round(seconds * SAMPLE_RATE)
    lead = _play(piece, [note for note in piece.notes if note.voice == "lead"], samples)
    rest = _play(piece, [note for note in piece.notes if note.voice != "lead"], samples)
    wanted = _rms(lead) * 10 ** (ACCOMPANIMENT_DB / 20)
    mix = lead + rest * np.float32(wanted / max(_rms(rest), 1e-9))
    fade = min(round(FADE_SECONDS * SAMPLE_RATE), samples)
    mix[samples - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    sound: Sound = (mix * np.float32(PEAK / np.abs(mix).max())).astype(np.float32)
    return sound


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def write_mp3(path: Path, sound: Sound) -> None:
    """Variable bit rate: half the encoder's time of the default."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        path,
        sound,
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE",
        compression_level=0.3,
    )
