"""Check a corpus in Song Describer's layout, split it by artist and write its manifest."""

import argparse
from pathlib import Path

from melablate.corpus.manifest import write_excluded, write_manifest
from melablate.corpus.scan import scan, summary
from melablate.corpus.settings import Rules


def main() -> None:
    """Parse the arguments, scan, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Rules.model_validate_json)
    parser.add_argument("--data", required=True, type=Path, help="folder with table and audio")
    parser.add_argument("--out-manifest", required=True, type=Path, help="Parquet to write")
    parser.add_argument("--out-excluded", required=True, type=Path, help="CSV to write")
    args = parser.parse_args()
    rows = scan(args.data, args.settings)
    write_excluded(args.out_excluded, rows)
    write_manifest(args.out_manifest, rows)
    print(summary(rows))


if __name__ == "__main__":
    main()
