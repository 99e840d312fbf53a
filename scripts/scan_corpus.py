"""Check a corpus of music with captions, split it by artist and write its manifest."""

import argparse
from pathlib import Path

from melablate.corpus.excluded import summary, write_excluded
from melablate.corpus.lists import read_list
from melablate.corpus.manifest import write_manifest
from melablate.corpus.scan import Unusable, scan
from melablate.corpus.settings import Scan


def main() -> None:
    """Parse the arguments, scan, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Scan.model_validate_json)
    parser.add_argument("--data", required=True, type=Path, help="folder with table and audio")
    parser.add_argument("--only", type=Path, help="list of the captions or tracks to use")
    parser.add_argument("--without", type=Path, help="list of those not to use")
    parser.add_argument("--max-set-aside", type=float, help="share, instead of the settings' own")
    parser.add_argument("--threads", type=int, help="tracks looked at side by side")
    parser.add_argument("--out-manifest", required=True, type=Path, help="Parquet to write")
    parser.add_argument("--out-excluded", required=True, type=Path, help="CSV to write")
    args = parser.parse_args()
    only, without = (read_list(path) if path else None for path in (args.only, args.without))
    settings = with_limit(args.settings, args.max_set_aside)
    stopped = args.out_excluded.with_suffix(".stopped.csv")  # what a failed job leaves
    try:
        rows = scan(args.data, settings, only, without, args.threads)
    except Unusable as unusable:
        write_excluded(stopped, unusable.rows)
        raise SystemExit(f"{unusable}\nAll reasons are in {stopped}") from None
    stopped.unlink(missing_ok=True)
    write_excluded(args.out_excluded, rows)
    write_manifest(args.out_manifest, rows)
    print(summary(rows))


def with_limit(settings: Scan, share: float | None) -> Scan:
    """The share of unusable tracks that stops the scan is no part of a result's settings."""
    if share is None:
        return settings
    rules = settings.rules.model_copy(update={"max_set_aside": share})
    return settings.model_copy(update={"rules": rules})


if __name__ == "__main__":
    main()
