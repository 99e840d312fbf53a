"""Each track's licence, found in the licence file that travels with the audio.

Song Describer's `audio_licenses.txt` is that of its parent, MTG-Jamendo: a line with the
track's path (`14/214.mp3`), lines with title, artist and source, and one such as `Available
under a Creative Commons … license: http://creativecommons.org/licenses/…`; then a blank line.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

NUMBER = re.compile(r"\d+")
PATH_LINE = re.compile(r"(?:\d+/)?(\d+)(?:\.2min)?\.mp3")
LICENSE_URL = re.compile(
    r"https?://(?:www\.)?(?:creativecommons\.org|artlibre\.org)/[^\s,;\"'<>)]+"
)


@dataclass
class License:
    """The address of a licence, and all that the file says of the track."""

    url: str = ""
    text: str = ""


def read_licenses(path: Path, tracks: Container[str]) -> dict[str, License]:
    """Of each track that the file names: the first licence address on or below its line.

    In blocks the text counts where it has no such address ("all rights reserved"); elsewhere a
    line with a number may speak of anything, so nothing is guessed.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    blocks = any(PATH_LINE.fullmatch(line.strip()) for line in lines)
    found: dict[str, License] = {}
    current: License | None = None
    for line in lines:
        named = _path_of(line) if blocks else _number_in(line, tracks)
        if named is not None:
            current = found.setdefault(named, License())
        if current is not None and line.strip():
            url = LICENSE_URL.search(line)
            current.url = current.url or (url[0].rstrip(".") if url else "")
            current.text += ("\n" if current.text else "") + line.strip()
        elif blocks:
            current = None  # a blank line ends the block
    told = {name: known for name, known in found.items() if name in tracks}
    return {name: k for name, k in told.items() if k.url or (blocks and "\n" in k.text)}


def _path_of(line: str) -> str | None:
    whole = PATH_LINE.fullmatch(line.strip())
    return whole[1] if whole else None


def _number_in(line: str, tracks: Container[str]) -> str | None:
    """In a file without such blocks a line names a track by its number anywhere."""
    rest = LICENSE_URL.sub("", line)  # addresses hold numbers too
    return next((number for number in NUMBER.findall(rest) if number in tracks), None)
