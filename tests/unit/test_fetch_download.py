"""A file arrives whole and right whatever the site does, or not at all."""

import errno
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetch_server import Fault, Site, running
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from melablate.fetch import download as module
from melablate.fetch.download import Part, download
from melablate.fetch.settings import Fetch, Sites
from melablate.fetch.wanted import FetchError, Wanted
from melablate.fetch.web import Web, token

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
PATH = "/a/b.safetensors"
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site(files={PATH: BODY})) as made:
        yield made


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(tmp_path / ".parts" / "b.part")


def web(*addresses: str, **more: float) -> Web:
    more = {"attempts": 4, "timeout": 0.3, "wait": 0.0} | more
    return Web(Fetch(sites=Sites(github=addresses), **more))  # type: ignore[arg-type]


def wanted(size: int | None = len(BODY), sha256: str | None = SHA256) -> Wanted:
    return Wanted("b", "github", PATH[1:], size, {"sha256": sha256} if sha256 else {})


def fetched(site: Site, part: Part, file: Wanted | None = None) -> bytes:
    target = part.path.parents[1] / "right" / "b"
    download(web(site.address), file or wanted(), part, target)
    assert not part.path.exists() and not part.card.exists()
    return target.read_bytes()


def nothing_is_left(part: Part) -> bool:
    """Under any name but the hidden one."""
    root = part.path.parents[1]
    return [p for p in root.rglob("*") if p.is_file() and ".parts" not in p.parts] == []


FAULTS = {
    "cut": [Fault(cut=100_000)],
    "cut at once, and again": [Fault(cut=0), Fault(cut=5), Fault(cut=70_000)],
    "stalls": [Fault(cut=120_000, stall=1.0)],
    "says it is longer": [Fault(lie=500_000)],
    "says it is shorter": [Fault(lie=-200_000)],
    "says no length, and is cut": [Fault(no_length=True, cut=9)],
    "wrong bytes once": [Fault(body=OTHER)],
    "an error page that says it is well": [Fault(body=b"<html>not today</html>")],
    "503, then 429": [Fault(status=503), Fault(status=429, headers={"Retry-After": "0"})],
    "408, 500, 502": [Fault(status=408), Fault(status=500), Fault(status=502)],
    "refuses ranges": [Fault(cut=50_000), Fault(no_ranges=True)],
    "range of another place": [Fault(cut=9), Fault(headers={"Content-Range": "bytes 0-8/300000"})],
    "range of another file": [Fault(cut=9), Fault(headers={"ETag": '"another"'})],
    "range of nonsense": [Fault(cut=9), Fault(headers={"Content-Range": "pages 1-3"})],
    "wrong bytes in the rest": [Fault(cut=9), Fault(body=OTHER[9:])],
    "416 in the middle": [Fault(cut=9), Fault(status=416)],
    "ends too early, politely": [Fault(body=BODY[:1000])],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_it_comes_whole_whatever_goes_wrong(site: Site, part: Part, faults: list[Fault]) -> None:
    site.faults[PATH] = list(faults)
    assert fetched(site, part) == BODY


@limits(max_examples=25)
@given(cuts=st.lists(st.integers(0, 300_000), max_size=6), ranges=st.booleans())
def test_any_cuts(tmp_path_factory: pytest.TempPathFactory, cuts: list[int], ranges: bool) -> None:
    with running(Site(files={PATH: BODY})) as site:
        site.faults[PATH] = [Fault(cut=cut, no_ranges=not ranges) for cut in cuts]
        part = Part(tmp_path_factory.mktemp("x") / ".parts" / "b.part")
        target = part.path.parents[1] / "b"
        download(web(site.address, attempts=8), wanted(), part, target)
        assert target.read_bytes() == BODY


def test_what_came_is_not_asked_for_again(site: Site, part: Part) -> None:
    site.faults[PATH] = [Fault(cut=100_000), Fault(cut=50_000), Fault()]
    assert fetched(site, part) == BODY
    assert site.ranges(PATH) == ["", "bytes=100000-", "bytes=150000-"]
    assert site.sent == len(BODY)
    assert site.asked[1].headers["If-Range"].startswith('"')


def test_a_later_run_goes_on(site: Site, part: Part) -> None:
    site.faults[PATH] = [Fault(cut=100_000)] + [Fault(status=503)] * 4
    with pytest.raises(FetchError, match="503"):
        fetched(site, part)
    assert nothing_is_left(part) and part.size == 100_000
    assert fetched(site, part) == BODY
    assert site.ranges(PATH)[-1] == "bytes=100000-" and site.sent < len(BODY) + 1000


def test_a_file_that_changed_is_begun_anew(site: Site, part: Part) -> None:
    """Also where nobody promised its bytes: the halves of two files never become one."""
    site.faults[PATH] = [Fault(cut=100_000)] + [Fault(status=503)] * 4
    unknown = wanted(None, None)
    with pytest.raises(FetchError):
        fetched(site, part, unknown)
    site.files[PATH] = OTHER
    assert fetched(site, part, unknown) == OTHER


def test_without_etag_and_checksum_nothing_is_joined(site: Site, part: Part) -> None:
    site.etags[PATH] = ""
    site.faults[PATH] = [Fault(cut=100_000)]
    assert fetched(site, part, wanted(sha256=None)) == BODY
    assert site.ranges(PATH) == ["", ""]


def test_a_weak_etag_is_not_trusted_but_a_checksum_is(site: Site, part: Part) -> None:
    site.etags[PATH] = 'W/"1"'
    site.faults[PATH] = [Fault(cut=100_000)]
    assert fetched(site, part) == BODY
    assert site.ranges(PATH)[1] == "bytes=100000-" and "If-Range" not in site.asked[1].headers


def test_wrong_bytes_are_never_kept(site: Site, part: Part) -> None:
    site.files[PATH] = OTHER
    with pytest.raises(FetchError, match=rf"wrong bytes: its sha256 is .*{SHA256}.*fetch.sites"):
        fetched(site, part)
    assert nothing_is_left(part) and not part.path.exists()
    assert len(site.asked) == 2  # a second look, not eight downloads


def test_an_endless_file_ends(site: Site, part: Part) -> None:
    site.files[PATH] = BODY + b"x" * 3_000_000
    site.faults[PATH] = [Fault(no_length=True)] * 9
    with pytest.raises(FetchError, match="more than the promised"):
        fetched(site, part)
    assert nothing_is_left(part)
    site.faults[PATH] = []
    with pytest.raises(FetchError, match="has 3300000 bytes, not 300000"):
        fetched(site, part)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "no such file"),
        (410, "no such file"),
        (401, "HF_TOKEN"),
        (403, "HF_TOKEN"),
        (451, "refused"),
    ],
)
def test_what_no_patience_mends_is_said_at_once(
    site: Site, part: Part, status: int, words: str
) -> None:
    site.faults[PATH] = [Fault(status=status)]
    with pytest.raises(FetchError, match=f"(?s){site.address}{PATH}: HTTP {status}.*{words}"):
        fetched(site, part)
    assert len(site.asked) == 1 and nothing_is_left(part)


def test_patience_ends(site: Site, part: Part) -> None:
    site.faults[PATH] = [Fault(status=503)] * 9
    with pytest.raises(FetchError, match=r"503.*try again later"):
        fetched(site, part)
    assert len(site.asked) == 4


def test_pauses_grow_and_the_sites_wish_counts(
    site: Site, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    site.faults[PATH] = [Fault(status=503)] * 3 + [
        Fault(status=429, headers={"Retry-After": "77"}),
        Fault(status=503, headers={"Retry-After": "999999"}),
    ]
    target = part.path.parents[1] / "b"
    download(web(site.address, attempts=8, wait=2.0), wanted(), part, target)
    assert [s for s in slept if s >= 1] == [2, 4, 8, 77, 300]


def test_nobody_there(part: Part) -> None:
    with pytest.raises(FetchError, match="refused"):
        download(web("http://127.0.0.1:9"), wanted(), part, part.path.parents[1] / "b")


def test_a_mirror_is_tried_first_and_the_site_after_it(site: Site, part: Part) -> None:
    with running(Site()) as mirror:
        target = part.path.parents[1] / "b"
        download(web(f"{mirror.address}/pub", site.address), wanted(), part, target)
        assert target.read_bytes() == BODY
        assert [r.path for r in mirror.asked] == [f"/pub{PATH}"]


def test_a_part_of_the_mirror_is_finished_by_the_site(site: Site, part: Part) -> None:
    with running(Site(files={PATH: BODY}, etags={PATH: '"theirs"'})) as mirror:
        mirror.faults[PATH] = [Fault(cut=200_000), Fault(status=404)]
        target = part.path.parents[1] / "b"
        download(web(mirror.address, site.address), wanted(), part, target)
        assert target.read_bytes() == BODY


def test_redirects_are_followed_with_the_range(site: Site, part: Part) -> None:
    site.files["/cdn"] = BODY
    there = Fault(status=302, headers={"Location": "/cdn"})
    site.faults[PATH] = [there, there]
    site.faults["/cdn"] = [Fault(cut=1000)]
    assert fetched(site, part) == BODY
    assert site.ranges("/cdn") == ["", "bytes=1000-"]


def test_an_answer_in_another_form_is_refused(site: Site, part: Part) -> None:
    site.faults[PATH] = [Fault(headers={"Content-Encoding": "gzip"})]
    with pytest.raises(FetchError, match="another form"):
        fetched(site, part)
    assert all(r.headers["Accept-Encoding"] == "identity" for r in site.asked)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_the_part_is_gone_on_with(
    site: Site, part: Part, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    right = Path.open

    class Full:
        """Takes a while, then has no room."""

        def __init__(self, file: object) -> None:
            self.file, self.left = file, 3

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, block: bytes) -> int:
            self.left -= 1
            if not self.left:
                raise OSError(number, os.strerror(number))
            return self.file.write(block)  # type: ignore[attr-defined, no-any-return]

    def opened(path: Path, mode: str = "r", *args: int, **more: int) -> object:
        file = right(path, mode, *args, **more)  # type: ignore[call-overload]
        return Full(file) if mode == "ab" else file

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(module, "BLOCK", 20_000)
    with pytest.raises(FetchError, match=r"no space left.*make room.*goes on"):
        fetched(site, part)
    have = part.size
    assert nothing_is_left(part) and have > 0
    monkeypatch.undo()
    assert fetched(site, part) == BODY and site.ranges(PATH)[-1] == f"bytes={have}-"


def test_the_token_is_shown_to_hugging_face_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert token("https://huggingface.co/a/b") == {"Authorization": "Bearer secret"}
    for other in (
        "http://huggingface.co/a",
        "https://huggingface.co.evil.org/a",
        "https://mirror.org/huggingface.co",
        "https://zenodo.org/a",
    ):
        assert token(other) == {}
    monkeypatch.delenv("HF_TOKEN")
    assert token("https://huggingface.co/a/b") == {}


def test_a_site_that_does_not_know_if_range_is_asked_without(site: Site, part: Part) -> None:
    site.faults[PATH] = [Fault(cut=100_000), Fault(no_ranges=True)]
    assert fetched(site, part) == BODY
    assert site.ranges(PATH) == ["", "bytes=100000-", "bytes=100000-"]
    assert ["If-Range" in r.headers for r in site.asked] == [False, True, False]
