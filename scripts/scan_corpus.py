"""Check a corpus in Song Describer's layout, split it by artist and write its manifest."""

import argparse
from pathlib import Path

from melablate.corpus.manifest import write_excluded, write_manifest
from melablate.corpus.scan import scan, summary
from melablate.corpus.settings import Corpus
from pydantic import TypeAdapter


def main() -> None:
    """Parse the arguments, scan, say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of the corpus' settings")
    parser.add_argument("--data", required=True, type=Path, help="folder with table and audio")
    parser.add_argument("--out-manifest", required=True, type=Path, help="Parquet to write")
    parser.add_argument("--out-excluded", required=True, type=Path, help="CSV to write")
    args = parser.parse_args()
    settings: Corpus = TypeAdapter(Corpus).validate_json(args.settings)
    rows = scan(args.data, settings.rules)
    write_excluded(args.out_excluded, rows)
    write_manifest(args.out_manifest, rows)
    print(summary(rows))


if __name__ == "__main__":
    main()
