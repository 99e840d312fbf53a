"""Write the report: a folder with one page, its images and its sounds."""

import argparse
from pathlib import Path

from melablate.report.page import write_report
from melablate.report.page_settings import Report


def main() -> None:
    """Read the command line and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, type=Report.model_validate_json)
    parser.add_argument("--table", required=True, type=Path, help="table.json of the study")
    parser.add_argument("--prompts", required=True, type=Path, help="CSV of all prompts")
    parser.add_argument("--arms", required=True, type=Path, help="folder with a folder a row")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--threads", type=int, default=1, help="rows at a time")
    given = parser.parse_args()
    write_report(given.settings, given.table, given.prompts, given.arms, given.out, given.threads)
    print(f"report: {given.out / 'index.html'}")


if __name__ == "__main__":
    main()
