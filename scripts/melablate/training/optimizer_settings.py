"""The optimizers to choose from, and what is each one's own."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ..settings import Settings

Decay = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class AdamW(Settings):
    """AdamW (Loshchilov and Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    """Its name: a module of `training/optimizers`."""
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    """Decay of the first and second moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    eps: Rate = 1e-8
    """Added to the root of the second moment."""


class AdamW8bit(Settings):
    """AdamW with moments of 8 bits in blocks of 256 (Dettmers et al. 2022; bitsandbytes)."""

    kind: Literal["adamw8bit"] = "adamw8bit"
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    """Decay of the first and second moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    eps: Rate = 1e-8
    """Added to the root of the second moment."""
    min_8bit_size: Positive = 4096
    """Weights with fewer elements keep moments of 32 bits."""


class Lion(Settings):
    """Lion: steps of one size, by sign (Chen et al. 2023; lion-pytorch).

    Its paper takes a learning rate 3 to 10 times smaller than AdamW's, and a weight decay larger
    by as much.
    """

    kind: Literal["lion"] = "lion"
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    """Share of the old average in the step, and decay of the average."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decoupled weight decay."""


class Prodigy(Settings):
    """Prodigy: finds the step size itself (Mishchenko and Defazio 2023; prodigyopt).

    One size for all weights, so `lr` is 1, and so is `lr_text` where text encoders train.
    """

    kind: Literal["prodigy"] = "prodigy"
    betas: tuple[Annotated[float, Field(gt=0, lt=1)], Decay] = (0.9, 0.99)
    """Decay of the first and second moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    eps: Rate = 1e-8
    """Added to the root of the second moment."""
    d0: Rate = 1e-6
    """First guess of the step size."""
    d_coef: Rate = 1.0
    """Multiplies the step size: the way to tune it."""
    use_bias_correction: bool = False
    """Adam's correction of the first moments' bias."""
    safeguard_warmup: bool = False
    """The estimate does not divide by a learning rate that still warms up; it grows later then."""


class Adafactor(Settings):
    """Adafactor: second moments as rows and columns (Shazeer and Stern 2018; transformers).

    The step is `lr`, not relative to the step's number.
    """

    kind: Literal["adafactor"] = "adafactor"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay."""
    decay_rate: Annotated[float, Field(lt=0)] = -0.8
    """The second moment's decay at step t is 1 − t^decay_rate."""
    clip_threshold: Rate = 1.0
    """Largest root mean square of an update before it is multiplied by the learning rate."""
    scale_parameter: bool = False
    """Multiply steps by the root mean square of each weight."""
    eps: tuple[Rate, Rate] = (1e-30, 1e-3)
    """Added to squared gradients; smallest root mean square for scale_parameter."""


class ScheduleFree(Settings):
    """Schedule-free AdamW (Defazio et al. 2024; schedulefree).

    It averages weights instead of lowering the learning rate: `schedule` is constant, the warm-up
    is its own, and the average is what is validated, sampled from and saved.
    """

    kind: Literal["schedule_free"] = "schedule_free"
    betas: tuple[Annotated[float, Field(gt=0, lt=1)], Decay] = (0.9, 0.99)
    """Share of the average in the weights that gradients are taken at, and decay of the second
    moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay."""
    eps: Rate = 1e-8
    """Added to the root of the second moment."""
    r: Annotated[float, Field(ge=0)] = 0.0
    """Step t counts in the average as t^r."""


def _named(value: Any) -> Any:
    return {"kind": "adamw"} | value if isinstance(value, dict) else value


Kinds = AdamW | AdamW8bit | Lion | Prodigy | Adafactor | ScheduleFree
Optimizer = Annotated[Kinds, Field(discriminator="kind"), BeforeValidator(_named)]
"""By `kind`; `adamw` where none is named."""
