"""Print a finished study's table, and where its report is."""

import argparse
import json
import os
import sys
from pathlib import Path

from melablate.report.terminal import print_table
from melablate.report.times import with_times
from rich.console import Console


def main() -> None:
    """Read `table.json` of the study's folder and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path, help="the study's folder, as results/demo")
    folder = parser.parse_args().study
    file = folder / "table.json"
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"{file}: missing; run the study first (the demo: make demo)") from None
    except ValueError as error:
        raise SystemExit(f"{file}: not a table ({error}); delete it and run again") from None
    print_table(with_times(table, folder / "arms"), console())
    report = folder / "report" / "index.html"
    print(f"\nReport: {report}" if report.is_file() else f"\nNo report yet ({report}).")


def console() -> Console:
    """As wide as the terminal; 100 columns, and no colour, where there is none."""
    if sys.stdout.isatty():
        return Console()
    return Console(width=int(os.environ.get("COLUMNS") or 100), color_system=None)


if __name__ == "__main__":
    main()
