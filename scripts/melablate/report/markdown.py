"""The ablation table as Markdown."""

import html
import re
from collections.abc import Mapping
from typing import Any

from .notes import notes
from .wording import (
    MARKS,
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

SHOWN = {"improved", "worse", "higher", "lower"}


def to_markdown(table: Mapping[str, Any]) -> str:
    """Heading, table, notes and checks, from `table.json`."""
    primary, *others = shown_metrics(table)
    interval = percent(table["confidence"])
    head = ["row", "claimed", "claim held", name_of(primary), f"effect [{interval}]", "verdict"]
    head += [f"{name_of(metric)}: level, effect" for metric in others] + ["steps", "images seen"]
    lines = [
        f"# Ablation table of {_plain(table['study'])}",
        "",
        _line(head),
        _line([*["---"] * 3, "---:", "---:", "---", *["---:"] * (len(others) + 2)]),
        *(_line(_cells(table, row, primary, others)) for row in table["rows"]),
        "",
        *(f"- {_plain(note)}" for note in notes(table)),
    ]
    if table["checks"]:
        lines += ["", "Checks:", ""]
        lines += [
            f"- {'holds' if c['holds'] else 'FAILS'}: {_plain(c['text'])}" for c in table["checks"]
        ]
    return "\n".join(lines) + "\n"


def _cells(
    table: Mapping[str, Any], row: Mapping[str, Any], primary: str, others: list[str]
) -> list[str]:
    claim = row["claim"]
    cell = row["metrics"][primary]
    decimals = digits(table, primary)
    first = [
        _plain(row["label"]) if row["kind"] == "arm" else f"*{_plain(row['label'])}*",
        f"{MARKS[claim['verdict']]} {_plain(claim['words'])}".strip(),
        "training time: see the report" if claim["metric"] == "seconds" else claim_outcome(row),
        number(cell["level"], decimals),
        effect(cell, decimals),
        (f"**{cell['verdict']}**" if cell["verdict"] in SHOWN else cell["verdict"])
        + (" †" if blind(cell, gap(table, primary)) else ""),
    ]
    training = row["training"] or {}
    length = [str(training.get(key, "")) for key in ("steps", "images_seen")]
    cells = [_other(row["metrics"][metric], digits(table, metric)) for metric in others]
    return [*first, *cells, *length]


def _other(cell: Mapping[str, Any], decimals: int) -> str:
    """Level, effect with interval, and the verdict if there is one."""
    parts = [number(cell["level"], decimals), effect(cell, decimals)]
    if cell["verdict"] in SHOWN:
        parts.append(f"**{cell['verdict']}**")
    return ", ".join(part for part in parts if part)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()) for cell in cells) + " |"


def _plain(text: str) -> str:
    """Text that no Markdown reads as markup: as HTML, emphasis, code, link or a cell's end."""
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", html.escape(text, quote=False))
