"""Song Describer's table: the real one is read whole, a faulty one stops or loses the bad row."""

import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from melablate.corpus.filters import NOT_VALID, caption_filter, left
from melablate.corpus.layout import COLUMNS, LICENSES, TABLE
from melablate.corpus.licenses import read_licenses
from melablate.corpus.lists import read_list
from melablate.corpus.settings import CaptionWords, Rules
from melablate.corpus.song_describer import read_song_describer
from melablate.corpus.tracks import Caption, Track
from real_tables import NO_SINGING, REAL, needs_real_tables

HEAD = ",".join(COLUMNS) + "\n"
ROW = "1,100,a song,True,0,7,70,00/100.mp3,30.0\n"


@pytest.fixture
def real(tmp_path: Path) -> list[Track]:
    shutil.copy(REAL, tmp_path / TABLE)
    return read_song_describer(tmp_path)


@needs_real_tables
def test_every_caption_of_the_real_table_is_kept_as_pandas_reads_it(real: list[Track]) -> None:
    table = pd.read_csv(REAL, dtype=str, keep_default_na=False)
    read = {caption.id: (track, caption) for track in real for caption in track.captions}
    assert len(read) == len(table) == 1106
    assert not any(track.fault or c.fault for track in real for c in track.captions)
    for row in table.itertuples():
        track, caption = read[row.caption_id]
        assert caption.text == row.caption
        assert caption.valid == (row.is_valid_subset == "True")
        assert (track.id, track.artists, track.album_id, track.path) == (
            row.track_id,
            (row.artist_id,),
            row.album_id,
            row.path.replace(".mp3", ".2min.mp3"),
        )
        assert track.duration == float(row.duration)
    assert Counter(len(track.captions) for track in real) == {1: 476, 2: 127, 3: 57, 4: 25, 5: 21}
    texts = [caption.text for _, caption in read.values()]
    assert sum("\n" in text for text in texts) == 4
    assert sum(not text.isascii() for text in texts) == 12
    assert [track.id for track in real] == sorted(track.id for track in real)


def used(tracks: list[Track], rules: Rules, only: Path | None = None) -> dict[str, set[str]]:
    reason = caption_filter(rules, read_list(only) if only else None, None)
    found = {track.id: {c.id for c in left(track, reason).used} for track in tracks}
    return {track: captions for track, captions in found.items() if captions}


@needs_real_tables
def test_filters_count_as_pandas_does(real: list[Track]) -> None:
    table = pd.read_csv(REAL, dtype=str, keep_default_na=False)
    valid = table[table.is_valid_subset == "True"]
    got = used(real, Rules())
    assert {c for ids in got.values() for c in ids} == set(valid.caption_id)
    assert set(got) == set(valid.track_id)
    listed = pd.read_csv(NO_SINGING, dtype=str)
    got = used(real, Rules(valid_only=False), NO_SINGING)
    assert {c for ids in got.values() for c in ids} == set(listed.caption_id)
    assert (sum(map(len, got.values())), len(got)) == (586, 446)
    got = used(real, Rules(), NO_SINGING)  # both rules hold
    assert sum(map(len, got.values())) == (listed.is_valid_subset == "True").sum()
    words = CaptionWords(any=("Piano", "hip hop"), none=("guitar",))
    got = used(real, Rules(valid_only=False, words=words))
    has = table.caption.str.contains(r"\b(?:piano|hip\s+hop)\b", case=False)
    wanted = table[has & ~table.caption.str.contains(r"\bguitar\b", case=False)]
    assert {c for ids in got.values() for c in ids} == set(wanted.caption_id)
    assert 20 < len(wanted) < 300


@needs_real_tables
def test_a_list_of_tracks_and_its_complement(real: list[Track], tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    chosen = [track.id for track in real[::7]]
    path.write_text("# chosen by hand\n" + "\n".join(chosen) + "\n\n")
    rules = Rules(valid_only=False)
    only = read_list(path)
    reasons = {
        "only": caption_filter(rules, only, None),
        "without": caption_filter(rules, None, only),
    }
    kept = {
        word: [track.id for track in real if left(track, reason).used]
        for word, reason in reasons.items()
    }
    assert kept["only"] == chosen
    assert sorted(kept["only"] + kept["without"]) == [track.id for track in real]
    dropped = left(real[1], reasons["only"])
    assert dropped.reason == "by the list: not in rules.only"


@pytest.mark.parametrize(
    ("text", "any_of", "none_of", "kept"),
    [
        ("A Piano piece", ("piano",), (), True),
        ("pianos", ("piano",), (), False),
        ("pianos", ("piano*",), (), True),
        ("a lead vocal line", ("vocal*",), (), True),
        ("hip hoppers", (), ("hip hop*",), False),
        ("univocal", ("vocal*",), (), False),
        ("hip\nhop beat", ("hip hop",), (), True),
        ("STRASSE", ("straße",), (), True),
        ("no singing", (), ("sing",), True),
        ("they sing.", (), ("sing",), False),
        ("café", (), ("caf",), True),
        ("drum & bass (c++)", ("c++",), (), True),
    ],
)
def test_words_are_whole_and_fold_case(
    text: str, any_of: tuple[str, ...], none_of: tuple[str, ...], kept: bool
) -> None:
    track = Track("1", "1.wav", (Caption("1", text),))
    rules = Rules(words=CaptionWords(any=any_of, none=none_of))
    assert bool(left(track, caption_filter(rules, None, None)).used) == kept


def read(tmp_path: Path, text: str | bytes) -> list[Track]:
    path = tmp_path / TABLE
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_song_describer(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD.replace("caption,", "", 1) + ROW, r"no column caption"),
        (HEAD.replace(",", ";") + ROW, r"no column caption_id.*separated by commas"),
        ("", r"no column caption_id, track_id"),
        (HEAD, r"has no captions"),
        (HEAD.replace("album_id", "artist_id") + ROW, r"no column album_id"),
        (HEAD.replace("\n", ",path\n") + ROW, r"line 1: the column path stands twice"),
        (HEAD + ROW.replace("a song", "one, two"), r"line 2: the number of fields is 10.*quote"),
        (HEAD + "1,100\n", r"line 2: the number of fields"),
        (HEAD + ROW.replace("100,", " ,", 1), r"line 2: track_id is blank"),
        (HEAD + ROW + '2,101,"a', r"line 3: cannot be read as a CSV table"),
        (HEAD + ROW + '2,101,"a" b,,0,7,70,p,1\n', r"line 3: cannot be read as a CSV table"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), r"cannot be read as UTF-8.*UTF-16.*iconv"),
        (HEAD.encode() + ROW.replace("song", "é").encode("latin-1"), r"line 2: .*iconv -f latin1"),
        (HEAD + ROW + ROW.replace("song", "so\0ng"), r"line 3: holds a NUL byte"),
    ],
)
def test_a_table_in_doubt_stops_with_file_line_and_mend(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    with pytest.raises(SystemExit, match=rf"(?s)song_describer\.csv.*{told}"):
        read(tmp_path, text)


GOOD = "9,900,another,True,0,8,80,00/900.mp3,30.0\n"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROW + ROW, "table: line 3: caption_id 1 stands in line 2 already"),
        (ROW.replace("1", " ", 1), "table: line 2: caption_id is blank"),
        (ROW.replace("a song", " "), "table: the caption is blank"),
        (ROW.replace("True", "maybe"), "table: line 2: is_valid_subset is 'maybe', needed is True"),
        (ROW.replace("a song", "la " * 10_000), "caption too long: 10000 words, allowed are 500"),
        (ROW.replace("True", ""), NOT_VALID),
    ],
)
def test_a_bad_caption_harms_no_other(tmp_path: Path, rows: str, told: str) -> None:
    bad, good = read(tmp_path, HEAD + rows + GOOD)
    reason = caption_filter(Rules(), None, None)
    assert [why[: len(told)] for _, why in left(bad, reason).dropped] == [told]
    assert left(good, reason).used[0].text == "another"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (ROW.replace("00/100", "../100"), "line 2: path ../100.mp3 leads out of the folder"),
        (ROW.replace("00/100", "/etc/100"), "line 2: path /etc/100.mp3 is absolute"),
        (ROW.replace("00/100", "C:\\100"), "line 2: path C:\\100.mp3 is absolute"),
        (ROW.replace("00/100.mp3", " "), "line 2: path is blank"),
        (ROW.replace("30.0", "long"), "line 2: duration 'long' is no number of seconds"),
        (ROW.replace("30.0", "nan"), "line 2: duration 'nan' is no number of seconds"),
        (ROW.replace("30.0", "inf"), "line 2: duration 'inf' is no number of seconds"),
        (ROW + "2,100,b,True,0,8,70,00/100.mp3,30.0\n", "line 3: artist_id is 8, in line 2 it is"),
        (ROW.replace(",100,", ",../x,"), "line 2: track_id '../x' cannot name a file"),
    ],
)
def test_a_bad_track_harms_no_other(tmp_path: Path, rows: str, told: str) -> None:
    bad, good = read(tmp_path, HEAD + rows + GOOD)
    assert bad.fault.startswith(f"table: {told}")
    assert not good.fault


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"does not exist\. Put"):
        read_song_describer(tmp_path)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quirks_are_read(tmp_path: Path, newline: str) -> None:
    rows = (
        '2,100,"two\nlines",,0,7,70,00/100.mp3,30.0\n3,100,é\u2028,false,0,7,70,00/100.mp3,30.0\n'
    )
    text = "\ufeff" + (HEAD + ROW + "\n" + rows).replace("\n", newline)
    (track,) = read(tmp_path, text)
    texts = [caption.text for caption in track.captions]
    assert texts == ["a song", f"two{newline}lines", "é\u2028"]
    assert [caption.valid for caption in track.captions] == [True, False, False]


def test_licenses_in_blocks_as_in_the_parent_corpus(tmp_path: Path) -> None:
    (tmp_path / LICENSES).write_text(
        "00/100.mp3\n1984 by The 200, from http://www.jamendo.com/track/100\n"
        "Available under a Creative Commons Attribution license: "
        "http://creativecommons.org/licenses/by/3.0/\n\n"
        "99/999.mp3\nof no track here\nAvailable under a Free Art license: "
        "http://artlibre.org/licence/lal/en\n\n"
        "00/200.mp3\nTwo by Two\nAvailable under a Creative Commons license: "
        "http://creativecommons.org/licenses/by-nc/2.0/fr/\n"
    )
    found = read_licenses(tmp_path / LICENSES, {"100", "200", "1984"})
    assert {track: license.url for track, license in found.items()} == {
        "100": "http://creativecommons.org/licenses/by/3.0/",
        "200": "http://creativecommons.org/licenses/by-nc/2.0/fr/",
    }
    assert found["100"].text.splitlines()[1].startswith("1984 by The 200")
    (tmp_path / TABLE).write_text(HEAD + ROW)
    (track,) = read_song_describer(tmp_path)
    assert track.license == "http://creativecommons.org/licenses/by/3.0/"
    assert "by The 200" in track.license_text


def test_texts_of_licenses_without_a_known_address_travel(tmp_path: Path) -> None:
    (tmp_path / LICENSES).write_text(
        "00/100.mp3\nA by B\nAll rights reserved, used by permission\n\n"
        "00/200.mp3\nhttps://www.gnu.org/licenses/fdl-1.3.html\n\n"
        "00/300.mp3\n\n"
    )
    found = read_licenses(tmp_path / LICENSES, {"100", "200", "300"})
    assert {track: license.url for track, license in found.items()} == {"100": "", "200": ""}
    assert "used by permission" in found["100"].text and "fdl-1.3" in found["200"].text


def test_licenses_in_other_forms_are_found_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / LICENSES
    path.write_text(
        "100: by A, http://creativecommons.org/licenses/by/3.0/\n\n"
        "Track 200\nhttps://creativecommons.org/licenses/by-nc/2.0/fr/\n"
        "Track 300, all rights asked\n"
    )
    found = read_licenses(path, {"100", "200", "300"})
    assert {track: license.url for track, license in found.items()} == {
        "100": "http://creativecommons.org/licenses/by/3.0/",
        "200": "https://creativecommons.org/licenses/by-nc/2.0/fr/",
    }
    assert read_licenses(tmp_path / "none.txt", {"100"}) == {}


@pytest.mark.parametrize("name", ["list.txt", "list.csv", "list.tsv"])
@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_list_is_read_by_what_separates_its_head(
    tmp_path: Path, name: str, separator: str
) -> None:
    rows = ("caption_id", "track_id"), ("1", "101"), ("2", "102")
    (tmp_path / name).write_text("".join(separator.join(row) + "\n" for row in rows))
    assert read_list(tmp_path / name).ids == {"1", "2"}


@pytest.mark.parametrize(
    ("text", "told"),
    [("name,size\na,1\n", r"line 1: a table without a column caption_id"), ("# none\n", "nothing")],
)
def test_a_list_without_ids_stops(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(SystemExit, match=told):
        read_list(tmp_path / "list.csv")
