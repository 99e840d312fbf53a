"""Words that set a track aside, and the instrumental row against the published subset."""

import csv
import os
from pathlib import Path

import pytest
import yaml
from melablate.training.mentions import mentioned

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("MELABLATE_TEST_DATA", ROOT.parent / "shared/data"))


def words() -> list[str]:
    """Of the instrumental row."""
    arm = yaml.safe_load((ROOT / "config/arms/instrumental.yaml").read_text(encoding="utf-8"))
    listed: list[str] = arm["changes"]["train.exclude_words"]
    return listed


@pytest.mark.parametrize(
    "caption",
    [
        "A female singer over a slow piano",
        "A rapper raps over a heavy beat",
        "A male vocalist sings sadly",
        "gospel chorus with lyrics",
        "Vocals, drums and bass",
        "a choir of children",
        "No drums, female vocals",
        "without drums but with a singer",
        "not only guitars: voices too",
        "Not a calm track. It is sung in French",
        "no percussion instruments - just a voice",
        "It has no bass, no drums, only VOCALS",
    ],
)
def test_a_voice_is_heard(caption: str) -> None:
    assert mentioned([caption], words())
    assert mentioned(["A calm track", caption], words())


@pytest.mark.parametrize(
    "caption",
    [
        "Instrumental piano piece with no vocals",
        "non-vocal ambient track",
        "A backing track without any singing or lyrics",
        "Electronic, with no lead vocals or rap",
        "a vocal-free groove",
        "Dreamy guitars lacking vocals.",
        "A trap beat with a wrapped-up melody; classical, romantic, using strings",
        "an invocation of the desert",
        "",
    ],
)
def test_no_voice_is_heard(caption: str) -> None:
    assert not mentioned([caption], words())


def test_words_are_whole_unless_they_end_in_a_star() -> None:
    assert mentioned(["A song.", "with Vocals, and a choir"], ["vocals"])
    assert not mentioned(["vocalise"], ["vocal"]) and mentioned(["vocalise"], ["vocal*"])
    assert not mentioned(["anything"], [])


def test_the_instrumental_row_is_the_published_subset_nearly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A track is of the subset if all its captions are. What the subset leaves out by parts of
    words or by denials ('romantic', 'trap', 'no vocals'), the row keeps: hence the precision."""
    tables = [DATA / f"song_describer{name}.csv" for name in ("", "-nosinging")]
    if not all(table.is_file() for table in tables):
        pytest.skip(f"the caption tables are not in {DATA}: set MELABLATE_TEST_DATA")
    whole, subset = (
        list(csv.DictReader(table.open(encoding="utf-8", newline=""))) for table in tables
    )
    listed = {row["caption_id"] for row in subset}
    tracks: dict[str, list[dict[str, str]]] = {}
    for row in whole:
        tracks.setdefault(row["track_id"], []).append(row)
    wanted = {t for t, rows in tracks.items() if all(r["caption_id"] in listed for r in rows)}
    kept = {t for t, rows in tracks.items() if not mentioned([r["caption"] for r in rows], words())}
    precision, recall = len(kept & wanted) / len(kept), len(kept & wanted) / len(wanted)
    with capsys.disabled():
        print(
            f"\ninstrumental row: precision {precision:.1%}, recall {recall:.1%} of tracks", end=""
        )
    assert precision >= 0.86 and recall >= 0.96
