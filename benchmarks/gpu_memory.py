"""How many numbers a training step keeps for its backward pass, counted without a GPU.

    PYTHONPATH=scripts python benchmarks/gpu_memory.py

The true architectures (benchmarks/random_bases.py) run on PyTorch's meta device, where tensors
have a shape and no content; what autograd keeps is counted, each storage once, weights left out.
Attention keeps what flash attention does: q, k, v, its output and a number a row. The figures
stand in scripts/melablate/doctor/gpu_need.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from melablate.training.lora import target_layers
from peft import LoraConfig, inject_adapter_in_model
from random_bases import UNETS, VAES
from torch import nn
from torch.nn import functional as F

SIZES = ((32, 64), (64, 64))
RANK = 8


class Kept:
    """Counts numbers that autograd keeps."""

    def __init__(self, network: nn.Module) -> None:
        self.own = {id(weight) for weight in network.parameters()}
        self.storages: dict[int, int] = {}
        self.alive: list[torch.Tensor] = []

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in self.own:
            self.alive.append(tensor)
            self.storages[tensor.untyped_storage()._cdata] = base.numel()
        return tensor

    @property
    def numbers(self) -> int:
        return sum(self.storages.values())

    @contextmanager
    def count(self) -> Iterator[None]:
        with torch.autograd.graph.saved_tensors_hooks(self.pack, lambda tensor: tensor):
            yield


class Flash(torch.autograd.Function):
    """Attention that keeps no matrix of all pairs."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(q)
        ctx.save_for_backward(q, k, v, out, out.new_empty(out.shape[:-1]))
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return grad, grad, grad


def unet_of(kind: str, rank: int | None) -> UNet2DConditionModel:
    """Frozen with adapters, or all of it trainable."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNETS[kind])
        unet.requires_grad_(rank is None)
        if rank:
            layers = target_layers(unet, "transformer")
            inject_adapter_in_model(LoraConfig(r=rank, target_modules=layers), unet)
    return unet


def arguments(kind: str, height: int, width: int) -> dict[str, Any]:
    """Of one image."""
    made = {
        "sample": torch.empty(1, 4, height, width, device="meta"),
        "timestep": torch.empty(1, device="meta"),
        "encoder_hidden_states": torch.empty(
            1, 77, UNETS[kind]["cross_attention_dim"], device="meta"
        ),
    }
    if kind == "sdxl":
        made["added_cond_kwargs"] = {
            "text_embeds": torch.empty(1, 1280, device="meta"),
            "time_ids": torch.empty(1, 6, device="meta"),
        }
    return made


def plain(kind: str, rank: int | None, height: int, width: int) -> int:
    """Everything is kept."""
    unet = unet_of(kind, rank)
    kept = Kept(unet)
    with kept.count():
        unet(**arguments(kind, height, width))
    return kept.numbers


def checkpointed(kind: str, rank: int | None, height: int, width: int) -> int:
    """The inputs of every block, what is kept between them, and the largest block."""
    unet = unet_of(kind, rank)
    outside, inputs, largest = Kept(unet), 0, 0

    def block(module: Callable[..., Any], *given: Any) -> Any:
        nonlocal inputs, largest
        inputs += sum(one.numel() for one in given if isinstance(one, torch.Tensor))
        inside = Kept(unet)
        with inside.count():
            out = module(*given)
        largest = max(largest, inside.numbers)
        return out

    unet.enable_gradient_checkpointing()
    unet.train()
    for module in unet.modules():
        if hasattr(module, "_gradient_checkpointing_func"):
            module._gradient_checkpointing_func = block
    with outside.count():
        unet(**arguments(kind, height, width))
    return outside.numbers + inputs + largest


def decoded(kind: str, height: int, width: int) -> int:
    """The frozen autoencoder's decoder, for gradients of its image."""
    with torch.device("meta"):
        vae = AutoencoderKL.from_config({**BLOCKS, **VAES[kind]}).requires_grad_(False)
    kept = Kept(vae)
    latents = torch.empty(1, 4, height, width, device="meta", requires_grad=True)
    with kept.count():
        vae.decode(latents)
    return kept.numbers


BLOCKS = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}


def main() -> None:
    """Numbers to a pixel of the latents."""
    F.scaled_dot_product_attention = lambda q, k, v, **_: Flash.apply(q, k, v)
    print("| base | trained | latents | kept | with gradient_checkpointing |")
    print("| --- | --- | --- | --- | --- |")
    for kind in UNETS:
        for trained, rank in (("rank 8", RANK), ("all weights", None)):
            for height, width in SIZES:
                pixels = height * width
                a, b = (f(kind, rank, height, width) / pixels for f in (plain, checkpointed))
                print(f"| {kind} | {trained} | {height} × {width} | {a:.0f} | {b:.0f} |")
    for height, width in SIZES:
        each = decoded("sd15", height, width) / height / width
        print(f"decoder, {height} × {width}: {each:.0f}")


if __name__ == "__main__":
    main()
