"""What is measured of an arm's samples."""

from typing import Literal, get_args

from pydantic import field_validator

from ..settings import Settings

Metric = Literal[
    "text_audio_similarity",
    "diversity",
    "diversity_cosine",
    "frechet_distance",
    "spectral_entropy",
    "spectral_entropy_band1",
    "spectral_entropy_band2",
    "spectral_entropy_band3",
    "spectral_entropy_band4",
    "spectral_entropy_half1",
    "spectral_entropy_half2",
]
METRICS: tuple[Metric, ...] = get_args(Metric)


class Scores(Settings):
    """Which figures are taken; the embedder behind them is the study's."""

    metrics: tuple[Metric, ...] = METRICS
    """Names of the metrics, in any order; `spectral_entropy_band1` is the lowest quarter of
    the rows, `spectral_entropy_half1` the first half in time."""

    @field_validator("metrics")
    @classmethod
    def _in_one_order(cls, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        if not metrics:
            raise ValueError("at least one metric is needed")
        return tuple(name for name in METRICS if name in metrics)
