"""Song Describer's real tables, where they are: beside the checkout, or where the variable says."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("MELABLATE_TEST_DATA", ROOT.parent / "shared" / "data"))
REAL = DATA / "song_describer.csv"
NO_SINGING = DATA / "song_describer-nosinging.csv"

needs_real_tables = pytest.mark.skipif(
    not (REAL.is_file() and NO_SINGING.is_file()),
    reason="the real tables are not in ../shared/data, nor where MELABLATE_TEST_DATA says",
)
