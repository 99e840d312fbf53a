"""The ablation table as Markdown."""

from collections.abc import Mapping
from typing import Any

from .wording import MARKS, digits, effect, name_of, notes, number, percent, shown_metrics

SHOWN = {"improved", "worse", "higher", "lower"}


def to_markdown(table: Mapping[str, Any]) -> str:
    """Heading, table, notes and checks, from `table.json`."""
    primary, *others = shown_metrics(table)
    interval = percent(table["confidence"])
    head = ["row", "claimed", name_of(primary), f"effect [{interval}]", "verdict"]
    head += [f"{name_of(metric)}: level, effect" for metric in others]
    lines = [
        f"# Ablation table of {table['study']}",
        "",
        _line(head),
        _line(["---", "---", "---:", "---:", "---", *("---:" for _ in others)]),
        *(_line(_cells(table, row, primary, others)) for row in table["rows"]),
        "",
        *(f"- {note}" for note in notes(table)),
    ]
    if table["checks"]:
        lines += ["", "Checks:", ""]
        lines += [f"- {'holds' if c['holds'] else 'FAILS'}: {c['text']}" for c in table["checks"]]
    return "\n".join(lines) + "\n"


def _cells(
    table: Mapping[str, Any], row: Mapping[str, Any], primary: str, others: list[str]
) -> list[str]:
    claim = row["claim"]
    cell = row["metrics"][primary]
    decimals = digits(table, primary)
    first = [
        row["label"] if row["kind"] == "arm" else f"*{row['label']}*",
        f"{MARKS[claim['verdict']]} {claim['words']}".strip(),
        number(cell["level"], decimals),
        effect(cell, decimals),
        f"**{cell['verdict']}**" if cell["verdict"] in SHOWN else cell["verdict"],
    ]
    return first + [_other(row["metrics"][metric], digits(table, metric)) for metric in others]


def _other(cell: Mapping[str, Any], decimals: int) -> str:
    """Level, effect with interval, and the verdict if there is one."""
    parts = [number(cell["level"], decimals), effect(cell, decimals)]
    if cell["verdict"] in SHOWN:
        parts.append(f"**{cell['verdict']}**")
    return ", ".join(part for part in parts if part)


def _line(cells: list[str]) -> str:
    safe = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(safe) + " |"
