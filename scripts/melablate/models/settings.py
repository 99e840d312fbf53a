"""Base models that arms fine-tune, and the text–audio model that judges them."""

from typing import Annotated, Literal

from pydantic import Field

from ..settings import Settings

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class TinyVae(Settings):
    """Autoencoder of the embedded base: grey image → 4 channels at a quarter of the size."""

    channels: tuple[Count, ...] = (16, 32, 32)
    """Channels of each resolution, finest first."""
    steps: Count = 320
    """Optimizer steps."""
    batch_size: Count = 16
    """Crops a step."""
    crop: Count = 32
    """Width of a training crop in frames."""
    lr: Rate = 5e-3
    """Peak learning rate of the one-cycle schedule."""
    kl_weight: Annotated[float, Field(ge=0)] = 1e-6
    """Weight of the KL term against the mean squared error."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights and batches."""
    threads: Count = 2
    """CPU threads; a part of the result's bits, so not taken from the machine."""


class TinyUnet(Settings):
    """U-Net and text encoder of the embedded base, trained together."""

    channels: tuple[Count, ...] = (32, 48, 64)
    """Channels of each resolution, finest first; text enters at the coarsest."""
    text_width: Count = 64
    """Width of the text encoder."""
    text_layers: Count = 2
    """Layers of the text encoder."""
    text_length: Count = 48
    """Tokens of a caption; the rest is cut."""
    steps: Count = 500
    """Optimizer steps."""
    batch_size: Count = 16
    """Images a step."""
    lr: Rate = 2e-3
    """Peak learning rate of the one-cycle schedule."""
    caption_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of samples trained without caption, for classifier-free guidance."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights, batches and noise."""
    threads: Count = 2
    """CPU threads; a part of the result's bits, so not taken from the machine."""


class TinyBase(Settings):
    """The embedded base: trained by the workflow itself on one of the study's corpora."""

    kind: Literal["tiny"]
    corpus: str
    """Name of the corpus from which the base learns."""
    vae: TinyVae = TinyVae()
    """Its autoencoder."""
    unet: TinyUnet = TinyUnet()
    """Its U-Net and text encoder."""


class FolderBase(Settings):
    """A Stable Diffusion model in diffusers' folder layout (SD 1.5, SDXL 1.0)."""

    kind: Literal["folder"]
    path: str
    """The folder that holds `model_index.json`."""


Base = Annotated[TinyBase | FolderBase, Field(discriminator="kind")]


class TinyClap(Settings):
    """The embedded text–audio model, trained by the workflow on the training split of corpora."""

    kind: Literal["tiny_clap"]
    corpora: tuple[str, ...]
    """Names of the corpora whose training tracks it learns from."""
    width: Count = 64
    """Size of the shared embedding."""
    channels: tuple[Count, ...] = (12, 24, 48, 64)
    """Channels of the audio tower's convolutions."""
    steps: Count = 300
    """Optimizer steps."""
    batch_size: Count = 32
    """Pairs a step."""
    lr: Rate = 3e-3
    """Peak learning rate of the one-cycle schedule."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights and batches."""
    threads: Count = 1
    """CPU threads; a part of the result's bits, so not taken from the machine."""


class FolderClap(Settings):
    """A published CLAP in transformers' folder layout (laion/clap-htsat-unfused …)."""

    kind: Literal["clap"]
    path: str
    """The folder that holds `config.json`, weights as safetensors, and the tokenizer."""


Embedder = Annotated[TinyClap | FolderClap, Field(discriminator="kind")]
