"""Drawings of the page: intervals about zero, and curves of the loss. Colours come from its CSS."""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from .page_data import Figure, Row, Run

HEIGHT = 22
TICK_WIDTH = 29
"""Room that a figure of an axis takes."""
POINTS = 120
"""Points of a drawn curve: more than the pixels of its panel can show apart."""

Domain = tuple[float, float]


def effect_domain(figures: Iterable[Figure]) -> Domain | None:
    """The range of effects that holds all intervals and zero, with a margin; None without any."""
    ends = [e for f in figures for e in (f.low, f.high, f.effect) if e is not None]
    if not ends:
        return None
    low, high = min(0.0, *ends), max(0.0, *ends)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def interval(figure: Figure, domain: Domain, width: int, kind: str) -> Markup:
    """Zero line, interval and effect; an arrow where it leaves the drawing."""
    if figure.effect is None or figure.low is None or figure.high is None:
        return Markup("")
    middle = HEIGHT / 2
    scale = _Scale(domain, width)
    left, right = scale(figure.low), scale(figure.high)
    inside = [min(max(x, 3.0), width - 3.0) for x in (left, right)]
    parts = [_blind(figure, scale), f'<path class="zero" d="M{_n(scale(0))} 0V{HEIGHT}"/>']
    parts.append(f'<path class="line" d="M{_n(inside[0])} {_n(middle)}H{_n(inside[1])}"/>')
    if left < 0:
        parts.append(f'<path class="dot" d="M0 {_n(middle)}l6-4v8z"/>')
    if right > width:
        parts.append(f'<path class="dot" d="M{width} {_n(middle)}l-6-4v8z"/>')
    at = scale(figure.effect)
    if 0 <= at <= width:
        parts.append(f'<circle class="dot" cx="{_n(at)}" cy="{_n(middle)}" r="3.2"/>')
    return _svg(f"interval {kind}", width, HEIGHT, "".join(parts))


def axis(domain: Domain, width: int) -> Markup:
    """Ticks and figures for a column of intervals."""
    scale = _Scale(domain, width)
    parts = []
    values = ticks(domain, 5)
    step = values[1] - values[0] if len(values) > 1 else 1.0
    every = math.ceil(TICK_WIDTH / (scale(step) - scale(0)))
    places = [round(value / step) for value in values]
    named = [k for k in places if k % every == 0]
    if named == [0]:  # too narrow for signs on both sides
        named = [0, 1]
    for k in places:
        x = _n(scale(k * step))
        parts.append(f'<path d="M{x} 12V16"/>')
        if k in named:
            parts.append(f'<text x="{x}" y="9" text-anchor="middle">{_tick(k * step)}</text>')
    return _svg("axis", width, 16, "".join(parts))


def ticks(domain: Domain, most: int) -> list[float]:
    """Round numbers inside a range, `most` at the most, zero among them if it is inside."""
    power = 10.0 ** math.floor(math.log10((domain[1] - domain[0]) / most))
    for step in (0.5 * power, power, 2 * power, 5 * power, 10 * power, 20 * power):
        first, last = math.ceil(domain[0] / step), math.floor(domain[1] / step)
        if last - first < most:
            break
    return [k * step for k in range(first, last + 1)]


def smooth(run: Run) -> list[tuple[float, float]]:
    """A running mean over a fifteenth of the run, at `POINTS` steps at most."""
    count = len(run.losses)
    half = count // 30
    every = max(1, math.ceil(count / POINTS))
    chosen = sorted({*range(0, count, every), count - 1}) if count else []
    points = []
    for i in chosen:
        reach = min(half, i, count - 1 - i)
        window = run.losses[i - reach : i + reach + 1]
        points.append((run.steps[i], math.fsum(window) / len(window)))
    return [(step, loss) for step, loss in points if loss > 0]


def loss_domain(rows: Iterable[Row]) -> tuple[Domain, Domain] | None:
    """Steps and decades of loss that hold every curve; None where nothing was trained."""
    points = [point for row in rows for run in row.runs for point in smooth(run)]
    if not points:
        return None
    losses = [math.log10(loss) for _, loss in points]
    margin = 0.06 * (max(losses) - min(losses)) or 0.1
    return (0.0, max(step for step, _ in points)), (min(losses) - margin, max(losses) + margin)


def curves(
    row: Row, behind: Row | None, domain: tuple[Domain, Domain], width: int, height: int
) -> Markup:
    """Loss by step on a decade scale, a line a seed, with another row's pale behind."""
    left, below = 30, 15
    across = _Scale(domain[0], width - left - 4)
    up = _Scale(domain[1], height - below - 4)
    parts = []
    for loss in loss_ticks(domain[1]):
        y = height - below - up(math.log10(loss))
        parts.append(f'<path class="grid" d="M{left} {_n(y)}H{width - 4}"/>')
        parts.append(f'<text x="{left - 4}" y="{_n(y + 3)}" text-anchor="end">{_tick(loss)}</text>')
    for step in ticks(domain[0], 4):
        x = left + across(step)
        anchor = "end" if x > width - 16 else "middle"
        label = f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"
        parts.append(f'<text x="{_n(x)}" y="{height - 3}" text-anchor="{anchor}">{label}</text>')
    for kind, shown in (("pale", behind), ("curve", row)):
        for run in shown.runs if shown else ():
            points = [
                (left + across(s), height - below - up(math.log10(v))) for s, v in smooth(run)
            ]
            parts.append(f'<path class="{kind}" d="{_line(points)}"/>')
    name = f"Training loss of {row.label} by step"
    return _svg("curves", width, height, "".join(parts), name)


def loss_ticks(decades: Domain) -> list[float]:
    """Three or four round losses: 1, 2, 5 in every decade, or whole decades in a long range."""
    whole = range(math.floor(decades[0]), math.ceil(decades[1]) + 1)
    for digits in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = [d * 10.0**k for k in whole for d in digits]
        inside = [v for v in values if decades[0] <= math.log10(v) <= decades[1]]
        if len(inside) <= 5:
            break
    if len(inside) < 2:
        return [10.0**d for d in (decades[0] * 0.9 + decades[1] * 0.1, sum(decades) / 2)]
    return inside


def _blind(figure: Figure, scale: "_Scale") -> str:
    """A band of the effects that are too small to be seen, as far as the drawing goes."""
    if not figure.smallest:
        return ""
    left = max(0.0, scale(-figure.smallest))
    right = min(scale.width, scale(figure.smallest))
    return f'<path class="blind" d="M{_n(left)} 3H{_n(right)}V{HEIGHT - 3}H{_n(left)}z"/>'


class _Scale:
    def __init__(self, domain: Domain, width: float) -> None:
        self.low, self.width = domain[0], width
        self.span = (domain[1] - domain[0]) or 1.0

    def __call__(self, value: float) -> float:
        return (value - self.low) / self.span * self.width


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if i else 'M'}{_n(x)} {_n(y)}" for i, (x, y) in enumerate(points))


def _tick(value: float) -> str:
    """`-0.02` → `−.02`."""
    if abs(value) < 1e-12:
        return "0"
    text = f"{value:.3g}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _n(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def _svg(kind: str, width: int, height: int, inner: str, name: str = "") -> Markup:
    """Markup; a drawing without a name repeats figures beside it and is hidden from readers."""
    role = Markup('role="img" aria-label="{}"').format(name) if name else 'aria-hidden="true"'
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    ) + Markup("{}>{}</svg>").format(Markup(role), Markup(inner))
