"""All metrics of one row's samples, as rows of `scores.csv`."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import write_text
from .diversity import covariance_trace, mean_cosine_distance
from .embedder import Embedder, embed_clips, embed_prompts
from .entropy import spectral_entropies
from .frechet import ENOUGH, frechet_distance
from .sample_files import SampleFile, read_frames, read_index, read_sounds
from .settings import Metric, Scores
from .similarity import text_audio_similarity

COLUMNS = ("metric", "prompt_id", "sample", "value")
Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """One figure: of a sample, or (without one) of the whole set."""

    metric: str
    value: float
    sample: SampleFile | None = None


def score_samples(
    folder: Path, embedder: Embedder, reference: Embeddings, settings: Scores
) -> tuple[list[Score], Embeddings]:
    """Scores in the settings' order of metrics, and the embeddings in the index's order."""
    samples = read_index(folder)
    sounds, rate = read_sounds(samples)
    audio = embed_clips(embedder, sounds, rate, "scores")
    text = embed_prompts(embedder, [sample.prompt for sample in samples])
    wanted = set(settings.metrics)
    scores = [
        *_of_samples("text_audio_similarity", text_audio_similarity(audio, text), samples),
        *_of_the_set(audio, reference, wanted),
        *(_of_images(samples) if any(name.startswith("spectral") for name in wanted) else ()),
    ]
    order: dict[str, int] = {metric: place for place, metric in enumerate(settings.metrics)}
    chosen = [score for score in scores if score.metric in order]
    chosen.sort(key=lambda score: order[score.metric])
    _refuse_nonfinite(chosen, folder)
    return chosen, audio


def write_scores(path: Path, scores: list[Score]) -> None:
    """CSV in the long form; set metrics leave prompt and sample empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for score in scores:
        place = (score.sample.prompt_id, score.sample.sample) if score.sample else ("", "")
        writer.writerow([score.metric, *place, repr(score.value)])
    write_text(path, out.getvalue())


def few_clips(samples: int, reference: int) -> str:
    """A word of warning where a Fréchet distance depends on the number of clips."""
    if min(samples, reference) >= ENOUGH:
        return ""
    return (
        f"; below {ENOUGH} clips it depends on their number: "
        "compare it only between rows with as many samples"
    )


def _of_samples(
    metric: str, values: NDArray[np.float64], samples: list[SampleFile]
) -> Iterator[Score]:
    for sample, value in zip(samples, values, strict=True):
        yield Score(metric, float(value), sample)


def _of_images(samples: list[SampleFile]) -> Iterator[Score]:
    for sample in samples:
        for metric, value in spectral_entropies(read_frames(sample.image)).items():
            yield Score(metric, value, sample)


def _of_the_set(audio: Embeddings, reference: Embeddings, wanted: set[Metric]) -> Iterator[Score]:
    yield Score("diversity", covariance_trace(audio))
    yield Score("diversity_cosine", mean_cosine_distance(audio))
    if "frechet_distance" in wanted:
        frechet = frechet_distance(audio, reference)
        note = few_clips(frechet.samples, frechet.reference)
        print(
            f"Fréchet distance of {frechet.samples} samples "
            f"to {frechet.reference} reference clips{note}"
        )
        yield Score("frechet_distance", frechet.distance)


def _refuse_nonfinite(scores: list[Score], folder: Path) -> None:
    for score in scores:
        if not np.isfinite(score.value):
            where = f" of {score.sample.audio.name}" if score.sample else ""
            raise SystemExit(f"{folder}: {score.metric}{where} is {score.value}, not a number")
