"""The report: one page in a folder of its own, with its images and sounds."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..audio.codec_settings import CodecSettings
from ..files import writing_folder
from ..progress import Progress
from . import page_words as words
from .page_assets import Take, copy_takes
from .page_css import CSS
from .page_data import Figure, Page, Prompt, Row, read_page
from .page_html import HTML, MACROS
from .page_js import JS
from .page_settings import Report
from .page_svg import Domain, axis, curves, effect_domain, interval, loss_domain
from .wording import digits, name_of, number, percent, shown_metrics

GROUPS = ("fixed", "baseline", "arm")
WIDE, NARROW = 156, 84
"""Width of the drawn intervals: of the metric that judges, and of the others."""
PANEL = (330, 128)

Takes = Mapping[str, Mapping[str, list[Take]]]
"""By row and prompt id."""


@dataclass(frozen=True)
class Column:
    """A metric of the table and the range that its intervals share."""

    metric: str
    name: str
    better: str
    """Which way is better."""
    decimals: int
    domain: Domain | None
    width: int

    @property
    def axis(self) -> Markup:
        """The axis above the intervals."""
        return axis(self.domain, self.width) if self.domain else Markup("")


def write_report(
    look: Report, table: Path, prompts: Path, arms: Path, out: Path, threads: int = 1
) -> None:
    """Write the folder whole or not at all."""
    page = read_page(table, prompts, arms)
    shown = page.prompts[: look.prompts_shown]
    progress = Progress("report", len(page.rows))
    takes = {}
    # Threads are enough: both encoders, of PNG and of sound, work outside of Python's lock.
    with writing_folder(out) as aside, ThreadPoolExecutor(threads) as pool:
        made = pool.map(
            lambda row: copy_takes(row, page.seeds_of(row), shown, arms, aside, look), page.rows
        )
        for done, (row, takes_of_row) in enumerate(zip(page.rows, made, strict=True), 1):
            takes[row.name] = takes_of_row
            progress.step(done)
        (aside / "index.html").write_text(render(page, shown, takes, look), encoding="utf-8")


def render(page: Page, shown: tuple[Prompt, ...], takes: Takes, look: Report) -> str:
    """The page's HTML."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    template = environment.from_string(MACROS + HTML)
    return template.render(context(page, shown, takes, look)).lstrip()


def context(page: Page, shown: tuple[Prompt, ...], takes: Takes, look: Report) -> dict[str, Any]:
    """What the template asks for."""
    judging, *others = _columns(page)
    codecs = _codecs(takes)
    return {
        **_rows(page, shown, takes, judging, others),
        "title": look.title or f"What helped, and what did not: {page.study}",
        "css": Markup(CSS),
        "js": Markup(JS),
        "seeds": page.seeds,
        "confidence": percent(page.confidence),
        "power": percent(page.table["power"]),
        "prompts": shown,
        "prompts_total": len(page.prompts),
        "facts": words.facts(page, codecs),
        "primary": judging,
        "others": others,
        "tally": words.tally(page.rows, page.primary),
        "claims": words.claims_held(page.rows),
        "picture": words.picture_words(codecs),
        "notes": words.notes(page, look.audio_format),
        "checks": words.checks(page),
    }


def _rows(
    page: Page, shown: tuple[Prompt, ...], takes: Takes, judging: Column, others: list[Column]
) -> dict[str, Any]:
    """The rows in their groups, those that were trained, those that were not."""
    baseline = next((row for row in page.rows if row.kind == "baseline"), None)
    losses = loss_domain(page.rows)
    groups: dict[str, list[dict[str, Any]]] = {kind: [] for kind in GROUPS}
    for row in page.rows:
        behind = baseline if row.kind == "arm" else None
        groups[row.kind].append(
            {
                **_row(page, row, judging, others),
                "takes": _cells(page, row, shown, takes[row.name]),
                "changes": words.changes(row, baseline),
                "curves": curves(row, behind, losses, *PANEL) if losses and row.runs else "",
            }
        )
    return {
        "groups": [{"kind": kind, "rows": rows} for kind, rows in groups.items() if rows],
        "trained": bool(losses),
        "trained_rows": groups["baseline"] + groups["arm"],
        "fixed_rows": groups["fixed"],
    }


def _columns(page: Page) -> list[Column]:
    """The metric that judges, then the others that have a column."""
    columns = []
    for metric in shown_metrics(page.table):
        # Reference rows may lie far off: they would squeeze all arms into a few pixels.
        domain = effect_domain(row.figure(metric) for row in page.rows if row.kind == "arm")
        width = WIDE if metric == page.primary else NARROW
        decimals, better = digits(page.table, metric), words.better(page, metric)
        columns.append(Column(metric, name_of(metric), better, decimals, domain, width))
    return columns


def _row(page: Page, row: Row, judging: Column, others: list[Column]) -> dict[str, Any]:
    return {
        "name": row.name,
        "label": row.label,
        "kind": row.kind,
        "claim": words.CLAIMED[row.claim],
        "claim_words": row.words,
        "verdict": words.measured(row.figure(page.primary).verdict),
        "outcome": row.outcome,
        "steps": "" if row.steps is None else str(row.steps),
        "length": words.length(row),
        "ratio": f"×{row.time['ratio']:.2f}" if row.time else "",
        "ratio_sort": repr(row.time["ratio"]) if row.time else "",
        "time": words.time_words(row, page.confidence),
        "primary": _cell(row.figure(judging.metric), judging, page.confidence),
        "others": [_cell(row.figure(c.metric), c, page.confidence) for c in others],
        "facts": words.run_facts(row),
        "about": words.REFERENCES.get(row.name, ""),
    }


def _cell(figure: Figure, column: Column, confidence: float) -> dict[str, Any]:
    verdict = words.measured(figure.verdict)
    described = words.effect_words(figure, confidence, column.decimals)
    return {
        "level": number(figure.level, column.decimals) or "–",
        "level_sort": "" if figure.level is None else repr(figure.level),
        "effect": number(figure.effect, column.decimals, signed=True),
        "effect_sort": "" if figure.effect is None else repr(figure.effect),
        "drawing": _drawing(figure, column, verdict.kind),
        "verdict": verdict,
        "blind": figure.blind,
        "told": verdict.kind in ("improved", "worse", "higher", "lower"),
        "words": described,
        "title": f"{figure.verdict}: {described}" if figure.verdict else described,
    }


def _drawing(figure: Figure, column: Column, kind: str) -> Markup:
    return interval(figure, column.domain, column.width, kind) if column.domain else Markup("")


def _cells(
    page: Page, row: Row, shown: tuple[Prompt, ...], takes: Mapping[str, list[Take]]
) -> list[tuple[Prompt, list[dict[str, Any]]]]:
    """A cell a prompt: a take a seed, or the words for why there is none."""
    seeds = page.seeds_of(row)
    cells = []
    for prompt in shown:
        made = {take.seed: take for take in takes[prompt.prompt_id]}
        cells.append((prompt, [_take(page, row, prompt, seed, made.get(seed)) for seed in seeds]))
    return cells


def _take(page: Page, row: Row, prompt: Prompt, seed: int, take: Take | None) -> dict[str, Any]:
    varies = row.seeded and len(page.seeds) > 1
    missing = "no sample" + (f" with seed {seed}" if varies else "")
    if not row.seeded and not prompt.clip_id:
        missing = "a prompt of one's own: no real clip"
    return {
        "seed": seed,
        "varies": varies,
        "first": seed == page.seeds[0],
        "of_seed": f", seed {seed}" if varies else "",
        "image": take.image if take else "",
        "audio": take.audio if take else "",
        "seconds": f"{take.seconds:.3f}" if take else "",
        "missing": missing,
    }


def _codecs(takes: Takes) -> list[CodecSettings]:
    """The codecs of all images, in the order of the rows."""
    found = (take.codec for row in takes.values() for some in row.values() for take in some)
    return list(dict.fromkeys(found))
