"""Check a corpus of music with captions, split it by artist and write its manifest."""

import argparse
from pathlib import Path

from melablate.corpus.excluded import summary, write_excluded
from melablate.corpus.lists import read_list
from melablate.corpus.manifest import write_manifest
from melablate.corpus.scan import scan
from melablate.corpus.settings import Scan


def main() -> None:
    """Parse the arguments, scan, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Scan.model_validate_json)
    parser.add_argument("--data", required=True, type=Path, help="folder with table and audio")
    parser.add_argument("--only", type=Path, help="list of the captions or tracks to use")
    parser.add_argument("--without", type=Path, help="list of those not to use")
    parser.add_argument("--threads", type=int, help="tracks looked at side by side")
    parser.add_argument("--out-manifest", required=True, type=Path, help="Parquet to write")
    parser.add_argument("--out-excluded", required=True, type=Path, help="CSV to write")
    args = parser.parse_args()
    only, without = (read_list(path) if path else None for path in (args.only, args.without))
    rows = scan(args.data, args.settings, only, without, args.threads)
    write_excluded(args.out_excluded, rows)
    write_manifest(args.out_manifest, rows)
    print(summary(rows))


if __name__ == "__main__":
    main()
