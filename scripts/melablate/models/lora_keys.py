"""Names of adapted layers in kohya's files, beside those of the modules.

A layer is called `<network>.<place>` here, as `unet.mid_block.attentions.0.proj_in`. The text
model of transformers may be wrapped (`text_model.encoder…`) or not, which differs between its
versions and between SDXL's two encoders: `bare` takes the wrapping off.
"""

import re
from typing import Any

from torch import nn

from .base import Base

WRAPPING = "text_model."
TEXT = {"text_encoder": "te1", "text_encoder_2": "te2"}

RESNET = {
    "norm1": "in_layers.0",
    "norm2": "out_layers.0",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
}
OUTSIDE = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}


def bare(name: str) -> str:
    """A layer's name without the text model's wrapping."""
    network, _, place = name.partition(".")
    return name if network == "unet" else f"{network}.{place.removeprefix(WRAPPING)}"


def wrapped(name: str) -> str:
    """The name with it, as other programs expect it in files."""
    network, _, place = bare(name).partition(".")
    outside = network == "unet" or place == "text_projection"
    return name if outside else f"{network}.{WRAPPING}{place}"


def is_xl(unet: Any) -> bool:
    """SDXL's UNet: kohya names its layers as Stability AI does, and numbers the encoders."""
    return bool(unet.config.addition_embed_type == "text_time")


def kohya_name(name: str, unet: Any) -> str:
    """What kohya's trainer calls a layer of such a base."""
    network, _, place = wrapped(name).partition(".")
    if network == "unet":
        flat = sai_place(place, unet) if is_xl(unet) else place
        return f"lora_unet_{flat.replace('.', '_')}"
    prefix = TEXT[network] if is_xl(unet) else "te"
    return f"lora_{prefix}_{place.replace('.', '_')}"


def names_by_kohya(base: Base) -> dict[str, str]:
    """Every layer of a base by what its adapter may be called in a file of kohya's trainer."""
    found = {}
    for network, module in base.networks.items():
        for place, layer in module.named_modules():
            if not isinstance(layer, nn.Linear | nn.Conv2d):
                continue
            # A layer that has an adapter already is wrapped in it.
            name = bare(f"{network}.{place}").removesuffix(".base_layer")
            if ".lora_" in name:
                continue
            found[kohya_name(name, base.unet)] = name
            # Other programs keep diffusers' names for SDXL too.
            flat = wrapped(name).partition(".")[2].replace(".", "_")
            prefix = "lora_unet" if network == "unet" else f"lora_{TEXT[network]}"
            found[f"{prefix}_{flat}"] = name
    return found


def sai_place(place: str, unet: Any) -> str:
    """diffusers' name of a UNet's layer in Stability AI's scheme, which numbers blocks through."""
    for ours, theirs in OUTSIDE.items():
        if place == ours:
            return theirs
    match = re.fullmatch(
        r"(down_blocks|up_blocks|mid_block)\.(?:(\d+)\.)?(\w+)\.(\d+)\.(.+)", place
    )
    if match is None:
        raise ValueError(f"no layer of a UNet: {place}")
    block, number, kind, index, inner = match.groups()
    inner = RESNET.get(inner, inner) if kind == "resnets" else inner
    if block == "mid_block":
        return f"middle_block.{MIDDLE[f'{kind}.{index}']}.{inner}"
    deep = int(unet.config.layers_per_block) + 1
    if block == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{(int(number) + 1) * deep}.0.op"
        return f"input_blocks.{1 + int(number) * deep + int(index)}.{_part(kind)}.{inner}"
    if kind == "upsamplers":
        attends = hasattr(unet.up_blocks[int(number)], "attentions")
        return f"output_blocks.{int(number) * deep + deep - 1}.{2 if attends else 1}.{inner}"
    return f"output_blocks.{int(number) * deep + int(index)}.{_part(kind)}.{inner}"


def _part(kind: str) -> int:
    return 0 if kind == "resnets" else 1
