"""Requests to sites: addresses in order, patience, and errors that say what to do."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from .settings import Fetch
from .wanted import FetchError

T = TypeVar("T")
LOST = (requests.RequestException, HTTPError)
"""How a connection fails."""
LATER = {408, 425, 429, 500, 502, 503, 504}
LONGEST = 60.0
OURS = "huggingface.co"


class Web:
    """A session with the sites of the settings."""

    def __init__(self, settings: Fetch) -> None:
        self.settings = settings
        self.session = requests.Session()
        self.session.headers["User-Agent"] = "melablate-fetch"

    def addresses(self, site: str) -> tuple[str, ...]:
        """The site's addresses, in order."""
        known: tuple[str, ...] = getattr(self.settings.sites, site)
        return known

    def get(self, address: str, **headers: str) -> requests.Response:
        """An open answer, of any status; the body is not read yet."""
        time_out = (min(self.settings.timeout, 30.0), self.settings.timeout)
        answer = self.session.get(
            address, headers=headers | token(address), stream=True, timeout=time_out
        )
        if address.startswith("https:") and not answer.url.startswith("https:"):
            answer.close()
            raise FetchError(f"{address}: leads to {answer.url}, where anybody may change it")
        return answer

    def ask(self, site: str, address: str, read: Callable[[list[Any]], T]) -> T:
        """What `read` makes of the pages in JSON, from the first address where it can."""
        problems: list[str] = []
        for base in self.addresses(site):
            where = f"{base}/{address}"
            try:
                return read(list(self._pages(where)))
            except FetchError as error:
                problems.append(str(error))
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                said = f"{type(error).__name__}: {error}"
                problems.append(f"{where}: JSON of another form ({said}); is the address right?")
        raise FetchError("\n".join(problems))

    def _pages(self, address: str) -> Iterator[Any]:
        start, following = urlsplit(address), address
        while following:
            answer = self._patiently(following)
            try:
                yield answer.json()
            except LOST as error:
                raise FetchError(f"{following}: no JSON ({error}); is the address right?") from None
            link = answer.links.get("next", {}).get("url", "")
            following = urljoin(following, link) if link else ""
            if following and urlsplit(following)[:2] != start[:2]:
                raise FetchError(f"{address}: its next page is at another site ({following})")

    def _patiently(self, address: str) -> requests.Response:
        problem = ""
        for attempt in range(self.settings.attempts):
            if attempt:
                pause(self.settings, attempt, answer=None)
            try:
                answer = self.get(address)
                if answer.status_code == 200 and answer.content is not None:  # all of it read
                    return answer
            except LOST as error:
                problem = lost(error)
                continue
            problem = refused(address, answer)
            if answer.status_code not in LATER:
                raise FetchError(problem)
        raise FetchError(f"{address}: given up after {self.settings.attempts} attempts: {problem}")


def token(address: str) -> dict[str, str]:
    """A person's token for gated models, shown to Hugging Face itself and to nobody else."""
    parts, secret = urlsplit(address), os.environ.get("HF_TOKEN", "")
    safe = parts.scheme == "https" and parts.hostname == OURS
    return {"Authorization": f"Bearer {secret}"} if secret and safe else {}


def pause(settings: Fetch, attempt: int, answer: requests.Response | None) -> None:
    """Wait before an attempt: twice as long each time, or as long as the site asks."""
    asked = (answer.headers.get("Retry-After", "") if answer is not None else "").strip()
    seconds = min(settings.wait * 2 ** (attempt - 1), LONGEST)
    if asked.isdecimal():
        seconds = max(seconds, min(float(asked), 5 * LONGEST))
    time.sleep(seconds)


def lost(error: Exception) -> str:
    """What happened to a connection, without the address of the object in memory."""
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    reason = getattr(inner, "reason", None) or inner
    return f"{type(reason).__name__}: {str(reason).partition('>: ')[2] or reason}"


def refused(address: str, answer: requests.Response) -> str:
    """What a status means, and how to mend it."""
    status = answer.status_code
    if status in (401, 403):
        mend = (
            "not allowed. If the model is gated, accept its licence on its page and set HF_TOKEN "
            "to a token of yours; or put the file there by hand, or name a mirror in fetch.sites"
        )
    elif status in (404, 410):
        mend = "no such file there. Name another address in fetch.sites, or put the file by hand"
    elif status in LATER:
        mend = f"the site is busy or broken ({answer.reason}); try again later"
    else:
        mend = f"refused ({answer.reason}); look at the address in a browser"
    return f"{address}: HTTP {status}: {mend}"
