"""Options of a training run that contradict each other, or that would do nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import Train

POLYNOMIAL_END = 1e-7


def disagreement(train: "Train") -> str:
    """What is wrong first, and how to mend it; empty where nothing is."""
    found = (*_rates(train), *_schedule(train), *_optimizer(train), *_adapters(train))
    return found[0] if found else ""


def _rates(train: "Train") -> Iterator[str]:
    if train.lr_text_2 is not None and train.lr_text is None:
        yield "lr_text_2 is set but lr_text is not: no text encoder trains; set lr_text too"


def _schedule(train: "Train") -> Iterator[str]:
    said = "{} has no effect on schedule {}: set schedule to {} or take it out"
    if train.schedule_cycles != 1 and train.schedule != "cosine_with_restarts":
        yield said.format("schedule_cycles", train.schedule, "cosine_with_restarts")
    if train.schedule_power != 1 and train.schedule != "polynomial":
        yield said.format("schedule_power", train.schedule, "polynomial")
    if train.schedule == "polynomial" and train.lr <= POLYNOMIAL_END:
        yield f"schedule polynomial ends at {POLYNOMIAL_END:g}, so lr must be larger"
    if train.warmup >= 1 and train.warmup != int(train.warmup):
        yield f"warmup {train.warmup:g} is neither a share below 1 nor a whole number of steps"
    if train.steps is not None and train.warmup > train.steps:
        yield f"warmup: {train.warmup:g} steps are more than the {train.steps} of the run"


def _optimizer(train: "Train") -> Iterator[str]:
    kind = train.optimizer.kind
    if kind == "schedule_free" and train.schedule != "constant":
        yield f"optimizer schedule_free needs schedule constant, not {train.schedule}"
    if kind == "schedule_free" and train.ema is not None:
        yield "optimizer schedule_free averages the weights itself: take ema out"
    if kind == "prodigy" and train.lr != 1:
        yield "optimizer prodigy finds the step size itself: set lr to 1 (d_coef tunes it)"
    texts = {rate for rate in (train.lr_text, train.lr_text_2) if rate}
    if kind == "prodigy" and not texts <= {1.0}:
        yield (
            "optimizer prodigy has one step size for all weights and cannot train a text encoder "
            "at another rate: set lr_text to 1, or to null to train the UNet alone"
        )


def _adapters(train: "Train") -> Iterator[str]:
    if train.compile and train.adapter_dropout != type(train.adapter_dropout)():
        yield "compile cannot take adapter_dropout, which draws within the blocks: take one out"
    if train.weights == "full":
        for option in ("conv_rank", "conv_alpha", "rank_stabilized", "adapter_dropout"):
            if getattr(train, option) != type(train).model_fields[option].default:
                yield f"{option} has no effect on weights full, which has no adapters: take it out"
        if train.lr_text is not None:
            yield "weights full trains the UNet alone: set lr_text to null, or weights to lora"
    if train.conv_alpha is not None and train.conv_rank is None:
        yield "conv_alpha is set but conv_rank is not: convolutions have no adapter; set both"
