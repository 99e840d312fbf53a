"""MiniMIDI: deterministic, true to its captions, audible, and laid out as Song Describer."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from melablate.corpus import minimidi_render
from melablate.corpus.layout import COLUMNS, LICENSES, TABLE
from melablate.corpus.minimidi import compose_corpus, table_rows
from melablate.corpus.minimidi_captions import (
    FAST_FROM,
    MODE_WORDS,
    MOODS,
    SLOW_BELOW,
    TEMPO_WORDS,
    captions,
)
from melablate.corpus.minimidi_instruments import CHORDS, LEADS, VOCAL_NAME, VOCAL_WORDS
from melablate.corpus.minimidi_score import Piece, compose, generator
from melablate.corpus.settings import MiniMidi
from melablate.corpus.song_describer import read_song_describer

PARTS = ("broad", "style")


def settings(part: str = "broad", **changes: object) -> MiniMidi:
    return MiniMidi.model_validate({"kind": "minimidi", "part": part, "tracks": 6} | changes)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def composed(folder: Path, corpus: MiniMidi) -> dict[str, bytes]:
    folder.mkdir()
    compose_corpus(corpus, folder)
    return contents(folder)


def test_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    assert composed(tmp_path / "a", settings()) == composed(tmp_path / "b", settings())


def test_another_seed_gives_other_music(tmp_path: Path) -> None:
    a, b = composed(tmp_path / "a", settings()), composed(tmp_path / "b", settings(seed=1))
    assert a.keys() == b.keys()
    assert all(a[name] != b[name] for name in a if name.endswith(".mp3"))


def test_fewer_tracks_are_the_first_of_more(tmp_path: Path) -> None:
    few, more = (
        composed(tmp_path / "few", settings()),
        composed(tmp_path / "more", settings(tracks=9)),
    )
    for name, data in few.items():
        assert more[name] == data if name.endswith(".mp3") else more[name].startswith(data)


def test_layout_is_song_describers(tmp_path: Path) -> None:
    composed(tmp_path / "c", settings("style"))
    with (tmp_path / "c" / TABLE).open(encoding="utf-8", newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    for track in read_song_describer(tmp_path / "c"):
        assert track.path == f"{track.id[-2:]}/{track.id}.2min.mp3"
        assert (tmp_path / "c" / "audio" / track.path).is_file()
        assert track.id in (tmp_path / "c" / LICENSES).read_text()


def test_audio_is_loud_whole_and_sounds_throughout(tmp_path: Path) -> None:
    composed(tmp_path / "c", settings(tracks=16, seconds=3))
    for path in sorted((tmp_path / "c").rglob("*.mp3")):
        sound, rate = soundfile.read(path)
        assert len(sound) == 3 * rate
        assert 0.5 < np.abs(sound).max() <= 1
        halves = np.abs(sound).reshape(6, -1).max(axis=1)
        assert halves.min() > 10 ** (-40 / 20), path


def test_lead_stands_out() -> None:
    piece = compose(0, "broad", 0, 3)
    notes = [note for note in piece.notes if note.voice == "lead"]
    lead = minimidi_render._play(piece, notes, 3 * minimidi_render.SAMPLE_RATE)
    mix = minimidi_render.render(piece, 3)
    share = np.corrcoef(lead, mix)[0, 1] ** 2
    assert 10 * math.log10(share / (1 - share)) > 9


def test_rendering_does_not_depend_on_what_was_played_before() -> None:
    pieces = [compose(3, "broad", index, 2) for index in range(8)]
    forwards = [minimidi_render.render(piece, 2) for piece in pieces]
    backwards = [minimidi_render.render(piece, 2) for piece in reversed(pieces)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, backwards, strict=True))


@pytest.mark.parametrize("part", PARTS)
def test_captions_are_true(part: str) -> None:
    others = {name for leads in LEADS.values() for name in leads} | {VOCAL_NAME}
    for index in range(300):
        piece = compose(5, part, index, 4.5)
        for caption in captions(piece, generator(5, part, index, "captions")):
            told = caption.lower()
            assert piece.lead in told
            assert not any(name in told for name in others - {piece.lead})
            _assert_band(piece, told)
            _assert_tempo_and_mood(piece, told)
            assert piece.vocal == any(word in told for word in VOCAL_WORDS)
            assert not (piece.vocal and ("instrumental" in told or "solo" in told))


def _assert_band(piece: Piece, told: str) -> None:
    rest = told.replace("steel drums", "")
    voices = {note.voice for note in piece.notes}
    assert ("bass" in rest) == ("bass" in voices)
    assert ("drums" in rest) == ("drums" in voices)
    for chords in CHORDS[piece.part]:
        assert (chords in rest) == (chords == piece.chords)


def _assert_tempo_and_mood(piece: Piece, told: str) -> None:
    tempo = "slow" if piece.bpm < SLOW_BELOW else "fast" if piece.bpm >= FAST_FROM else "medium"
    words = set(told.replace(",", " ").replace(".", " ").split())
    for name, tempo_words in TEMPO_WORDS.items():
        assert name == tempo or not words & set(tempo_words)
    for kind, moods in MOODS.items():
        assert kind == (piece.bright, tempo) or not words & set(moods)
    for mode, words_of_mode in MODE_WORDS.items():
        assert mode == piece.mode or words_of_mode not in told
    if "bpm" in words:
        beats = told.split(" bpm")[0].rsplit(" ", 1)[-1]
        assert abs(int(beats) - piece.bpm) <= 3


@pytest.mark.parametrize(("part", "every"), [("broad", 10), ("style", 8)])
def test_shares_of_leads_choirs_and_captions(part: str, every: int) -> None:
    corpus = settings(part, tracks=240)
    leads = [compose(0, part, index, 2).lead for index in range(corpus.tracks)]
    assert leads.count(VOCAL_NAME) == corpus.tracks // every
    assert min(leads.count(name) for name in LEADS[part]) > 0.8 * 240 * (1 - 1 / every) / len(
        LEADS[part]
    )
    rows = [list(table_rows(corpus, index)) for index in range(corpus.tracks)]
    assert {len(of_track) for of_track in rows} == {1, 2, 3, 4}
    not_valid = [of_track for of_track in rows if of_track[0]["is_valid_subset"] != "True"]
    assert len(not_valid) == corpus.tracks // 12
    assert {of_track[0]["is_valid_subset"] for of_track in not_valid} == {"", "False"}
    ids = [row["caption_id"] for of_track in rows for row in of_track]
    assert len(ids) == len(set(ids))
    assert len({of_track[0]["artist_id"] for of_track in rows}) == corpus.tracks // 4


def test_parts_share_no_lead_and_no_id() -> None:
    assert not set(LEADS["broad"]) & set(LEADS["style"])
    assert not set(LEADS["broad"].values()) & set(LEADS["style"].values())
    for column in ("track_id", "artist_id", "album_id"):
        values = [
            {row[column] for i in range(100) for row in table_rows(settings(part), i)}
            for part in PARTS
        ]
        assert not values[0] & values[1]


def test_missing_soundfont_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimidi_render, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"TimGM6mb\.sf2.*Install pretty_midi"):
        minimidi_render.soundfont_path()
