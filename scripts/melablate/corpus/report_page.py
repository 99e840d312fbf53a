"""A corpus on one page: what is in use, what it is like, what was set aside, whose it is."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from .excluded import told
from .excluded_text import MENDS, SHOWN
from .filters import kind_of
from .histogram import histogram
from .manifest import Row
from .report_css import CSS

SPLITS = {"train": "to train", "heldout": "held out"}

HTML = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
<style>
{{ css }}</style>
</head>
<body>
<header>
<p class="house">Melablate · corpus</p>
<h1>{{ title }}</h1>
<dl class="facts">
{% for name, value in facts %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}</dl>
</header>
<main>
<h2>What is in use</h2>
<p><span class="key">to train</span><span class="key heldout">held out</span></p>
<div class="figures">
{% for figure in figures %}<figure><figcaption><h3>{{ figure.name }}</h3>
<span>{{ figure.summary }}</span></figcaption>
{{ figure.drawing }}</figure>
{% endfor %}</div>
<h2>What was set aside</h2>
{% if kinds %}<div class="scroll"><table>
<thead><tr><th scope="col">reason</th><th scope="col" class="num">tracks</th>
<th scope="col" class="num">captions of tracks in use</th><th scope="col">which</th></tr></thead>
<tbody>
{% for kind in kinds %}<tr><th scope="row">{{ kind.name }}{% if kind.mend %}
<br><span class="dim">{{ kind.mend }}</span>{% endif %}</th>
<td class="num">{{ kind.tracks }}</td><td class="num">{{ kind.captions }}</td>
<td><details><summary>{{ kind.examples|length }} shown{% if kind.more %}, {{ kind.more }} more in
excluded.csv{% endif %}</summary><ul>
{% for example in kind.examples %}<li>{{ example }}</li>
{% endfor %}</ul></details></td></tr>
{% endfor %}</tbody></table></div>
{% else %}<p class="dim">Nothing.</p>
{% endif %}
{% for table in tables %}<h2>{{ table.name }}</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">{{ table.column }}</th><th scope="col" class="num">tracks in use</th>
</tr></thead>
<tbody>
{% for name, count in table.rows %}<tr><th scope="row">{{ name }}</th>
<td class="num">{{ count }}</td></tr>
{% endfor %}</tbody></table></div>
{% endfor %}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Figure:
    """A histogram with its name and a line that sums it up."""

    name: str
    summary: str
    drawing: Markup


@dataclass(frozen=True)
class Kind:
    """Reasons of one kind."""

    name: str
    mend: str
    tracks: int
    captions: int
    examples: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class Table:
    """How many tracks in use have what."""

    name: str
    column: str
    rows: tuple[tuple[str, int], ...]


def page(rows: Sequence[Row], title: str) -> str:
    """The whole page; nothing in it is fetched, and all that comes from the corpus is escaped."""
    used = [row for row in rows if not row.excluded]
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(HTML)
    return template.render(
        title=title,
        css=Markup(CSS),
        facts=_facts(rows, used),
        figures=_figures(used),
        kinds=_kinds(rows),
        tables=_tables(used),
    )


def _facts(rows: Sequence[Row], used: Sequence[Row]) -> list[tuple[str, str]]:
    splits = Counter(row.split for row in used)
    hours = sum(row.seconds for row in used) / 3600
    return [
        ("tracks", f"{len(rows):,}"),
        ("in use", f"{len(used):,}"),
        ("set aside", f"{len(rows) - len(used):,}"),
        ("captions in use", f"{sum(len(row.captions) for row in used):,}"),
        ("artists", f"{len({row.artist_id or row.track_id for row in used}):,}"),
        ("music", f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"),
        *((words, f"{splits[split]:,}") for split, words in SPLITS.items()),
    ]


def _figures(used: Sequence[Row]) -> list[Figure]:
    def figure(name: str, unit: str, value: Callable[[Row], Sequence[float | None]]) -> Figure:
        groups = [
            [v for row in used if row.split == split for v in value(row) if v is not None]
            for split in SPLITS
        ]
        drawing = histogram(groups, list(SPLITS.values()), unit, f"histogram of {name.lower()}")
        return Figure(name, _summary([v for group in groups for v in group], unit), drawing)

    return [
        figure("Duration", "s", lambda row: [row.seconds]),
        figure("Loudness", "LUFS", lambda row: [row.loudness_lufs]),
        figure("Peak", "dB of full scale", lambda row: [row.peak_db]),
        figure("Silence", "% of the track", lambda row: [_percent(row.silence_share)]),
        figure("Clipping", "% of the samples", lambda row: [_percent(row.clipped_share)]),
        figure("Captions", "words", lambda row: [len(text.split()) for text in row.captions]),
    ]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _summary(values: Sequence[float], unit: str) -> str:
    if len(set(values)) < 2:
        return ""
    cuts = quantiles(values, n=20, method="inclusive")
    low, middle, high = (f"{cuts[i]:.4g}".replace("-", "−") for i in (0, 9, 18))
    return f"median {middle}, nine in ten from {low} to {high} {unit}"


def _kinds(rows: Sequence[Row]) -> list[Kind]:
    examples: dict[str, list[str]] = defaultdict(list)
    counts: Counter[tuple[str, bool]] = Counter()
    for track_id, path, reason, caption_id in told(rows):
        kind = kind_of(reason)
        counts[kind, bool(caption_id)] += 1
        what = f"caption {caption_id} of track {track_id}" if caption_id else path or track_id
        examples[kind].append(f"{what}: {reason}")
    order = sorted(examples, key=lambda kind: (-len(examples[kind]), kind))
    return [
        Kind(
            name=kind,
            mend=MENDS.get(kind, ""),
            tracks=counts[kind, False],
            captions=counts[kind, True],
            examples=tuple(examples[kind][:SHOWN]),
            more=max(0, len(examples[kind]) - SHOWN),
        )
        for kind in order
    ]


def _tables(used: Sequence[Row]) -> list[Table]:
    other = {True: "another: its text is in the manifest", False: "not told"}
    licenses = Counter(row.license or other[bool(row.license_text)] for row in used)
    formats = Counter(f"{row.sample_rate} Hz, {row.channels} channels" for row in used)
    return [
        Table("Licences", "licence of the audio", _ordered(licenses)),
        Table("Formats", "sample rate and channels", _ordered(formats)),
    ]


def _ordered(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
