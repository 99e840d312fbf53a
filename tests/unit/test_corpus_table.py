"""The caption table: the real one is read whole, a faulty one stops with a mend."""

from collections import Counter
from pathlib import Path

import pytest
from melablate.corpus.layout import COLUMNS
from melablate.corpus.licenses import read_licenses
from melablate.corpus.song_describer import read_table

REAL = Path(__file__).parents[3] / "shared" / "data" / "song_describer.csv"
HEAD = ",".join(COLUMNS) + "\n"
ROW = "1,100,a song,True,0,7,70,00/100.mp3,30.0\n"


@pytest.mark.skipif(
    not REAL.is_file(), reason="the real caption table is not in ../shared/data beside the checkout"
)
def test_real_table() -> None:
    tracks = read_table(REAL)
    captions = [caption for track in tracks for caption in track.captions]
    assert len(tracks) == 706
    assert len(captions) == len({caption.id for caption in captions}) == 1106
    assert len({track.artist_id for track in tracks}) == 191
    assert len({track.album_id for track in tracks}) == 360
    assert sum(caption.valid for caption in captions) == 746
    per_track = Counter(len(track.captions) for track in tracks)
    assert per_track == {1: 476, 2: 127, 3: 57, 4: 25, 5: 21}
    assert sum("\n" in caption.text for caption in captions) == 4
    assert sum(not caption.text.isascii() for caption in captions) == 12
    assert sum(len(caption.text.split()) > 55 for caption in captions) == 18
    assert max(caption.text.count("Industrial Rock") for caption in captions) == 4
    short = next(track for track in tracks if track.id == "1306909")
    assert (short.path, short.duration) == ("09/1306909.2min.mp3", 31.2)
    assert [track.id for track in tracks] == sorted(track.id for track in tracks)


def read(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "song_describer.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    read_table(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD.replace("caption,", "", 1) + ROW, r"no column caption"),
        ("", r"no column caption_id, track_id"),
        (HEAD, r"has no captions"),
        (HEAD + ROW + ROW, r"line 3: caption_id 1 stands in line 2 already"),
        (HEAD + ROW.replace("a song", "one, two"), r"line 2: the number of fields"),
        (HEAD + "1,100\n", r"line 2: the number of fields"),
        (HEAD + ROW.replace("a song", " "), r"line 2: caption is blank"),
        (HEAD + ROW.replace("True", "maybe"), r"line 2: is_valid_subset is 'maybe'.*write True"),
        (HEAD + ROW.replace("00/100", "../100"), r"line 2: path .* leads out of audio/"),
        (HEAD + ROW.replace("30.0", "long"), r"line 2: duration 'long'"),
        (HEAD + ROW + "2,100,b,True,0,8,70,00/100.mp3,30.0\n", r"line 3: artist_id of track 100"),
        (HEAD + '1,100,"a', r"cannot be read as a CSV table"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), r"cannot be read as a CSV table in UTF-8"),
    ],
)
def test_faults_stop_with_file_and_mend(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(SystemExit, match=rf"(?s)song_describer\.csv.*{told}"):
        read(tmp_path, text)


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"does not exist\. Put"):
        read_table(tmp_path / "song_describer.csv")


def test_quirks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = '2,100,"two\nlines",,0,7,70,00/100.mp3,30.0\n3,100,é,false,0,7,70,00/100.mp3,30.0\n'
    path.write_text("\ufeff" + HEAD + ROW + rows, encoding="utf-8")
    (track,) = read_table(path)
    assert [caption.text for caption in track.captions] == ["a song", "two\nlines", "é"]
    assert [caption.valid for caption in track.captions] == [True, False, False]


def test_licenses_are_found_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "audio_licenses.txt"
    path.write_text(
        "00/100.mp3: by A, http://creativecommons.org/licenses/by/3.0/\n\n"
        "Track 200\nhttps://creativecommons.org/licenses/by-nc/2.0/fr/\n"
        "Track 300, all rights asked\n"
    )
    found = read_licenses(path, {"100", "200", "300"})
    assert found == {
        "100": "http://creativecommons.org/licenses/by/3.0/",
        "200": "https://creativecommons.org/licenses/by-nc/2.0/fr/",
    }
    assert read_licenses(tmp_path / "none.txt", {"100"}) == {}
