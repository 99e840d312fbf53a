"""Each track's licence, found in the licence file that travels with the audio."""

import re
from collections.abc import Container
from pathlib import Path

NUMBER = re.compile(r"\d+")
LICENSE_URL = re.compile(r"https?://creativecommons\.org/[^\s,;\"'<>)]+")


def read_licenses(path: Path, tracks: Container[str]) -> dict[str, str]:
    """The first Creative Commons address on or below a line that names the track.

    A file without licences, or none at all, gives an empty answer: nothing is guessed.
    """
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    current = ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        url = LICENSE_URL.search(line)
        rest = LICENSE_URL.sub("", line)  # addresses hold numbers too
        current = next((n for n in NUMBER.findall(rest) if n in tracks), current)
        if url and current:
            found.setdefault(current, url[0])
    return found
