"""Fetch data sets and models, check them, and put them where studies look for them."""

import argparse
from pathlib import Path

from melablate.fetch.assets import ASSETS
from melablate.fetch.job import fetch
from melablate.fetch.missing import missing
from melablate.fetch.settings import Fetch
from melablate.fetch.wanted import FetchError


def main() -> None:
    """Read the command line, fetch."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="assets: " + ", ".join(ASSETS))
    parser.add_argument("--assets", nargs="*", default=[], choices=ASSETS, metavar="ASSET")
    parser.add_argument("--settings", type=Fetch.model_validate_json, default=Fetch())
    parser.add_argument("--folder", type=Path, help="instead of the settings' folder")
    parser.add_argument("--dry-run", action="store_true", help="say what is missing")
    args = parser.parse_args()
    settings = args.settings
    if args.folder:
        settings = settings.model_copy(update={"folder": str(args.folder)})
    if args.dry_run:
        print(missing(settings, args.assets))
        return
    try:
        fetch(settings, args.assets)
    except FetchError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from here") from None


if __name__ == "__main__":
    main()
