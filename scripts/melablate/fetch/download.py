"""One file from the web into a hidden part file: resumed where it broke, checked, then renamed.

A part is joined to bytes of another attempt only if the site says that its file is the same one
(If-Range, ETag, the total in Content-Range); what comes of it must have the promised checksum.
"""

import errno
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from ..files import write_json
from .checksums import differs
from .wanted import FetchError, Wanted
from .web import LATER, LOST, Web, lost, pause, refused

BLOCK = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class AgainError(Exception):
    """This attempt failed; another may not."""

    def __init__(self, problem: str, answer: requests.Response | None = None) -> None:
        super().__init__(problem)
        self.answer = answer


class WrongError(AgainError):
    """The bytes were not those of the promised file."""


@dataclass
class Part:
    """What has come of a file so far, and of which file on the site it is a part."""

    path: Path
    unconditional: bool = False
    """The site does not know If-Range."""

    @property
    def card(self) -> Path:
        """Beside the bytes: what the site called its file."""
        return self.path.with_name(self.path.name + ".json")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def seen(self) -> dict[str, Any]:
        """What the site said when the part was begun."""
        try:
            card = json.loads(self.card.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return card if isinstance(card, dict) else {}

    def etag(self, address: str) -> str:
        """What an address called the file; empty where that cannot vouch for its bytes."""
        seen = self.seen()
        known = str(seen.get("etag", "")) if seen.get("address") == address else ""
        return known if known.startswith('"') else ""

    def begin(self, address: str, headers: Mapping[str, str]) -> None:
        """Empty, of the file that the site has now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        write_json(self.card, {"address": address, "etag": headers.get("ETag", "")})

    def forget(self) -> None:
        """Away with it."""
        self.path.unlink(missing_ok=True)
        self.card.unlink(missing_ok=True)


def download(
    web: Web, file: Wanted, part: Part, target: Path, step: Callable[[int], None] = lambda _: None
) -> None:
    """Fetch a file from the first address that has the right one; nothing wrong stays behind."""
    problems = []
    for base in web.addresses(file.site):
        try:
            _from(web, file, part, f"{base}/{file.address}", step)
        except FetchError as error:
            problems.append(str(error))
            continue
        except OSError as error:
            raise _full(error, part, target) from None
        _settle(part, target)
        return
    raise FetchError("\n".join(problems))


def _from(web: Web, file: Wanted, part: Part, address: str, step: Callable[[int], None]) -> None:
    """Attempt until the part is whole and right; only attempts that bring nothing count."""
    in_vain, wrong = 0, 0
    problem: AgainError | None = None
    while in_vain < web.settings.attempts:
        if in_vain:
            pause(web.settings, in_vain, problem.answer if problem else None)
        before = part.size
        try:
            _attempt(web, file, part, address, step)
            _check(file, part)
            return
        except WrongError as error:
            problem = error
            wrong += 1
            part.forget()
            if wrong == 2:  # once may be a part of an older file
                break
        except AgainError as error:
            problem = error
        in_vain = 0 if part.size > before else in_vain + 1
    raise FetchError(
        f"{address}: {problem}; given up. Try again later, or name another address in "
        f"fetch.sites.{file.site}, or put the file there by hand"
    )


def _check(file: Wanted, part: Part) -> None:
    said = differs(part.path, file.size, file.checksums)
    if said:
        raise WrongError(f"wrong bytes: {said}")


def _attempt(web: Web, file: Wanted, part: Part, address: str, step: Callable[[int], None]) -> None:
    """One request, until its answer ends; nothing to ask for where all bytes are there."""
    have = part.size
    if have and have == file.size:
        return
    headers = {"Accept-Encoding": "identity"} | _go_on(file, part, address, have)
    try:
        answer = web.get(address, **headers)
    except LOST as error:
        raise AgainError(lost(error)) from None
    with answer:
        _begin(file, part, answer, address, have if "Range" in headers else 0)
        return _receive(file, part, answer, step)


def _go_on(file: Wanted, part: Part, address: str, have: int) -> dict[str, str]:
    """Headers that ask for the rest; none where nothing could tell that it is of another file."""
    etag = part.etag(address)
    if not have or not (etag or file.checksums):
        return {}
    ask = {"Range": f"bytes={have}-"}
    return ask if part.unconditional or not etag else ask | {"If-Range": etag}


def _begin(file: Wanted, part: Part, answer: requests.Response, address: str, have: int) -> None:
    """Make the part ready for the answer's body, or say why it is not wanted."""
    status = answer.status_code
    if status == 416 and have:
        part.forget()
        raise AgainError("the site has less than we have; from the start", answer)
    if status not in (200, 206):
        problem = refused(address, answer)
        if status in LATER:
            raise AgainError(problem, answer)
        raise FetchError(problem)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchError(f"{address}: the site sends the file in another form than asked for")
    same = answer.headers.get("ETag", "") == part.etag(address) != ""
    if status == 200 and have and same and file.checksums and not part.unconditional:
        part.unconditional = True
        raise AgainError("the site sent all of it again", answer)
    if status == 206 and not _continues(file, part, answer, address, have):
        part.forget()
        raise AgainError("the site's file is not the one that was begun; from the start", answer)
    if status == 200:
        promised = answer.headers.get("Content-Length", "")
        if file.size is not None and promised.isdecimal() and int(promised) > file.size:
            raise WrongError(f"the site has {promised} bytes, not {file.size}: another file")
        part.begin(address, answer.headers)


def _continues(
    file: Wanted, part: Part, answer: requests.Response, address: str, have: int
) -> bool:
    """Whether the answer is the rest of the very file that was begun."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if not have or found is None or int(found[1]) != have:
        return False
    if file.size is not None and found[2] not in ("*", str(file.size)):
        return False
    now, before = answer.headers.get("ETag", ""), part.etag(address)
    return not now or not before or now == before


def _receive(
    file: Wanted, part: Part, answer: requests.Response, step: Callable[[int], None]
) -> None:
    """Add the body to the part."""
    size = part.size
    with part.path.open("ab", buffering=0) as out:
        while True:
            try:
                block = answer.raw.read1(BLOCK, decode_content=False)
            except LOST as error:
                raise AgainError(f"cut off after {size} bytes ({lost(error)})") from None
            if not block:
                break
            size += len(block)
            if file.size is not None and size > file.size:
                raise WrongError(f"more than the promised {file.size} bytes")
            out.write(block)
            step(size)
    if file.size is not None and size < file.size:
        raise AgainError(f"ended after {size} of {file.size} bytes")


def _settle(part: Part, target: Path) -> None:
    """On disk first, then under its name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with part.path.open("rb") as file:
        os.fsync(file.fileno())
    part.path.replace(target)
    part.forget()


def _full(error: OSError, part: Part, target: Path) -> FetchError:
    if error.errno not in FULL:
        return FetchError(f"{target}: cannot be written: {error}")
    return FetchError(
        f"{target}: no space left after {part.size} bytes ({error.strerror}); make room, or name "
        "a folder elsewhere in fetch.folder, and say the same command again: it goes on from there"
    )
