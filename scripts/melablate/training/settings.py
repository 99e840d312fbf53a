"""Everything that a training run can be told: one arm's `train` section."""

import math
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ..settings import Neutral, Settings
from .adapter_settings import AdapterDropout
from .average_settings import Ema
from .objective import contradiction
from .objective_settings import MultiresNoise, SpectrogramLoss
from .optimizer_settings import AdamW, Optimizer
from .validation_settings import Validation
from .weights_checks import disagreement

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]


class Loss(Settings):
    """Elementwise loss between the UNet's prediction and its target."""

    kind: Literal["mse", "l1", "huber", "smooth_l1"] = "mse"
    """Its name: a module of `training/losses`."""
    c: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Threshold between the quadratic and the linear part (huber, smooth_l1)."""
    schedule: Literal["constant", "exponential", "snr"] = "snr"
    """How the threshold depends on the timestep: not, exp(t·ln c/T), or (1−c)/(1+σ)² + c."""
    c_end: Annotated[float, Field(gt=0, le=1)] | None = None
    """'Dynamic Huber': c moves in a straight line to this value over the run."""

    @model_validator(mode="after")
    def _uses_c(self) -> "Loss":
        if self.kind in ("mse", "l1") and self.c_end is not None:
            raise ValueError(
                f"c_end has no effect on kind {self.kind}: set kind to huber or smooth_l1"
            )
        return self


class Captions(Settings):
    """What becomes of a caption before it is encoded."""

    shuffle: Literal["none", "clauses", "sentences"] = "none"
    """Shuffle the caption's clauses, split at commas, semicolons and ends of sentences, or only its
    sentences, each left as it is."""
    keep_first: Annotated[int, Field(ge=0)] = 0
    """Clauses or sentences that stay in front."""
    dropout: Share = 0.0
    """Share of samples that are trained without caption."""

    @model_validator(mode="after")
    def _uses_keep_first(self) -> "Captions":
        if self.shuffle == "none" and self.keep_first:
            raise ValueError(
                "keep_first has no effect on shuffle none: set shuffle to clauses or sentences"
            )
        return self


class Regularization(Settings):
    """Images of another set, mixed in one for one (prior preservation)."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of their loss."""


class WarmStart(Settings):
    """Start from the weights of another arm or of a file, not from zero, with a new optimizer.

    Order, noise and timesteps are drawn anew: they are not those that the other arm has seen.
    """

    arm: str | None = None
    """Name of that arm; the run of the same seed is used."""
    path: str | None = None
    """Instead of an arm: a safetensors file, made here or elsewhere, in the keys of diffusers or of
    kohya's trainer. It is known by its content and its name, wherever it lies."""

    @model_validator(mode="after")
    def _one(self) -> "WarmStart":
        if (self.arm is None) == (self.path is None):
            raise ValueError("give an arm or a path, one of both")
        return self


class Train(Settings):
    """A training run. All counts of samples are of training images, not of validation images."""

    epochs: Annotated[float, Field(gt=0)] = 10
    """Times that every image is seen, times `repeats`; not used where `steps` is set."""
    steps: Positive | None = None
    """Optimizer steps; by default as many as the epochs need."""
    batch_size: Positive = 2
    """Images at a time."""
    accumulation: Positive = 1
    """Batches to an optimizer step."""
    repeats: Positive = 1
    """Times that an image stands in an epoch."""
    weights: Annotated[Literal["lora", "full"], Neutral("lora")] = "lora"
    """What trains: low-rank adapters, or all weights of the UNet (then no text encoder trains)."""
    lr: Rate = 1e-4
    """Peak learning rate of the UNet's weights."""
    lr_text: Rate | None = None
    """Peak learning rate of the text encoders' weights; none: they are not trained."""
    lr_text_2: Annotated[float, Field(ge=0)] | None = None
    """That of SDXL's second text encoder; none: `lr_text`, 0: it is not trained."""
    optimizer: Optimizer = AdamW()
    """The optimizer."""
    ema: Ema | None = None
    """Average the trained weights over the run; none: the last ones are the result."""
    schedule: Literal["constant", "cosine", "cosine_with_restarts", "linear", "polynomial"] = (
        "constant"
    )
    """Learning rate after the warm-up: constant, or down to zero by a half cosine, by several of
    them, by a line, or to 1e-7 by a power of it (diffusers' schedules)."""
    schedule_cycles: Annotated[Positive, Neutral(1)] = 1
    """Half cosines of cosine_with_restarts."""
    schedule_power: Annotated[Rate, Neutral(1.0)] = 1.0
    """Power of the polynomial schedule."""
    warmup: Annotated[float, Field(ge=0)] = 0.02
    """Steps in which the learning rate rises from zero: a share of all below 1, else a number."""
    clip_norm: Rate | None = 1.0
    """Largest norm of the gradient of all weights together; none: unlimited."""
    rank: Positive = 8
    """Rank of the low-rank adapters."""
    alpha: Rate = 8.0
    """Adapters are scaled by alpha / rank."""
    targets: Literal["attention", "transformer", "all"] = "transformer"
    """Layers with an adapter: the attention's projections; every linear layer and 1×1 convolution
    of the transformer blocks, MLP included (kohya's default); those of the whole network."""
    conv_rank: Positive | None = None
    """Rank of adapters on the UNet's 3×3 convolutions, in ResNet blocks and samplers, whose other
    layers then have adapters too (kohya's conv_dim, LoCon); none: convolutions have none."""
    conv_alpha: Rate | None = None
    """Alpha of these; none: they are scaled as the others are."""
    rank_stabilized: bool = False
    """Scale adapters by alpha / √rank (Kalajdzievski 2023, rsLoRA)."""
    adapter_dropout: AdapterDropout = AdapterDropout()
    """Parts of adapters that are left out while training."""
    loss: Loss = Loss()
    """Elementwise loss."""
    spectrogram_loss: SpectrogramLoss | None = None
    """Spectrogram-aware loss beside it; none: the latents alone count."""
    min_snr_gamma: Rate | None = None
    """Weight samples by min(SNR, γ)/SNR, or /(SNR + 1) for v (Hang et al. 2023); none: all alike.
    Weights multiply where several are asked for."""
    debiased: bool = False
    """Debiased estimation (Yu et al. 2023): weight samples by 1/√SNR, or 1/(SNR + 1) for v."""
    scale_v_like_epsilon: bool = False
    """Weight samples by SNR/(SNR + 1), so that errors of v count as those of ε would."""
    v_like_loss: Annotated[float, Field(ge=0)] = 0.0
    """Add so many times the loss over SNR/(SNR + 1): what v-prediction would stress, for ε."""
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    """What the network predicts, here and when the arm is sampled; none: as the base does."""
    zero_terminal_snr: bool = False
    """Rescale the noise schedule so that nothing is left of the signal at its last step (Lin et
    al. 2023); for v-prediction only. The arm is sampled with it, from the last step on."""
    noise_offset: Annotated[float, Field(ge=0)] = 0.0
    """Noise added to each channel as a whole (Guttenberg 2023)."""
    adaptive_noise_scale: float = 0.0
    """Added to `noise_offset`, times the size of the mean of the sample's channel; a sum below 0
    is 0."""
    multires_noise: MultiresNoise | None = None
    """Noise of several resolutions rather than white noise."""
    input_perturbation: Annotated[float, Field(ge=0)] = 0.0
    """Noise added to the noise of the input alone, not to the target (Ning et al. 2023: 0.1)."""
    clip_skip: Positive = 1
    """Layer of the text encoder to read, from the end; 1 is the last. Not for SDXL."""
    captions: Captions = Captions()
    """What becomes of a caption."""
    augment_share: Share = 0.0
    """Share of samples for which an augmented variant is taken (see `latents.specaugment`)."""
    regularization: Regularization | None = None
    """Mix in images of another set."""
    exclude_words: tuple[str, ...] = ()
    """Tracks with one of these words in a caption are not trained on: whole words in any case, or
    all that begin so (`vocal*`). Where a caption denies it ('no vocals', 'non-vocal', 'without any
    singing'), it does not count."""
    warm_start: WarmStart | None = None
    """Start from another arm's weights."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision: frozen weights and activations in this type; adapters stay in float32."""
    save_precision: Annotated[Literal["fp32", "bf16", "fp16"], Neutral("fp32")] = "fp32"
    """Type of the trained weights in the files that a run writes; they train in fp32."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, more time, and the same
    gradients (to the last bit where the device's kernels are deterministic)."""
    compile: bool = False
    """Compile the UNet's transformer blocks with `torch.compile`. It takes minutes before the first
    step, wants a C++ compiler, and rounds in another way than without, each time alike."""
    validation: Validation | None = None
    """Measure the loss on held-out clips at intervals, and keep the weights that do best."""
    log_every: Positive = 10
    """Steps to a line of the log: its loss and norm are means over them."""

    @property
    def effective_batch(self) -> int:
        """Images to an optimizer step."""
        return self.batch_size * self.accumulation

    def total_steps(self, images: int) -> int:
        """Optimizer steps of a run over so many images, regularization images not counted.

        Regularization doubles an epoch: each image is followed by one of the other set.
        """
        if self.steps is not None:
            return self.steps
        epoch = images * self.repeats * (2 if self.regularization else 1)
        return max(1, math.ceil(self.epochs * epoch / self.effective_batch))

    @property
    def noise_kinds(self) -> tuple[str, ...]:
        """What changes the noise, in kohya's order: resolutions bring it to std 1 again."""
        used = {
            "offset": bool(self.noise_offset or self.adaptive_noise_scale),
            "multires": self.multires_noise is not None,
        }
        return tuple(kind for kind, on in used.items() if on)

    def adapter(self, convolution: bool) -> tuple[int, float]:
        """Rank of an adapter, and what its update is multiplied by."""
        divisor = self.rank**0.5 if self.rank_stabilized else self.rank
        rank, scale = self.rank, self.alpha / divisor
        if convolution and self.conv_rank is not None:
            rank = self.conv_rank
            if self.conv_alpha is not None:
                scale = self.conv_alpha / (rank**0.5 if self.rank_stabilized else rank)
        return rank, scale

    def rate(self, network: str) -> float:
        """Peak learning rate of a network; 0 where it is not trained."""
        if network == "unet":
            return self.lr
        own = self.lr_text_2 if network == "text_encoder_2" else None
        return (self.lr_text or 0.0) if own is None else own

    @model_validator(mode="after")
    def _agrees(self) -> "Train":
        if said := disagreement(self):
            raise ValueError(said)
        return self

    @model_validator(mode="after")
    def _objective(self) -> "Train":
        if self.prediction_type and (said := contradiction(self, self.prediction_type)):
            raise ValueError(said)
        if self.adaptive_noise_scale < 0 and self.noise_offset == 0:
            raise ValueError(
                "adaptive_noise_scale below 0 lowers noise_offset, which is 0: set noise_offset"
            )
        return self

    @field_validator("exclude_words")
    @classmethod
    def _words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if not all(word.strip(" *") for word in words):
            raise ValueError("exclude_words holds an empty word, which would exclude every track")
        odd = [word for word in words if not re.fullmatch(r"\w+\*?", word.strip())]
        if odd:
            raise ValueError(f"{odd[0]!r} is no single word, with or without * at its end")
        return words
