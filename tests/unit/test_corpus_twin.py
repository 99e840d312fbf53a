"""The real table with music in the real layout: all of it comes through the scan."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from melablate.corpus.lists import read_list
from melablate.corpus.manifest import read_manifest, write_manifest
from melablate.corpus.scan import scan
from melablate.corpus.settings import Rules, Scan
from real_tables import NO_SINGING, REAL, needs_real_tables

MAKER = Path(__file__).parents[2] / "benchmarks" / "song_describer_twin.py"
SECONDS = 26.0
"""Of pieces of 12 s: three of them, which no two tracks have alike."""


@pytest.mark.slow
@needs_real_tables
def test_all_706_tracks_and_1106_captions_come_through(tmp_path: Path) -> None:
    options = ["--table", REAL, "--out", tmp_path / "twin", "--seconds", str(SECONDS)]
    subprocess.run([sys.executable, MAKER, *options], check=True)
    table = pd.read_csv(REAL, dtype=str, keep_default_na=False)
    # The table tells of two minutes: here every file is cut to seconds, and the table with it.
    short = table.assign(duration=str(SECONDS))
    short.to_csv(tmp_path / "twin" / "song_describer.csv", index=False)

    every = Rules(valid_only=False)
    rows = scan(tmp_path / "twin", Scan(layout="song_describer", rules=every))
    assert not [row.excluded for row in rows if row.excluded]
    write_manifest(tmp_path / "m.parquet", rows)
    read = {row.track_id: row for row in read_manifest(tmp_path / "m.parquet")}
    for track_id, group in table.groupby("track_id"):
        assert read[str(track_id)].captions == tuple(group.caption)
        assert read[str(track_id)].caption_ids == tuple(group.caption_id)
    assert len(read) == 706
    assert sum(len(row.captions) for row in rows) == 1106
    assert all(row.license.endswith("/zero/1.0/") and row.license_text for row in rows)
    for key in ("artist_id", "audio_sha256"):
        split = pd.DataFrame([(getattr(row, key), row.split) for row in rows]).groupby(0)[1]
        assert (split.nunique() == 1).all()

    rules = Rules(valid_only=False)
    settings = Scan(layout="song_describer", rules=rules)
    listed = scan(tmp_path / "twin", settings, only=read_list(NO_SINGING))
    used = [row for row in listed if not row.excluded]
    assert (len(used), sum(len(row.captions) for row in used)) == (446, 586)
    kept = {row.track_id: row.split for row in rows}
    assert all(row.split == kept[row.track_id] for row in used)  # a filter moves nobody
