"""Parquet files that are cut short or somebody else's end in one error that says how to mend it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa


@contextmanager
def whole_parquet(path: Path) -> Iterator[None]:
    """Read the file within this."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no plain file")
        yield
    except FileNotFoundError:
        raise SystemExit(f"{path} does not exist; run the workflow, which makes it") from None
    # A column that is missing or of another type is found when its values are looked at.
    except (pa.ArrowException, OSError, KeyError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise SystemExit(
            f"{path} is not a whole Parquet file of this workflow ({said}); "
            "delete it and run the workflow again, which makes it anew"
        ) from None
