"""The ablation table on a terminal: colour only there, readable from 80 columns on."""

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .notes import notes
from .wording import (
    blind,
    claim_outcome,
    digits,
    effect,
    gap,
    name_of,
    number,
    percent,
    shown_metrics,
)

CLAIMS = {"improved": "✓", "worse": "✗", "indeterminate": "?", "none": ""}
MARKS = {"improved": "✓", "worse": "✗", "higher": "↑", "lower": "↓"}
STYLES = {"improved": "green", "worse": "red", "higher": "cyan", "lower": "cyan"}
SHORT = {"no difference shown": "not shown", "one seed: no verdict": "one seed"}
LEGEND = (
    "Claimed: ✓ improved, ✗ worse, ? indeterminate. Other metrics: level, effect, and "
    "✓ ✗ ↑ ↓ where there is a verdict; their intervals are in table.md."
)
WIDE = 140
"""Columns from which all metrics fit into one table."""


def print_table(table: Mapping[str, Any], console: Console) -> None:
    """One table, or two where it would be too wide: the primary metric, then the others."""
    primary, *others = shown_metrics(table)
    if console.width >= WIDE:
        console.print(_grid(table, primary, others))
    else:
        console.print(_grid(table, primary, []))
        console.print(_grid(table, None, others))
    if any(map(claim_outcome, table["rows"])):
        console.print(_claims(table))
    for note in [*notes(table), LEGEND]:
        console.print(Text(note, style="dim"))
    for check in table["checks"]:
        mark, style = ("holds", "green") if check["holds"] else ("FAILS", "bold red")
        console.print(Text.assemble((mark, style), f": {check['text']}"))


def _grid(table: Mapping[str, Any], primary: str | None, others: list[str]) -> Table:
    """The primary metric in full; of the others level, effect, and a mark for a verdict."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    grid.add_column("row", overflow="fold", max_width=40)
    if primary:
        grid.title = Text(f"{table['study']}: {name_of(primary)}", style="bold")
        grid.add_column("claim", no_wrap=True, justify="center")
        grid.add_column("level", justify="right", no_wrap=True)
        grid.add_column(f"effect [{percent(table['confidence'])}]", no_wrap=True)
        grid.add_column("verdict", no_wrap=True)
    for metric in others:
        grid.add_column(name_of(metric), overflow="fold", min_width=14)
    if not primary or others:
        grid.add_column("steps", justify="right", no_wrap=True)
    for row in table["rows"]:
        cells = [Text(row["label"], style="" if row["kind"] == "arm" else "bold")]
        if primary:
            cells.append(Text(CLAIMS[row["claim"]["verdict"]]))
            whole = gap(table, primary)
            cells += _full(row["metrics"][primary], digits(table, primary), whole)
        cells += [_brief(row["metrics"][metric], digits(table, metric)) for metric in others]
        if not primary or others:
            cells.append(Text(str((row["training"] or {}).get("steps", ""))))
        grid.add_row(*cells, end_section=row["kind"] == "baseline")
    return grid


def _claims(table: Mapping[str, Any]) -> Table:
    """What became of each claim, by the figure that it is about."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    grid.title = Text("Claims", style="bold")
    grid.add_column("row", overflow="fold", max_width=40)
    grid.add_column("claim", no_wrap=True, justify="center")
    grid.add_column("held?", overflow="fold")
    for row in table["rows"]:
        if said := claim_outcome(row):
            mark = CLAIMS[row["claim"]["verdict"]]
            grid.add_row(Text(row["label"]), Text(mark), Text(said, style=_held(said)))
    return grid


def _held(said: str) -> str:
    return "green" if said.endswith("as claimed") else "red" if "against" in said else ""


def _full(cell: Mapping[str, Any], decimals: int, whole: float | None) -> list[Text]:
    verdict = cell["verdict"]
    style = STYLES.get(verdict, "")
    mark = " †" if blind(cell, whole) else ""
    return [
        Text(number(cell["level"], decimals)),
        Text(effect(cell, decimals), style=style),
        Text(SHORT.get(verdict, verdict) + mark, style=style),
    ]


def _brief(cell: Mapping[str, Any], decimals: int) -> Text:
    level = number(cell["level"], decimals)
    shown = number(cell["effect"], decimals, signed=True)
    text = f"{level} {shown} {MARKS.get(cell['verdict'], '')}"
    return Text(text.rstrip(), style=STYLES.get(cell["verdict"], ""))
