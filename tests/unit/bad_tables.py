"""Caption tables, lists and texts that are broken, each with what must be told of it.

A table either stops with one error that names it (`stops`), or its bad rows are told one by one
(`tells`) and the rest is used. Where nothing is told, the table only looks strange.
"""

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEAD = "caption_id,track_id,caption,is_valid_subset,familiarity,artist_id,album_id,path,duration\n"
GOOD = ("101", "102", "103", "104")
"""Tracks whose audio and rows are good in every case."""


def row(caption_id: str, track: str, caption: str = "a song", **other: str) -> str:
    """A row of Song Describer's table."""
    values = {"valid": "True", "artist": f"7{track}", "path": f"00/{track}.mp3", "duration": "1.0"}
    v = values | other
    return (
        f"{caption_id},{track},{caption},{v['valid']},0,{v['artist']},80,{v['path']},"
        f"{v['duration']}\n"
    )


ROWS = "".join(row(str(number), track) for number, track in enumerate(GOOD))
TABLE = HEAD + ROWS


@dataclass(frozen=True)
class Case:
    """A file of the corpus, and what the scan must say."""

    make: str | bytes | Callable[[Path], object]
    """Its text, its bytes, or what lays it there."""
    stops: str = ""
    """A pattern of the error, which also names the file."""
    tells: str = ""
    """A pattern of a reason in the list of what was set aside."""
    lost: tuple[str, ...] = ()
    """Good tracks or files that it takes with it."""
    name: str = ""
    """The file, where it is not the table."""

    def lay(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(self.make):
            self.make(path)
        else:
            data = self.make.encode() if isinstance(self.make, str) else self.make
            path.write_bytes(data)


def with_row(text: str) -> str:
    """The good rows, and one more in their midst."""
    first, second = ROWS[: len(ROWS) // 2], ROWS[len(ROWS) // 2 :]
    return HEAD + first + text + second


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


WORDS = "la " * 10_000
ENDS = (b".wav", b".txt")
SONG_DESCRIBER: dict[str, Case] = {
    # tables that only look strange
    "byte order mark": Case("\ufeff" + TABLE),
    "carriage returns": Case(TABLE.replace("\n", "\r\n")),
    "old carriage returns": Case(TABLE.replace("\n", "\r")),
    "no newline at the end": Case(TABLE.rstrip("\n")),
    "empty lines": Case(TABLE.replace("\n", "\n\n")),
    "columns in another order": Case(
        "\n".join(",".join(reversed(line.split(","))) for line in TABLE.splitlines())
    ),
    "one more column": Case(TABLE.replace("\n", ",more\n")),
    "spaces in the head": Case(TABLE.replace(",", " , ", 8)),
    "newlines and quotes in a caption": Case(
        with_row(row("9", "105", '"one, ""two""\nthree"')), tells="missing: no such file"
    ),
    "captions of all planes": Case(TABLE.replace("a song", "é 曲 🎵 \u202e \u0301")),
    "formulas": Case(TABLE.replace("a song", "=cmd|'/c calc'!A1")),
    "markup": Case(TABLE.replace("a song", "<script>alert(1)</script>")),
    # tables that cannot be trusted
    "no bytes": Case(b"", stops="no column"),
    "one newline": Case("\n", stops="no column"),
    "head alone": Case(HEAD, stops="has no captions"),
    "no head": Case(ROWS, stops="no column caption_id"),
    "missing column": Case(TABLE.replace("artist_id", "artist"), stops="no column artist_id"),
    "column twice": Case(TABLE.replace("duration\n", "duration,path\n"), stops="path stands twice"),
    "semicolons": Case(TABLE.replace(",", ";"), stops="separated by commas"),
    "tabs": Case(TABLE.replace(",", "\t"), stops="separated by commas"),
    "quote never closed": Case(with_row('9,105,"open,True,0,1,1,p,1\n'), stops="line 4: .*quote"),
    "text after a quote": Case(with_row(row("9", "105", '"a" song')), stops="line 4: .*quote"),
    "comma without quotes": Case(with_row(row("9", "105", "a, song")), stops="line 4: .*fields"),
    "row cut short": Case(TABLE + "9,105,a so", stops="line 6: .*fields"),
    "row of one field": Case(with_row("9\n"), stops="line 4: .*fields"),
    "100,000 fields": Case(with_row("," * 100_000 + "\n"), stops="line 4: .*fields"),
    "field of a megabyte": Case(
        with_row(row("9", "105", "la " * 350_000)), stops="line 4: .*limit"
    ),
    "Latin-1": Case(TABLE.replace("song", "café").encode("latin-1"), stops="line 2: .*latin1"),
    "UTF-16": Case(TABLE.encode("utf-16"), stops="UTF-16.*iconv"),
    "UTF-16 without a mark": Case(TABLE.encode("utf-16-le"), stops="NUL byte"),
    "UTF-32": Case(TABLE.encode("utf-32"), stops="UTF-16|NUL"),
    "a NUL": Case(TABLE.replace("song", "so\0ng"), stops="line 2: holds a NUL"),
    "gzip": Case(gzip.compress(TABLE.encode(), mtime=0), stops="UTF-8"),
    "page of an error": Case("<html><body>404</body></html>\n", stops="no column"),
    "JSON": Case('[{"caption_id": 1}]\n', stops="no column"),
    "blank track": Case(with_row(row("9", " ")), stops="line 4: track_id is blank"),
    "absent": Case(lambda path: None, stops="does not exist"),
    "folder": Case(lambda path: path.mkdir(), stops="no plain file"),
    "pipe": Case(pipe, stops="no plain file"),
    "cyclic link": Case(link_to_itself, stops="cannot be read"),
    "link to zeros without end": Case(link_to_zeros, stops="no plain file"),
    # rows that are set aside
    "caption of 10,000 words": Case(
        with_row(row("9", "105", WORDS)), tells="caption too long: 10000 words"
    ),
    "caption of one word of 100,000 letters": Case(
        with_row(row("9", "105", "a" * 100_000)), tells="missing: no such file"
    ),
    "empty caption": Case(with_row(row("9", "105", "")), tells="the caption is blank"),
    "caption of spaces": Case(with_row(row("9", "105", " \u3000")), tells="the caption is blank"),
    "doubled caption_id": Case(with_row(row("1", "103")), tells="line 4: caption_id 1 stands in"),
    "blank caption_id": Case(with_row(row(" ", "103")), tells="line 4: caption_id is blank"),
    "doubled row": Case(with_row(row("1", "102")), tells="line 4: caption_id 1 stands in"),
    "wrong mark": Case(
        with_row(row("9", "103", valid="maybe")), tells="is_valid_subset is 'maybe'"
    ),
    "another path for a track": Case(
        with_row(row("9", "101", path="00/999.mp3")), tells="line 4: path is", lost=("101",)
    ),
    "another artist for a track": Case(
        with_row(row("9", "101", artist="1")), tells="line 4: artist_id is 1", lost=("101",)
    ),
    "path of two dots": Case(
        with_row(row("9", "105", path="../../105.mp3")), tells="leads out of the folder"
    ),
    "absolute path": Case(with_row(row("9", "105", path="/etc/passwd")), tells="is absolute"),
    "path of a drive": Case(with_row(row("9", "105", path="C:\\a.mp3")), tells="is absolute"),
    "blank path": Case(with_row(row("9", "105", path="")), tells="path is blank"),
    "path of one dot": Case(
        with_row(row("9", "105", path=".")), tells="line 4: path .* names no file"
    ),
    "path of a slash at its end": Case(
        with_row(row("9", "105", path="00/")), tells="missing: no such file"
    ),
    "path of 5,000 letters": Case(
        with_row(row("9", "105", path="a" * 5000)), tells="unreadable: File name too long"
    ),
    "path with a newline": Case(
        with_row(row("9", "105", path='"a\nb.mp3"')), tells="a character that no path may have"
    ),
    "track that names a path": Case(
        with_row(row("9", "../105")), tells="track_id '../105' cannot name a file"
    ),
    "track of 5,000 letters": Case(with_row(row("9", "x" * 5000)), tells="cannot name a file"),
    "no audio": Case(with_row(row("9", "105")), tells="missing: no such file"),
    "duration in words": Case(with_row(row("9", "105", duration="long")), tells="duration 'long'"),
    "duration that is no number": Case(with_row(row("9", "105", duration="nan")), tells="'nan'"),
    "duration without end": Case(with_row(row("9", "105", duration="1e999")), tells="'1e999'"),
    "negative duration": Case(with_row(row("9", "105", duration="-3")), tells="duration '-3'"),
    "the audio of another track": Case(
        with_row(row("9", "105", path="00/101.mp3")), tells="duplicate: the same audio"
    ),
    "duration longer than the audio": Case(
        TABLE.replace("00/102.mp3,1.0", "00/102.mp3,60"),
        tells="truncated: decoded 1.0 s of 60.0 s",
        lost=("102",),
    ),
    # licences, which are a help and no condition
    "licences in Latin-1": Case("00/101.mp3\nCafé\n".encode("latin-1"), name="audio_licenses.txt"),
    "licences that are bytes": Case(bytes(range(256)) * 50, name="audio_licenses.txt"),
    "licences in a folder": Case(lambda path: path.mkdir(), name="audio_licenses.txt"),
    "licences from a pipe": Case(pipe, name="audio_licenses.txt"),
}


def json_rows(*more: object) -> str:
    """The good files as JSON lines, and more after them."""
    rows = [{"file_name": f"00/{track}.2min.mp3", "text": f"song {track}"} for track in GOOD]
    texts = [line if isinstance(line, str) else json.dumps(line) for line in (*rows, *more)]
    return "\n".join(texts) + "\n"


def file(name: object, text: object = "x", **other: object) -> dict[str, object]:
    return {"file_name": name, "text": text, **other}


FIRST = f"00/{GOOD[0]}.2min.mp3"
FOLDER: dict[str, Case] = {
    "mark and carriage returns": Case("\ufeff" + json_rows().replace("\n", "\r\n")),
    "line that is no JSON": Case(json_rows('{"file_name": "a.wav", '), tells="line 5: not JSON"),
    "line that is a list": Case(json_rows(["a.wav"]), tells="line 5: no JSON object"),
    "line that is null": Case(json_rows(None), tells="line 5: no JSON object: null"),
    "brackets without end": Case(json_rows("[" * 100_000), tells="line 5: not JSON"),
    "number of 10,000 digits": Case(
        json_rows('{"file_name": "a.wav", "text": ' + "9" * 10_000 + "}"), tells="line 5: not JSON"
    ),
    "half a character": Case(
        json_rows('{"file_name": "a.wav", "text": "\\ud83c"}'), tells="Unicode"
    ),
    "half a character as a key": Case(json_rows('{"\\udc00": 1, "text": "x"}'), tells="Unicode"),
    "no file": Case(json_rows({"text": "x"}), tells="line 5: file_name is blank"),
    "file that is a number": Case(json_rows(file(5)), tells="line 5: file_name is"),
    "file that is a list": Case(json_rows(file(["a.wav"])), tells="line 5: file_name is"),
    "file that is an object": Case(
        json_rows(file({"path": "a.wav"})), tells="line 5: file_name is"
    ),
    "caption that is a number": Case(
        json_rows(file("00/105.wav", 5)), tells="the caption is no text"
    ),
    "caption that is an object": Case(
        json_rows(file("00/105.wav", {"en": "x"})), tells="the caption is no text"
    ),
    "captions of which one is null": Case(
        json_rows(file("00/105.wav", ["x", None])), tells="the caption is blank|missing"
    ),
    "no captions in a list": Case(json_rows(file("00/105.wav", [])), tells="no caption"),
    "caption of 10,000 words": Case(json_rows(file("00/105.wav", WORDS)), tells="caption too long"),
    "caption twice": Case(
        json_rows(file(FIRST, f"song {GOOD[0]}")), tells="the same file and caption stand in line 1"
    ),
    "track twice": Case(
        json_rows(file("a.wav", track_id="t"), file("b.wav", track_id="t")),
        tells="track_id t is that of line 5 already",
    ),
    "artist in contradiction": Case(
        json_rows(file(FIRST, "y", artist="Z")), tells="line 5: artist is Z", lost=(GOOD[0],)
    ),
    "artist that is an object": Case(
        json_rows(file("00/105.wav", artist={"name": [1, {"a": None}]})), tells="missing"
    ),
    "no table at all": Case(
        lambda path: None,
        tells="no caption: no 101.2min.txt beside it.*Mend the files and captions",
        lost=GOOD,
    ),
    "no line is JSON": Case("file_name,text\na.wav,x\n", stops="line 1: no line is a JSON object"),
    "one JSON list": Case(json.dumps([file("a.wav")], indent=1), stops="no line is a JSON object"),
    "no bytes": Case(b"", stops="has no rows"),
    "pipe": Case(pipe, stops="no plain file"),
    "no column of files": Case(
        '{"caption": "x"}\n', stops="no column tells the file.*columns.file"
    ),
    "no column of captions": Case(
        '{"file_name": "a.wav"}\n', stops="no column tells the caption.*columns.caption"
    ),
    "two tables": Case(
        lambda path: [
            (path.parent / name).write_text("path,text\n") for name in ("a.csv", "b.csv")
        ],
        stops="several tables: a.csv, b.csv.*`table`",
    ),
    "two columns of one name in another case": Case(
        json_rows() + json.dumps({"FILE_NAME": "a.wav", "file_name": FIRST, "text": "y"})
    ),
}

LISTS: dict[str, Case] = {
    "no bytes": Case(b"", stops="lists nothing"),
    "comments alone": Case("# none\n", stops="lists nothing"),
    "absent": Case(lambda path: None, stops="does not exist"),
    "pipe": Case(pipe, stops="no plain file"),
    "of another data set": Case("9001\n9002\n", stops="none of its 2 ids"),
    "no column of ids": Case("name,size\na,1\n", stops="caption_id or track_id"),
    "UTF-16": Case("track_id\n101\n".encode("utf-16"), stops="UTF-16"),
    "quote never closed": Case('track_id,x\n101,"a\n', stops="line 2: .*quote"),
    "mark, carriage returns and strangers": Case(
        "\ufefftrack_id\r\n101\r\n102\r\n103\r\n104\r\n99\r\n"
    ),
}

SIDECARS: dict[str, Case] = {
    "mark and carriage returns": Case("\ufeffone\r\ntwo\r\n"),
    "no bytes": Case(b"", tells="the caption is blank", lost=GOOD[:1]),
    "newlines alone": Case("\n \n", tells="the caption is blank", lost=GOOD[:1]),
    "Latin-1": Case("café".encode("latin-1"), tells="is not in UTF-8", lost=GOOD[:1]),
    "bytes": Case(bytes(range(256)), tells="is not in UTF-8", lost=GOOD[:1]),
    "10,000 words": Case(WORDS, tells="caption too long: 10000 words", lost=GOOD[:1]),
    "pipe": Case(
        pipe,
        tells="no caption: no 101.2min.txt beside it",
        lost=GOOD[:1],
    ),
    "folder": Case(lambda path: path.mkdir(), tells="no caption: no 101", lost=GOOD[:1]),
    "cyclic link": Case(link_to_itself, tells="no caption: no 101", lost=GOOD[:1]),
    "link to zeros without end": Case(link_to_zeros, tells="no caption: no 101", lost=GOOD[:1]),
    "text alone": Case("a song without sound", tells="missing: no audio file", name="lonely.txt"),
    "name that is no UTF-8": Case(
        lambda path: [path.with_name(os.fsdecode(b"\xe4" + end)).write_text("x") for end in ENDS],
        tells="name: not in UTF-8",
        name="absent",
    ),
    "text alone of a name that is no UTF-8": Case(
        lambda path: path.with_name(os.fsdecode(b"\xe4.txt")).write_text("x"),
        tells=r"missing: no audio file beside \\udce4.txt",
        name="absent",
    ),
    "folders in a circle": Case(lambda path: path.symlink_to(".."), name="round"),
}
