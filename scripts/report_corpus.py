"""Draw what a corpus is like, and say what was set aside and how to mend it."""

import argparse
from pathlib import Path

from melablate.corpus.excluded_text import excluded_text
from melablate.corpus.manifest import read_manifest
from melablate.corpus.report_page import page
from melablate.files import write_text


def main() -> None:
    """Parse the arguments, write the page and the text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--title", default="Corpus", help="what the page is called")
    parser.add_argument("--out-page", required=True, type=Path, help="HTML file to write")
    parser.add_argument("--out-text", required=True, type=Path, help="text file to write")
    args = parser.parse_args()
    rows = read_manifest(args.manifest)
    write_text(args.out_text, excluded_text(rows))
    write_text(args.out_page, page(rows, args.title))


if __name__ == "__main__":
    main()
