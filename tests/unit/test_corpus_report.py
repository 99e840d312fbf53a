"""The page of a corpus: true counts, nothing fetched, nothing of the corpus taken for HTML."""

import html.parser
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from melablate.corpus.excluded_text import MENDS, excluded_text
from melablate.corpus.histogram import MOST_BINS, bins_of, histogram
from melablate.corpus.manifest import Row, write_manifest
from melablate.corpus.report_page import page

EVIL = "<script>alert('\"&')</script>"
NUMBERS = st.floats(-1e4, 1e4).map(lambda value: round(value, 3))


def rows() -> list[Row]:
    used = [
        Row(
            f"t{n}",
            f"{n}.wav",
            ("some words here",),
            (f"c{n}",),
            f"artist {n % 5}",
            "",
            "CC0" if n % 2 else EVIL,
            split="heldout" if n % 4 == 0 else "train",
            seconds=30.0 + n,
            sample_rate=44100,
            channels=2,
            loudness_lufs=None if n == 3 else -20.0 - n / 3,
            peak_db=-n / 10,
            silence_share=0.0,
            clipped_share=0.0,
        )
        for n in range(40)
    ]
    used[5] = replace(used[5], dropped_caption_ids=("x",), dropped_reasons=("by its words: drum",))
    bad = [
        replace(used[0], track_id=f"b{n}", path=EVIL, split="", excluded=f"missing: {n}")
        for n in range(25)
    ]
    return used + bad


@given(st.lists(NUMBERS, min_size=2), st.lists(NUMBERS))
def test_bins_count_every_value_once_in_its_place(one: list[float], other: list[float]) -> None:
    bins = bins_of([one, other])
    if len({*one, *other}) < 2:
        assert bins is None
        return
    assert bins is not None
    assert [sum(counts) for counts in bins.counts] == [len(one), len(other)]
    assert len(bins.counts[0]) <= MOST_BINS + 1
    slack = 1e-6 * bins.step
    assert bins.first <= min([*one, *other]) + slack
    assert max([*one, *other]) <= bins.first + bins.step * len(bins.counts[0]) + slack
    for at, count in enumerate(bins.counts[0]):
        low = bins.first + at * bins.step
        inside = sum(low + slack <= value < low + bins.step - slack for value in one)
        near = sum(low - slack <= value < low + bins.step + slack for value in one)
        assert inside <= count <= near


def test_the_drawing_tells_its_counts() -> None:
    drawn = str(histogram([[1, 1, 2], [2]], ["a", "b"], "s & t", "x"))
    assert re.findall(r"<title>(.*?)</title>", drawn) == [
        "1 to 2 s &amp; t: 2 a",
        "2 to 3 s &amp; t: 1 a",
        "2 to 3 s &amp; t: 1 b",
    ]
    assert "all alike: 4 s" in str(histogram([[4, 4], []], ["a", "b"], "s", "x"))
    assert "nothing to show" in str(histogram([[], []], ["a", "b"], "s", "x"))


class Parser(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_safe_self_contained_and_true() -> None:
    found = page(rows(), EVIL)
    parser = Parser()
    parser.feed(found)
    assert "script" not in parser.tags
    assert parser.links == ["data:,"]
    assert "url(" not in found and "@import" not in found
    assert parser.tags.count("figure") == 6
    for fact in ("65", "40", "25", "30", "10"):
        assert re.search(rf"<dd>{fact}</dd>", found)
    assert "20 shown, 5 more in" in found
    assert parser.text.count(EVIL) == 2 + 1 + 20  # title and heading, the licence, paths
    assert page(rows(), EVIL) == found


def test_the_text_names_what_failed_and_the_mend() -> None:
    text = excluded_text(rows())
    assert text.startswith("65 tracks: 40 used with 40 captions (30 to train, 10 held out)")
    assert f"missing (25): {MENDS['missing']}." in text
    assert "… and 5 more, all of them in excluded.csv" in text
    assert "caption x of track t5: by its words: drum" in text


@pytest.mark.parametrize("count", [0, 40])
def test_the_script_writes_the_same_bytes(tmp_path: Path, count: int) -> None:
    write_manifest(tmp_path / "m.parquet", rows()[:count])
    script = Path(__file__).parents[2] / "scripts" / "report_corpus.py"
    for name in ("a", "b"):
        files = ["--out-page", tmp_path / f"{name}.html", "--out-text", tmp_path / f"{name}.txt"]
        subprocess.run(
            [sys.executable, script, "--manifest", tmp_path / "m.parquet", *files], check=True
        )
    for end in ("html", "txt"):
        assert (tmp_path / f"a.{end}").read_bytes() == (tmp_path / f"b.{end}").read_bytes()
