"""Scores of all rows and seeds → the ablation table: CSV, Parquet, Markdown, JSON."""

import argparse
from pathlib import Path

from melablate.files import write_json, write_text
from melablate.report.claims import read_texts
from melablate.report.markdown import to_markdown
from melablate.report.settings import Table
from melablate.report.study_rows import StudyRows
from melablate.report.table import build_table, to_json, write_csv, write_parquet
from pydantic import ValidationError


def main() -> None:
    """Read the command line, judge, write all four files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON of the table's settings")
    parser.add_argument("--study", required=True, help="JSON of the study's rows")
    parser.add_argument("--scores-root", required=True, type=Path, help="results/<study>/arms")
    parser.add_argument("--prompts", required=True, type=Path, help="CSV of all prompts")
    parser.add_argument("--out-csv", required=True, type=Path)
    parser.add_argument("--out-parquet", required=True, type=Path)
    parser.add_argument("--out-md", required=True, type=Path)
    parser.add_argument("--out-json", required=True, type=Path)
    args = parser.parse_args()
    try:
        settings = Table.model_validate_json(args.settings)
        study = StudyRows.model_validate_json(args.study)
    except ValidationError as error:
        raise SystemExit(f"--settings or --study: {error}") from None
    table = build_table(study, settings, args.scores_root, read_texts(args.prompts))
    content = to_json(table)
    write_csv(args.out_csv, table)
    write_parquet(args.out_parquet, table)
    write_text(args.out_md, to_markdown(content))
    write_json(args.out_json, content)
    for check in table.checks:
        print(f"{'holds' if check.holds else 'FAILS'}: {check.text}")
    print(f"table: {len(table.rows)} rows → {args.out_md}")


if __name__ == "__main__":
    main()
