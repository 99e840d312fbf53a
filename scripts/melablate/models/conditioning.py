"""Captions → what the UNet is conditioned on, for one text encoder or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .base import Base
from .moving import moved


@dataclass
class Conditioning:
    """Hidden states [n, tokens, width] and, where the UNet wants it, pooled text [n, width]."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None

    def pick(self, rows: Sequence[int] | torch.Tensor) -> "Conditioning":
        """The conditioning of some of the captions."""
        index = moved(torch.as_tensor(rows), self.hidden.device)
        return Conditioning(
            self.hidden.index_select(0, index),
            None if self.pooled is None else self.pooled.index_select(0, index),
        )


def check_clip_skip(base: Base, clip_skip: int) -> None:
    """SDXL always reads the penultimate layer of its encoders: skipping does nothing there."""
    if clip_skip > 1 and len(base.text_encoders) > 1:
        raise SystemExit(
            f"clip_skip {clip_skip} has no effect on a base with two text encoders (SDXL reads "
            "their penultimate layers): leave clip_skip at 1 for this base"
        )
    for encoder in base.text_encoders:
        if clip_skip > encoder.config.num_hidden_layers:
            raise SystemExit(
                f"clip_skip {clip_skip} skips more than the {encoder.config.num_hidden_layers} "
                "layers of the text encoder"
            )


def encode(base: Base, captions: Sequence[str], clip_skip: int = 1) -> Conditioning:
    """Encode captions; differentiable where the encoders train.

    One encoder: layer −clip_skip, then the final layer norm (clip skip 1 is the plain output).
    Two: penultimate layers side by side without norm, pooled text of the second (SDXL).
    """
    check_clip_skip(base, clip_skip)
    hidden: list[torch.Tensor] = []
    pooled: torch.Tensor | None = None
    for tokenizer, encoder in zip(base.tokenizers, base.text_encoders, strict=True):
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        tokens = tokenizer(
            list(captions),
            padding="max_length",
            truncation=True,
            max_length=length,
            return_tensors="pt",
        ).input_ids.to(encoder.device)
        out = encoder(input_ids=tokens, output_hidden_states=True)
        if len(base.text_encoders) > 1:
            hidden.append(out.hidden_states[-2])
            pooled = out.text_embeds if "text_embeds" in out else pooled
        elif clip_skip > 1:
            hidden.append(_final_norm(encoder)(out.hidden_states[-clip_skip]))
        else:
            hidden.append(out.last_hidden_state)
    return Conditioning(torch.cat(hidden, dim=-1), pooled)


def unet_arguments(
    base: Base,
    conditioning: Conditioning,
    latents: torch.Tensor,
    cut: tuple[int, ...] | None = None,
) -> dict[str, Any]:
    """Keyword arguments of the UNet; SDXL's time ids say: full size, not cropped.

    `cut`: height and width of the image before it was resized, rows and columns cut off before it
    begins (Podell et al. 2023, §2.2).
    """
    arguments: dict[str, Any] = {"encoder_hidden_states": conditioning.hidden}
    if base.unet.config.addition_embed_type == "text_time":
        height, width = (side * base.pixels for side in latents.shape[-2:])
        told = [[*(cut or (height, width, 0, 0)), height, width]]
        ids = moved(torch.tensor(told, dtype=torch.float32), latents.device)
        arguments["added_cond_kwargs"] = {
            "text_embeds": conditioning.pooled,
            "time_ids": ids.expand(len(latents), -1),
        }
    return arguments


def _final_norm(encoder: Any) -> Any:
    return getattr(encoder, "text_model", encoder).final_layer_norm
