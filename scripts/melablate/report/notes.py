"""What a reader must know to read the table, from `table.json`."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ..metrics.frechet import ENOUGH
from .wording import BETTER, blind, digits, gap, name_of, number, percent, shown_metrics

ALIKE = 0.01
"""Rows whose whole interval lies within this share of the way to real audio differ in nothing."""

ONE = "One seed: no verdict. Intervals are over prompts alone."


def notes(table: Mapping[str, Any]) -> list[str]:
    """One sentence or a few a note, the most needed first."""
    primary, seeds = table["primary"], table["seeds"]
    baseline = next(row for row in table["rows"] if row["kind"] == "baseline")
    prompts = baseline["metrics"][primary]["n_prompts"]
    lines = [
        f"Seeds {', '.join(map(str, seeds))}; {prompts} prompts; {table['samples']} clips a seed.",
        f"Effects are differences to the baseline, paired by seed and prompt, with "
        f"{percent(table['confidence'])} intervals over seeds and prompts; those of diversity and "
        "Fréchet distance, which are of whole sets, over seeds alone. What was made once, the "
        "ceilings and real audio, stands against the baseline of every seed.",
        _sides(table),
        *(_verdicts(table) if len(seeds) > 1 else [ONE]),
        *_lengths(table, baseline),
        *_frechet(table),
        *_claims(table),
    ]
    return lines


def _sides(table: Mapping[str, Any]) -> str:
    """Which way is better."""
    sides = "; ".join(
        f"{name_of(metric['name'])}: {BETTER[metric['direction']]}"
        + (" (noise is diverse too)" if metric["name"].startswith("diversity") else "")
        for metric in table["metrics"]
        if metric["name"] in shown_metrics(table)
    )
    return f"{sides[0].upper()}{sides[1:]}."


def _verdicts(table: Mapping[str, Any]) -> list[str]:
    error = round(1 - table["confidence"], 6)
    family = _count(table["family"], "arm")
    lines = [
        f"Verdicts are corrected over the {family} (Holm, error rate {error:g} a metric), so an "
        "interval clear of zero alone is not yet one."
    ]
    if table["family"] > 1:
        lines.append(
            f"What {len(table['seeds'])} seeds say of one arm's variation is little. So for "
            "verdicts, not for intervals, it is drawn towards that of the other arms; and no arm "
            "gets a verdict whose own interval is not clear of zero."
        )
    return [*lines, *_smallest(table)]


def _smallest(table: Mapping[str, Any]) -> Sequence[str]:
    """What could have been shown, beside what there was to be gained."""
    primary = table["primary"]
    whole, decimals = gap(table, primary), digits(table, primary)
    cells = [row["metrics"][primary] for row in table["rows"] if row["kind"] == "arm"]
    alike = [cell for cell in cells if _alike(cell, whole)]
    found = sorted(cell["smallest_effect"] for cell in cells if cell not in alike)
    if not found:
        return []
    middle, low, high = (
        number(value, decimals) for value in (statistics.median(found), found[0], found[-1])
    )
    rows = _count(len(found), "arm")
    less = f" ({_count(len(alike), 'arm')} as good as equal to the baseline left out)"
    rows += less if alike else ""
    said = (
        f"The smallest effect on {name_of(primary)} that this study would have shown in "
        f"{percent(table['power'])} of cases: {middle} in the median of {rows}, "
        f"{low} to {high} by row."
    )
    if whole is not None:
        said += f" The whole way from the baseline to real audio is {number(whole, decimals)}"
        if missed := sum(blind(cell, whole) for cell in cells):
            said += f"; {_count(missed, 'arm')} marked † could have missed even that"
        said += "."
    return [f"{said} Smaller effects may well be there and not show."]


def _alike(cell: Mapping[str, Any], whole: float | None) -> bool:
    if not whole or cell["low"] is None:
        return False
    return bool(max(abs(cell["low"]), abs(cell["high"])) < ALIKE * whole)


def _lengths(table: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[str]:
    """Rows that trained longer or shorter: part of their effect is that."""
    own = baseline["training"]
    if own is None:
        return []
    others = []
    for row in table["rows"]:
        found = row["training"]
        if found is None or row["kind"] != "arm":
            continue
        before = f" after {found['steps_before']} of another arm" if found["steps_before"] else ""
        if before or _length(found) != _length(own):
            others.append(f"{row['label']} {found['steps']} ({found['images_seen']}){before}")
    if not others:
        return [f"Every arm trained {own['steps']} steps and saw {own['images_seen']} images."]
    return [
        f"The baseline trained {own['steps']} steps and saw {own['images_seen']} images. Not as "
        f"long, so that part of their effect may be that: {'; '.join(others)}."
    ]


def _length(training: Mapping[str, Any]) -> tuple[int, int]:
    return training["steps"], training["images_seen"]


def _frechet(table: Mapping[str, Any]) -> list[str]:
    if "frechet_distance" not in {metric["name"] for metric in table["metrics"]}:
        return []
    said = "Fréchet distance is to the corpus' training clips, not to the held-out ones"
    if table["samples"] < ENOUGH:
        said += (
            f"; of {table['samples']} clips (fewer than {ENOUGH}) it depends on their number: "
            "compare it between rows of this table alone"
        )
    return [f"{said}."]


def _claims(table: Mapping[str, Any]) -> list[str]:
    if not any(row["claimed"] for row in table["rows"]):
        return []
    lines = [
        "A claim is judged by the figure that it is about, where there is one. Not to have shown "
        "a difference is neither for it nor against it."
    ]
    for row in table["rows"]:
        if row["claimed"] and (words := row["claim"]["prompts_without"]):
            lines.append(
                f"{row['label']}: the claim is judged on the {row['claimed']['n_prompts']} prompts "
                f"without {', '.join(words[:4])}{' …' if len(words) > 4 else '.'}"
            )
    trained = [row["training"] for row in table["rows"] if row["training"]]
    if trained and not any(training["text_encoder"] for training in trained):
        lines.append(
            "The text encoder was trained in no row (train.lr_text is not set): what is claimed "
            "of its associations is tested only as far as the UNet goes."
        )
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
