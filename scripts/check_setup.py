"""Look for what would stop a study or waste GPU time; exit code 1 where something would stop it."""

import argparse
import json
import os
import sys
from pathlib import Path

from melablate.config_errors import ConfigError
from melablate.config_files import read_config
from melablate.doctor.examination import CHECKS, examine
from melablate.doctor.findings import Finding, Level
from melablate.doctor.patient import Patient, Site
from melablate.doctor.telling import summary, tell
from melablate.files import write_text
from melablate.plan import make_plan
from melablate.study import merge
from rich.console import Console


def main() -> None:
    """Read the command line, examine, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--configfile", nargs="+", type=Path, help="the study")
    given.add_argument("--told", type=Path, help="the study and the site, as the rule tells them")
    parser.add_argument("--here", action="store_true", help="inside a job: this machine's own GPU")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=[*CHECKS], help="these checks")
    parser.add_argument("--log", type=Path, help="file for the findings that would stop a run")
    args = parser.parse_args()
    screen, found = console(), list[Finding]()
    for title, findings in examine(patient(args), args.only):
        tell(title, findings, screen)
        found += findings
    screen.print(f"\n{summary(found)}")
    stops = [finding for finding in found if finding.level == Level.FAILURE]
    if args.log:
        write_text(args.log, "\n".join([*(one.what for one in stops), summary(found), ""]))
    sys.exit(1 if stops else 0)


def patient(args: argparse.Namespace) -> Patient:
    """The study as the Snakefile lays it out, and how it is run."""
    if args.told:
        told = json.loads(args.told.read_text(encoding="utf-8"))
    else:
        told = {"files": args.configfile, "config": {}, "site": {}}
        for file in args.configfile:
            told["config"] = merge(told["config"], read_config(file))
    site = Site() if args.here else Site.of(told["site"])
    try:
        return Patient(make_plan(told["config"], told["files"]), site)
    except ConfigError as error:
        raise SystemExit(str(error)) from None


def console() -> Console:
    """100 columns and no colour where there is no terminal."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    width = int(os.environ.get("COLUMNS") or 100)
    return Console(width=width, color_system=None, highlight=False)


if __name__ == "__main__":
    main()
