"""Words and figures of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..audio.codec_settings import CodecSettings
from ..progress import duration
from .notes import notes as table_notes
from .page_data import Figure, Page, Row, Run
from .wording import number, percent


@dataclass(frozen=True)
class Verdict:
    """A mark: its colour, its words, its place when sorted."""

    kind: str = "none"
    words: str = ""
    order: int | str = ""


MEASURED = {
    "improved": Verdict("improved", "improved", 2),
    "worse": Verdict("worse", "worse", 0),
    "higher": Verdict("higher", "higher", 2),
    "lower": Verdict("lower", "lower", 0),
    "no difference shown": Verdict("none", "no difference shown", 1),
}
CLAIMED = {
    "improved": Verdict("improved", "improved", 2),
    "worse": Verdict("worse", "worse", 0),
    "indeterminate": Verdict("none", "indeterminate", 1),
    "none": Verdict(),
}
AGREEMENTS = ("as claimed", "against the claim", "not shown either way", "claim was open")
BETTER = {"higher": "↑ better", "lower": "↓ better", "neutral": "neither better"}
REFERENCES = {
    "untuned-base": "The base model before any fine-tuning: the floor.",
    "codec-ceiling": "Real held-out audio made an image and sound again: the best that any row"
    " could sound through this codec.",
    "autoencoder-ceiling": "The same with the image encoded and decoded by the base's autoencoder:"
    " what is lost before the diffusion model has done anything.",
    "real-audio": "The held-out clips themselves, at the loudness of all others.",
}


def measured(verdict: str) -> Verdict:
    """The mark of a verdict; words that are none of the known (one seed) stand as they are."""
    return MEASURED.get(verdict, Verdict("open", verdict))


def better(page: Page, metric: str) -> str:
    """Which way is better."""
    sides = {entry["name"]: entry["direction"] for entry in page.table["metrics"]}
    return BETTER[sides[metric]]


def effect_words(figure: Figure, confidence: float, decimals: int) -> str:
    """The effect, its interval, what could have been seen."""
    if figure.effect is None:
        return ""
    words = number(figure.effect, decimals, signed=True)
    if figure.low is not None and figure.high is not None:
        ends = (number(end, decimals, signed=True) for end in (figure.low, figure.high))
        words += f", {percent(confidence)} interval {' to '.join(ends)}"
    if figure.p is not None:
        words += f", p {'< .001' if figure.p < 0.001 else f'= {figure.p:.3f}'} (Holm)"
    if figure.smallest is not None:
        words += f"; smallest effect that would show: {number(figure.smallest, decimals)}"
        words += ", more than from the baseline to real audio" if figure.blind else ""
    return words


def tally(rows: Sequence[Row], primary: str) -> list[tuple[int, Verdict]]:
    """How many arms got each verdict."""
    verdicts = [row.figure(primary).verdict for row in rows if row.kind == "arm"]
    known = dict.fromkeys([*MEASURED, *verdicts])
    return [(verdicts.count(v), measured(v)) for v in known if v in verdicts]


def claims_held(rows: Sequence[Row]) -> str:
    """One line on how the claims fared."""
    found = [row.outcome for row in rows if row.kind == "arm" and row.outcome]
    if not found:
        return ""
    counts = {words: sum(said.endswith(words) for said in found) for words in AGREEMENTS}
    parts = [f"{count} {words}" for words, count in counts.items() if count]
    if unjudged := len(found) - sum(counts.values()):
        parts.append(f"{unjudged} that no metric measures")
    return f"Of {len(found)} claims: {', '.join(parts)}."


def length(row: Row) -> str:
    """`126 steps, 1008 images, after 63 steps of another arm`."""
    if row.steps is None:
        return ""
    said = f"{row.steps} steps, {row.images_seen} images"
    return f"{said}, after {row.steps_before} steps of another arm" if row.steps_before else said


def time_words(row: Row, confidence: float) -> str:
    """Training time as a multiple of the baseline's, with its interval."""
    ratio, low, high = (row.time.get(key) for key in ("ratio", "low", "high"))
    if ratio is None:
        return ""
    said = f"{ratio:.2f} of the baseline's time"
    if low is None or high is None:
        return said
    return f"{said}, {percent(confidence)} interval {low:.2f} to {high:.2f}"


def changes(row: Row, baseline: Row | None) -> list[tuple[str, str | None, str]]:
    """Key, the baseline's value where its training recorded it, the row's value."""
    record = baseline.runs[0].record if baseline and baseline.runs else {}
    known = {"train": record.get("settings"), "latents": record.get("latents")}
    lines = []
    for key, new in row.changes.items():
        old: Any = known
        for part in key.split("."):
            old = old.get(part, ...) if isinstance(old, dict) else ...
        absent = old is ... or isinstance(old, dict) or value(old) == value(new)
        lines.append((key, None if absent else value(old), value(new)))
    return lines


def value(setting: Any) -> str:
    """A setting as the config would write it."""
    if setting is None:
        return "none"
    if isinstance(setting, bool):
        return "true" if setting else "false"
    if isinstance(setting, list | tuple):
        return ", ".join(value(item) for item in setting)
    if isinstance(setting, float):
        return f"{setting:g}"
    return str(setting)


def run_facts(row: Row) -> str:
    """Steps, weights, time of a row's trainings."""
    records = [run.record for run in row.runs if run.record]
    facts = []
    steps = _span([record.get("steps") for record in records])
    facts += [f"{steps} steps"] if steps else []
    weights = _span([record.get("trained_weights") for record in records])
    facts += [f"{weights} trained weights"] if weights else []
    images = _span([record.get("images") for record in records])
    facts += [f"{images} images"] if images else []
    facts += [f"{row.images_seen} seen"] if row.images_seen else []
    facts += [f"after {row.steps_before} steps of another arm"] if row.steps_before else []
    seconds = _span([record.get("loop_seconds") for record in records], clock=True)
    facts += [f"{seconds} a seed"] if seconds else []
    return " · ".join(facts)


def facts(page: Page, codecs: Sequence[CodecSettings]) -> list[tuple[str, str]]:
    """What the study is, as far as the files say."""
    arms = sum(row.kind == "arm" for row in page.rows)
    fixed = sum(row.kind == "fixed" for row in page.rows)
    runs = [run for row in page.rows for run in row.runs]
    found = [
        ("Study", page.study),
        ("Rows", f"baseline, {arms} arms, {fixed} reference rows"),
        ("Seeds", ", ".join(map(str, page.seeds))),
        ("Prompts", str(len(page.prompts))),
    ]
    clips = [
        f"{codec.seconds:.3g} s at {codec.sample_rate / 1000:g} kHz"
        + (", stereo" if codec.channels > 1 else "")
        for codec in codecs
    ]
    if clips:
        found.append(("Clips", "; ".join(dict.fromkeys(clips))))
    return found + _provenance(runs)


def picture_words(codecs: Sequence[CodecSettings]) -> str:
    """What the axes of the spectrograms are, for each codec that made some."""
    if not codecs:
        return "Low frequencies are at the bottom; time runs to the right."
    words = list(dict.fromkeys(map(_axes, codecs)))
    if len(words) == 1:
        return f"Spectrograms: {words[0]}."
    return f"Spectrograms, by the codec of the row: {' Or '.join(f'{text}.' for text in words)}"


def _axes(codec: CodecSettings) -> str:
    low, high = codec.band
    return (
        f"{low:g} Hz at the bottom to {high / 1000:.4g} kHz on the {codec.row_scale};"
        f" {codec.shown_seconds:.3g} s from left to right"
        + ("; both channels in one" if codec.channels > 1 else "")
    )


def notes(page: Page, kind: str) -> list[str]:
    """Footnotes on the statistics and on what is shown."""
    return [
        *table_notes(page.table),
        "“No difference shown” is not “no difference”: effects inside the grey band would have"
        f" been missed in more than {percent(1 - page.table['power'])} of cases. More seeds and"
        " more prompts make it narrower.",
        "Times of training are of the loop, from the runs' records, on a machine that other jobs"
        " may have shared; what is cached beforehand is not in them.",
        sound_words(kind),
    ]


def checks(page: Page) -> list[tuple[Verdict, str]]:
    """What must hold if the study's figures are to mean anything."""
    marks = {True: Verdict("holds", "holds"), False: Verdict("fails", "fails")}
    return [(marks[check["holds"]], check["text"]) for check in page.table["checks"]]


def sound_words(kind: str) -> str:
    """What the players play."""
    if kind == "mp3":
        return (
            "The players play MP3 of the best variable quality; scores were taken from the"
            " uncompressed files in the study's folder. Of several samples of a prompt the first"
            " is shown."
        )
    return (
        f"The players play lossless {kind.upper()}: the very samples that were scored. Of several"
        " samples of a prompt the first is shown."
    )


def _provenance(runs: Sequence[Run]) -> list[tuple[str, str]]:
    records = [run.record for run in runs if run.record]
    found = []
    seconds = sum(record.get("loop_seconds") or 0 for record in records)
    if seconds:
        found.append(("Training", f"{duration(seconds)} over {len(records)} runs"))
    machines = [record.get("machine") or {} for record in records]
    devices = sorted({str(m.get("gpu") or f"{m['cores']} cores") for m in machines if "cores" in m})
    if devices:
        found.append(("Machine", ", ".join(devices)))
    commits = sorted({str(record["commit"]) for record in records if record.get("commit")})
    if commits:
        found.append(("Commit", ", ".join(commit[:10] + commit[40:] for commit in commits)))
    versions = sorted({str((r.get("versions") or {}).get("torch", "")) for r in records} - {""})
    if versions:
        found.append(("PyTorch", ", ".join(versions)))
    return found


def _span(values: Sequence[Any], clock: bool = False) -> str:
    """One value, or the least and the greatest."""
    kept = sorted(value for value in values if isinstance(value, int | float))
    if not kept:
        return ""
    ends = [
        duration(end) if clock else f"{end:,}".replace(",", " ")
        for end in kept[:: len(kept) - 1 or 1]
    ]
    return " to ".join(dict.fromkeys(ends))
