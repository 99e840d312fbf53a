"""Histograms as inline SVG: used tracks by split, one bar on the other. Colours come from CSS."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 20, 10, 34
MOST_BINS = 28
STEPS = (1.0, 2.0, 5.0, 10.0)
MOST_TICKS = 8


@dataclass(frozen=True)
class Bins:
    """Equal bins from `first` on, and how many of each group fall into them."""

    first: float
    step: float
    counts: tuple[tuple[int, ...], ...]
    """Of each group, of each bin."""

    @property
    def highest(self) -> int:
        """The tallest stack."""
        return max(map(sum, zip(*self.counts, strict=True)))


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten that needs no more than `most` of it."""
    least = span / most
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return power * next(step for step in STEPS if step * power >= least * (1 - 1e-9))


def bins_of(groups: Sequence[Sequence[float]], least_step: float = 0.0) -> Bins | None:
    """None if there is nothing to count, or nothing differs."""
    values = [value for group in groups for value in group]
    if len(set(values)) < 2:
        return None
    low, high = min(values), max(values)
    step = max(nice_step(high - low, MOST_BINS - 1), least_step)
    first = math.floor(low / step + 1e-9)
    count = max(1, math.floor(high / step + 1e-9) - first + 1)
    counts = [[0] * count for _ in groups]
    for group, into in zip(groups, counts, strict=True):
        for value in group:
            into[min(max(math.floor(value / step + 1e-9) - first, 0), count - 1)] += 1
    return Bins(first * step, step, tuple(map(tuple, counts)))


def histogram(
    groups: Sequence[Sequence[float]], names: Sequence[str], unit: str, title: str
) -> Markup:
    """A drawing, or a word where there is nothing to draw."""
    whole = all(float(value).is_integer() for group in groups for value in group)
    bins = bins_of(groups, 1.0 if whole else 0.0)
    if bins is None:
        values = {value for group in groups for value in group}
        words = f"all alike: {_value(min(values))} {unit}" if values else "nothing to show"
        return Markup('<p class="dim">{}</p>').format(words)
    columns = len(bins.counts[0])
    wide, tall = (WIDTH - LEFT - RIGHT) / columns, HEIGHT - TOP - BOTTOM
    parts = [_counts_axis(bins.highest, tall), _values_axis(bins, wide, unit)]
    for column in range(columns):
        base = float(HEIGHT - BOTTOM)
        low = bins.first + column * bins.step
        for group, name in enumerate(names):
            count = bins.counts[group][column]
            if count:
                height = tall * count / bins.highest
                x = LEFT + column * wide
                base_now = base - height
                parts.append(
                    Markup(
                        '<rect class="g{}" x="{}" y="{}" width="{}" height="{}">'
                        "<title>{} to {} {}: {} {}</title></rect>"
                    ).format(
                        group,
                        _n(x + 0.5),
                        _n(base_now),
                        _n(max(wide - 1, 0.5)),
                        _n(height),
                        _value(low),
                        _value(low + bins.step),
                        unit,
                        count,
                        name,
                    )
                )
                base = base_now
    head = Markup('<svg class="histogram" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    return head.format(WIDTH, HEIGHT, title) + Markup("").join(parts) + Markup("</svg>")


def _counts_axis(highest: int, tall: float) -> Markup:
    step = max(1, round(nice_step(highest, 4)))
    parts = []
    for count in range(0, highest + 1, step):
        y = HEIGHT - BOTTOM - tall * count / highest
        parts.append(
            f'<path class="grid" d="M{LEFT} {_n(y)}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{_n(y + 4)}" text-anchor="end">{count}</text>'
        )
    return Markup("".join(parts))  # numbers alone


def _values_axis(bins: Bins, wide: float, unit: str) -> Markup:
    columns = len(bins.counts[0])
    every = math.ceil((columns + 1) / MOST_TICKS)
    parts = []
    for edge in range(0, columns + 1, every):
        x, y = LEFT + edge * wide, HEIGHT - BOTTOM + 15
        value = _value(bins.first + edge * bins.step)
        parts.append(f'<text x="{_n(x)}" y="{y}" text-anchor="middle">{value}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    label = Markup('<text class="unit" x="{}" y="{}" text-anchor="middle">{}</text>')
    return Markup("".join(parts)) + label.format(_n(middle), HEIGHT - 3, unit)


def _value(value: float) -> str:
    return f"{round(value, 6):g}".replace("-", "−")


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
