"""The ablation table: judged rows, as records for CSV, Parquet and JSON."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..files import write_text, writing
from ..metrics.settings import METRICS
from .claims import Claimed, judge_claims
from .judging import Cell, check_same, direction, judge
from .score_files import read_row
from .settings import Table
from .study_rows import FLOOR, Kind, Row, StudyRows
from .trainings import Training, read_trainings
from .wording import name_of

TRAINED = ("steps", "images_seen", "steps_before")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("arm", "label", "kind", "claim_verdict", "claim")]
    + [(name, pa.string()) for name in ("claim_metric", "claim_agreement")]
    + [(name, pa.int64()) for name in TRAINED]
    + [(name, pa.string()) for name in ("metric", "direction")]
    + [(name, pa.float64()) for name in ("level", "effect", "low", "high", "p", "p_holm")]
    + [("verdict", pa.string()), ("smallest_effect", pa.float64())]
    + [("n_seeds", pa.int32()), ("n_prompts", pa.int32())]
    + [(name, pa.float64()) for name in ("level_low", "level_high")]
)


@dataclass(frozen=True)
class TableRow:
    """A row with a cell for each metric."""

    row: Row
    kind: Kind
    cells: dict[str, Cell]
    claimed: Claimed | None = None
    """The claim, judged; None where no metric measures it."""
    training: Training | None = None
    """None for what is not trained, or has no record."""


@dataclass(frozen=True)
class Check:
    """Something that must hold if the study's figures are to mean anything."""

    text: str
    holds: bool


@dataclass(frozen=True)
class AblationTable:
    """Everything that is printed, written and shown."""

    study: StudyRows
    settings: Table
    metrics: tuple[str, ...]
    rows: tuple[TableRow, ...]
    samples: int
    """Clips of an arm and seed."""
    checks: tuple[Check, ...]

    @property
    def family(self) -> int:
        """Arms over which verdicts are corrected."""
        return sum(row.kind == "arm" for row in self.rows)


def build_table(
    study: StudyRows, settings: Table, root: Path, texts: Mapping[str, str]
) -> AblationTable:
    """Read all scores below `root` and judge every row by every metric; `texts` are prompts."""
    scores = {
        row.name: read_row(root, row.name, study.seeds_of(row.name)) for row, _ in study.rows()
    }
    arms = {row.name: scores[row.name] for row, kind in study.rows() if kind != "fixed"}
    fixed = {name: scores[name] for name in study.fixed}
    reference = arms[study.baseline]
    metrics = tuple(metric for metric in METRICS if metric in reference.metrics)
    if settings.primary not in metrics:
        raise SystemExit(
            f"table.primary is {settings.primary}, but the scores hold only {', '.join(metrics)}; "
            "choose one of them or add it to scores.metrics"
        )
    check_same(arms, fixed, study.baseline, metrics)

    def judged_by(metric: str, only: Mapping[str, Sequence[str]] | None = None) -> dict[str, Cell]:
        return judge(metric, arms, fixed, study.baseline, settings, only)

    judged: dict[str, dict[str, Cell]] = {metric: judged_by(metric) for metric in metrics}
    compared = [row for row, kind in study.rows() if kind == "arm"]
    claims = judge_claims(compared, judged, texts, judged_by)
    trainings = read_trainings(root, [row.name for row in study.arms], study.seeds[0])
    rows = tuple(
        TableRow(
            row,
            kind,
            {metric: judged[metric][row.name] for metric in metrics},
            claims.get(row.name),
            trainings.get(row.name),
        )
        for row, kind in study.rows()
    )
    checks = tuple(_checks(judged[settings.primary], study, settings))
    return AblationTable(study, settings, metrics, rows, reference.samples, checks)


def _checks(cells: Mapping[str, Cell], study: StudyRows, settings: Table) -> list[Check]:
    """Floor below the baseline, real audio above it; by the primary metric, if it has a side."""
    sign = {"higher": 1, "lower": -1, "neutral": 0}[direction(settings.primary)]
    checks = []
    for name, side, text in (
        (FLOOR, -1, "the baseline beats the untuned base"),
        ("real-audio", 1, "real held-out audio beats the baseline"),
    ):
        cell = cells.get(name)
        if not sign or cell is None or cell.effect is None or cell.low is None or cell.high is None:
            continue
        ends = sorted(side * sign * end for end in (cell.low, cell.high))
        low, high = sorted((side * cell.low, side * cell.high))
        shown = f"{side * cell.effect:+.4f} [{low:+.4f}, {high:+.4f}]"
        checks.append(Check(f"{text}: {name_of(settings.primary)} {shown}", ends[0] > 0))
    return checks


def to_records(table: AblationTable) -> list[dict[str, Any]]:
    """One record a row and metric, with the columns of `SCHEMA`."""
    return [
        {
            "arm": line.row.name,
            "label": line.row.label,
            "kind": line.kind,
            "claim_verdict": line.row.claim.verdict,
            "claim": line.row.claim.words,
            "claim_metric": line.row.claim.metric,
            "claim_agreement": line.claimed.agreement if line.claimed else None,
            **{name: getattr(line.training, name, None) for name in TRAINED},
            "metric": metric,
            "direction": direction(metric),
            **asdict(cell),
        }
        for line in table.rows
        for metric, cell in line.cells.items()
    ]


def to_json(table: AblationTable) -> dict[str, Any]:
    """What the report reads."""
    return {
        "study": table.study.name,
        "seeds": list(table.study.seeds),
        "baseline": table.study.baseline,
        "confidence": table.settings.confidence,
        "power": table.settings.power,
        "primary": table.settings.primary,
        "family": table.family,
        "samples": table.samples,
        "metrics": [{"name": name, "direction": direction(name)} for name in table.metrics],
        "rows": [
            {
                **line.row.model_dump(mode="json"),
                "kind": line.kind,
                "claimed": asdict(line.claimed) if line.claimed else None,
                "training": asdict(line.training) if line.training else None,
                "metrics": {metric: asdict(cell) for metric, cell in line.cells.items()},
            }
            for line in table.rows
        ],
        "checks": [asdict(check) for check in table.checks],
    }


def write_csv(path: Path, table: AblationTable) -> None:
    """CSV; what cannot be known is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, SCHEMA.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(to_records(table))
    write_text(path, out.getvalue())


def write_parquet(path: Path, table: AblationTable) -> None:
    """The same as Parquet."""
    with writing(path) as aside:
        pq.write_table(pa.Table.from_pylist(to_records(table), SCHEMA), aside)
