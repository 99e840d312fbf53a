"""Copies of a track in another form are found, other pieces of the same style are not."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from melablate.corpus.duplicates import without_duplicates
from melablate.corpus.fingerprint import Fingerprint, FingerprintMaker
from melablate.corpus.integrity import check
from melablate.corpus.manifest import Row
from melablate.corpus.minimidi_render import SAMPLE_RATE, render
from melablate.corpus.minimidi_score import compose
from melablate.corpus.same_sound import same_sound
from melablate.corpus.settings import Rules
from melablate.corpus.splits import split_groups, split_of

RATE, SECONDS = 44100, 10.0
RULES = Rules(same_sound=True)


def piece(number: int, part: str = "broad") -> np.ndarray:
    mono = soxr.resample(render(compose(1, part, number, SECONDS), SECONDS), SAMPLE_RATE, RATE)
    return np.stack([mono, 0.8 * np.roll(mono, 331)], axis=1)


def mp3(compression: float) -> dict[str, object]:
    return {"bitrate_mode": "CONSTANT", "compression_level": compression, "format": "MP3"}


COPIES: dict[str, tuple[int, float, dict[str, object]]] = {
    "MP3 at 320 kbit/s": (RATE, 0, mp3(0.0)),
    "MP3 at 128 kbit/s": (RATE, 0, mp3(0.7)),
    "Ogg Vorbis": (RATE, 0, {"format": "OGG", "subtype": "VORBIS"}),
    "Opus": (48000, 0, {"format": "OGG", "subtype": "OPUS"}),
    "FLAC": (RATE, 0, {"format": "FLAC"}),
    "16 kHz": (16000, 0, {"format": "WAV"}),
    "8 kHz": (8000, 0, {"format": "WAV"}),
    "a start 23 ms later": (RATE, 0.0233, {"format": "WAV"}),
    "a start 1.5 s later, MP3": (RATE, 1.5, mp3(0.7)),
}


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fingerprint]:
    """Of one piece, of its copies, and of others, some by the same players."""
    folder = tmp_path_factory.mktemp("copies")
    found: dict[str, Fingerprint] = {}

    def add(name: str, samples: np.ndarray, rate: int, how: dict[str, object]) -> None:
        path = folder / f"{len(found)}.audio"
        soundfile.write(path, samples, rate, **how)
        audio = check(path, None, RULES)
        assert audio.fault == "" and audio.fingerprint is not None
        found[name] = audio.fingerprint

    original = piece(0)
    add("original", original, RATE, {"format": "WAV"})
    for name, (rate, later, how) in COPIES.items():
        moved = original[round(later * RATE) :]
        add(name, soxr.resample(moved, RATE, rate) if rate != RATE else moved, rate, how)
    for part in ("broad", "style"):
        for number in range(1, 21):
            add(f"other {part} {number}", piece(number, part), RATE, {"format": "WAV"})
    return found


def test_copies_are_found_and_nothing_else(prints: dict[str, Fingerprint]) -> None:
    names = list(prints)
    found = {(names[one], names[other]) for one, other in same_sound(list(prints.values()))}
    assert {pair for pair in found if "original" in pair} == {("original", copy) for copy in COPIES}
    assert not [pair for pair in found if "other" in " ".join(pair)]


def test_medleys_that_share_pieces_are_no_copies() -> None:
    rng = np.random.default_rng(3)
    pieces = [rng.integers(0, 1 << 32, 250, np.uint32) for _ in range(6)]

    def medley(*order: int) -> Fingerprint:
        codes = np.concatenate([pieces[number] for number in order])
        return Fingerprint(codes, np.ones(len(codes), bool))

    whole = medley(0, 1, 2, 3)
    assert same_sound([whole, medley(0, 1, 4, 3)]) == []  # three of four at their places
    assert same_sound([whole, medley(4, 0, 1, 5)]) == []  # two of three where they overlap
    assert same_sound([whole, medley(1, 2, 3)]) == [(0, 1)]  # a part of it alone
    assert same_sound([whole, medley(4, 0, 1, 2, 3)]) == [(0, 1)]  # something before it


def test_order_changes_nothing(prints: dict[str, Fingerprint]) -> None:
    names = list(prints)[::-1]
    found = same_sound([prints[name] for name in names])
    assert {
        frozenset((names[a], names[b])) for a, b in found if "original" in (names[a], names[b])
    } == {frozenset(("original", copy)) for copy in COPIES}


def test_silence_and_short_sounds_match_nothing() -> None:
    maker = [FingerprintMaker(8000) for _ in range(4)]
    sounds = (np.zeros(80_000), np.zeros(80_000), np.ones(900), np.ones(900))
    for one, samples in zip(maker, sounds, strict=True):
        one.add(samples.astype(np.float32)[:, None])
    assert same_sound([one.result() for one in maker]) == []
    assert same_sound([]) == []


def test_a_fingerprint_stays_small() -> None:
    maker = FingerprintMaker(8000)
    for _ in range(20):
        maker.add(np.random.default_rng(0).normal(size=(80_000, 1)).astype(np.float32))
    assert maker.result().codes.nbytes < 6000


def test_many_tracks_take_no_square_of_time() -> None:
    """Counted by what is held, not by the clock: pairs that share codes by chance stay few."""
    rng = np.random.default_rng(0)
    prints = [
        Fingerprint(rng.integers(0, 1 << 32, 300, np.uint32), np.ones(300, bool))
        for _ in range(400)
    ]
    prints.append(Fingerprint(prints[7].codes[5:], prints[7].heard[5:]))
    assert same_sound(prints) == [(7, 400)]


def row(track: str, digest: str) -> Row:
    return Row(track, f"{track}.wav", ("x",), ("1",), "artist", "", "", audio_sha256=digest)


def test_duplicates_name_the_track_that_stays(prints: dict[str, Fingerprint]) -> None:
    rows = [row("a", "1"), row("b", "2"), row("c", "1"), row("d", "3")]
    known = {
        "a": prints["original"],
        "b": prints["MP3 at 128 kbit/s"],
        "c": prints["original"],
        "d": prints["other broad 1"],
    }
    told, links = without_duplicates(rows, known)
    assert [r.excluded for r in told] == [
        "",
        "duplicate: sounds the same as track a",
        "duplicate: the same audio as track a",
        "",
    ]
    assert sorted(links) == [("a", "b"), ("a", "c")]
    assert without_duplicates(rows, {})[1] == [("a", "c")]


def artists_of(splits: dict[str, str], tracks: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for track, artists in tracks.items():
        for artist in artists:
            found.setdefault(artist, set()).add(splits[track])
    return found


def test_artists_who_share_a_sound_go_one_way_and_nobody_returns_to_training() -> None:
    tracks = {f"{n}": (f"artist {n % 60}",) for n in range(240)}
    alone = split_groups(tracks, [], 0.3)
    assert alone == {track: split_of(artists[0], track, 0.3) for track, artists in tracks.items()}
    links = [("0", "1"), ("1", "2"), ("5", "77")]
    linked = split_groups(tracks | {"both": ("artist 30", "artist 31")}, links, 0.3)
    assert all(len(s) == 1 for s in artists_of(linked, tracks).values())
    for one, other in (*links, ("30", "31")):
        assert linked[one] == linked[other]
    moved = {track for track in tracks if linked[track] != alone[track]}
    assert all(alone[track] == "train" for track in moved)
    touched = {
        "artist 0",
        "artist 1",
        "artist 2",
        "artist 5",
        "artist 17",
        "artist 30",
        "artist 31",
    }
    assert {tracks[track][0] for track in moved} <= touched


def test_tracks_without_an_artist_stand_for_themselves() -> None:
    splits = split_groups({str(n): () for n in range(300)}, [], 0.5)
    assert 100 < sum(split == "heldout" for split in splits.values()) < 200
    pair = split_groups({"a": (), "b": ()}, [("a", "b")], 0.5)
    assert pair["a"] == pair["b"]


def test_sound_is_compared_only_where_asked(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", piece(0), RATE)
    assert check(tmp_path / "a.wav", None, Rules()).fingerprint is None
