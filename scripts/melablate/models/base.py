"""A base model in diffusers' folder layout, loaded in parts: SD 1.5, SDXL or one of our own."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from ..files import sha256
from ..imports import quick_networks
from .schedule import cumulative_alphas, retold

PARTS = ("unet", "text", "vae")


@dataclass
class Base:
    """The networks that were asked for, and what the scheduler's file says of the noise."""

    folder: Path
    alphas: torch.Tensor
    """ᾱ of every timestep."""
    prediction_type: str
    """What the UNet predicts: `epsilon` or `v_prediction`."""
    scheduler: dict[str, Any]
    """The scheduler's file as it stands: samplers are made from it."""
    pixels: int
    """Pixels of the image to a latent's pixel, along one side."""
    unet: Any = None
    vae: Any = None
    text_encoders: list[Any] = field(default_factory=list)
    tokenizers: list[Any] = field(default_factory=list)

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The trainable networks by the names under which their weights are saved."""
        named = {} if self.unet is None else {"unet": self.unet}
        for number, encoder in enumerate(self.text_encoders):
            named["text_encoder" + ("" if number == 0 else f"_{number + 1}")] = encoder
        return named


PREDICTIONS = ("epsilon", "v_prediction")


def with_objective(base: Base, prediction_type: str | None, zero_terminal_snr: bool) -> Base:
    """The base as an arm trains and samples it: other predictions, another noise schedule."""
    scheduler = retold(base.scheduler, prediction_type, zero_terminal_snr)
    kind, alphas = scheduler.get("prediction_type", "epsilon"), cumulative_alphas(scheduler)
    if kind not in PREDICTIONS:
        raise SystemExit(
            f"{base.folder}: prediction_type {kind!r} is none of: {', '.join(PREDICTIONS)}"
        )
    if kind == "epsilon" and alphas[-1] == 0:
        raise SystemExit(
            f"{base.folder}: predicts ε on a noise schedule that ends without signal, where ε "
            "teaches nothing: set train.prediction_type: v_prediction"
        )
    return replace(base, scheduler=scheduler, prediction_type=kind, alphas=alphas)


def load_base(
    folder: Path,
    parts: Iterable[str] = PARTS,
    dtype: torch.dtype = torch.float32,
    unet_dtype: torch.dtype | None = None,
) -> Base:
    """Load `parts` of a base (safetensors only, nothing from the network), frozen, in eval mode.

    A UNet that trains itself is in a type of its own.
    """
    if folder.is_file():
        raise SystemExit(
            f"{folder} is a single file; a base is a folder in diffusers' layout: convert it (in "
            "diffusers: from_single_file, then save_pretrained)"
        )
    scheduler = _json(folder, "scheduler", "scheduler_config.json")
    vae = _json(folder, "vae", "config.json")
    base = Base(
        folder=folder,
        alphas=cumulative_alphas(scheduler),
        prediction_type=scheduler.get("prediction_type", "epsilon"),
        scheduler=scheduler,
        pixels=2 ** (len(vae["block_out_channels"]) - 1),
    )
    wanted = set(parts)
    if "unet" in wanted:
        with quick_networks():
            from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        base.unet = _network(UNet2DConditionModel, folder, "unet", unet_dtype or dtype)
    if "vae" in wanted:
        with quick_networks():
            from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        base.vae = _network(AutoencoderKL, folder, "vae", dtype)
    if "text" in wanted:
        for suffix in ["", "_2"] if (folder / "text_encoder_2").is_dir() else [""]:
            _add_text(base, suffix, dtype)
        _check_width(base)
    return base


def _check_width(base: Base) -> None:
    """The text that the UNet reads is what the encoders give together."""
    if base.unet is None:
        return
    given = sum(encoder.config.hidden_size for encoder in base.text_encoders)
    wanted = base.unet.config.cross_attention_dim
    if given != wanted:
        count = len(base.text_encoders)
        raise SystemExit(
            f"{base.folder} is not a whole base model: its UNet reads text of width {wanted}, its "
            f"{count} text encoder{'s give' if count > 1 else ' gives'} {given}; is a folder "
            "(text_encoder_2) missing, or one of another model?"
        )


def base_files(folder: Path, autoencoder: bool) -> list[Path]:
    """The files that a run reads, in a fixed order; of the VAE without need its settings alone."""
    found: list[Path] = []
    for part in ("scheduler", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "unet"):
        found += _read_of(folder / part)
    vae = _read_of(folder / "vae")
    return found + [path for path in vae if autoencoder or path.suffix == ".json"]


def _read_of(part: Path) -> list[Path]:
    """Without variants (`model.fp16.safetensors`), unless an index may name anything."""
    everything = any(part.glob("*.index.json"))
    return sorted(
        path
        for path in part.glob("*")
        if path.suffix in (".json", ".txt")
        or (path.suffix == ".safetensors" and (everything or "." not in path.stem))
    )


def autoencoder_digest(folder: Path) -> str:
    """What tells the latents of one autoencoder from those of another: its files' content."""
    files = sorted(
        path for path in (folder / "vae").glob("*") if path.suffix in (".json", ".safetensors")
    )
    told = "".join(f"{path.name} {sha256(path)}\n" for path in files)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _add_text(base: Base, suffix: str, dtype: torch.dtype) -> None:
    with quick_networks():
        from transformers.models.clip import modeling_clip
    from transformers.utils import logging

    config = _json(base.folder, f"text_encoder{suffix}", "config.json")
    # A second encoder (SDXL's) also gives the pooled text, through its projection.
    kind = (config.get("architectures") or ["CLIPTextModel"])[0]
    if kind not in ("CLIPTextModel", "CLIPTextModelWithProjection"):
        raise SystemExit(f"{base.folder}/text_encoder{suffix} is a {kind}, not a CLIP text model")
    base.tokenizers.append(_tokenizer(base.folder / f"tokenizer{suffix}", config["vocab_size"]))
    logging.disable_progress_bar()
    model = getattr(modeling_clip, kind)
    base.text_encoders.append(_network(model, base.folder, f"text_encoder{suffix}", dtype))


def _tokenizer(folder: Path, size: int) -> Any:
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    if not (folder / "tokenizer_config.json").is_file():
        raise SystemExit(f"{folder.parent} has no {folder.name}/tokenizer_config.json")
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise SystemExit(f"tokenizer {folder} cannot be loaded: {error}") from None
    # Without its files CLIPTokenizer does not fail: it becomes a tokenizer of two words.
    if len(tokenizer) != size:
        raise SystemExit(
            f"{folder} knows {len(tokenizer)} tokens, its text encoder {size}: "
            "tokenizer files are missing or belong to another model"
        )
    return tokenizer


def _network(model: Any, base: Path, part: str, dtype: torch.dtype) -> Any:
    folder = base / part
    _json(base, part, "config.json")
    if not any(folder.glob("*.safetensors")):
        raise SystemExit(
            f"{folder} has no weights as safetensors; other formats can run code when they are "
            "read and are refused: convert them or fetch the safetensors files"
        )
    try:
        network, told = model.from_pretrained(
            folder,
            torch_dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise SystemExit(f"{folder} cannot be loaded: {error}") from None
    # The libraries would make up what is missing.
    if missing := sorted(told["missing_keys"]):
        raise SystemExit(
            f"{folder} lacks {len(missing)} weights, such as {missing[0]}: the file is of another "
            "model or was not saved whole; fetch it again"
        )
    return network.requires_grad_(False).eval()


def _json(base: Path, part: str, name: str) -> dict[str, Any]:
    path = base / part / name
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(
            f"{base} is not a whole base model: {part}/{name} is missing "
            "(diffusers' layout: unet, vae, text_encoder, tokenizer, scheduler)"
        ) from None
    except ValueError as error:
        raise SystemExit(f"{path} is not JSON: {error}") from None
    return content
