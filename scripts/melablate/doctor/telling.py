"""The findings on a terminal: a mark and a line each; more where something is to be done."""

import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from .findings import Finding, Level

MARKS = {Level.OK: "ok", Level.UNKNOWN: "?", Level.WARNING: "warn", Level.FAILURE: "FAIL"}
STYLES = {
    Level.OK: "green",
    Level.UNKNOWN: "dim",
    Level.WARNING: "yellow",
    Level.FAILURE: "bold red",
}
INDENT = 7


def tell(title: str, findings: Iterable[Finding], console: Console) -> None:
    """The findings of one check."""
    console.print(Text(title, style="bold"))
    for finding in findings:
        mark = Text(f"  {MARKS[finding.level]:4} ", style=STYLES[finding.level])
        _print(console, mark, _wrapped(finding.what, console.width - INDENT))
        if finding.why:
            _print(console, _word("why"), _wrapped(finding.why, console.width - INDENT - 5))
        if finding.mend:  # in one line, to be copied
            _print(console, _word("mend"), [finding.mend])


def summary(findings: Iterable[Finding]) -> str:
    """One line."""
    levels = [finding.level for finding in findings]
    failures, warnings = levels.count(Level.FAILURE), levels.count(Level.WARNING)
    unknown = levels.count(Level.UNKNOWN)
    said = f"{failures} would stop the run" if failures else "nothing found that would stop the run"
    counts = ((warnings, "to look at"), (unknown, "not known from here"))
    return ", ".join([said, *(f"{count} {word}" for count, word in counts if count)])


def _word(word: str) -> Text:
    return Text(f"{'':{INDENT}}{word:4} ", style="dim")


def _wrapped(text: str, width: int) -> list[str]:
    # Neither paths nor options are broken.
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _print(console: Console, head: Text, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        start = head if number == 0 else Text(" " * len(head))
        console.print(start + Text(line), soft_wrap=True)
