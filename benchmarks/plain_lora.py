"""The plain way to train a LoRA, for comparison: what diffusers' text-to-image LoRA example does.

Images are encoded by the autoencoder and captions by the text encoder in every step, noise and
timesteps are drawn on the device, the loss is read back in every step, adapters (float32) sit on
the attention's four projections, AdamW has PyTorch's defaults, gradients are clipped to 1: the
example's own defaults, written anew. For SDXL both text encoders and the time ids, as there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from peft import LoraConfig
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

ATTENTION = ["to_k", "to_q", "to_v", "to_out.0"]


@dataclass
class Plain:
    """One loop, to be stepped."""

    accelerator: Accelerator
    vae: Any
    unet: Any
    texts: list[tuple[Any, Any]]
    scheduler: Any
    optimizer: Any
    weights: list[Any]
    dtype: torch.dtype

    def step(self, pixels: torch.Tensor, captions: list[str]) -> float:
        """Images [n, channels, height, width] in −1 … 1, on the CPU as a data loader gives them."""
        device = self.accelerator.device
        pixels = pixels.to(device, self.dtype)
        with torch.no_grad():
            latents = self.vae.encode(pixels).latent_dist.sample() * self.vae.config.scaling_factor
        latents = latents.to(self.dtype)
        noise = torch.randn_like(latents)
        count = self.scheduler.config.num_train_timesteps
        times = torch.randint(0, count, (len(latents),), device=device)
        noisy = self.scheduler.add_noise(latents, noise, times)
        hidden, more = self.encoded(captions, pixels.shape[-2:])
        with self.accelerator.autocast():
            found = self.unet(noisy, times, hidden, added_cond_kwargs=more, return_dict=False)[0]
            loss = F.mse_loss(found.float(), noise.float(), reduction="mean")
        shown = self.accelerator.gather(loss.repeat(len(latents))).mean().item()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(shown)

    @torch.no_grad()
    def encoded(self, captions: list[str], size: torch.Size) -> tuple[torch.Tensor, Any]:
        """Text, and for SDXL what else the UNet is told."""
        states, pooled = [], None
        for tokenizer, encoder in self.texts:
            ids = tokenizer(
                captions,
                max_length=tokenizer.model_max_length,
                padding="max_length",
                truncation=True,
                return_tensors="pt",
            ).input_ids.to(self.accelerator.device)
            out = encoder(ids, output_hidden_states=len(self.texts) > 1)
            if len(self.texts) > 1:
                states.append(out.hidden_states[-2])
                pooled = out.text_embeds if "text_embeds" in out else pooled
            else:
                states.append(out.last_hidden_state)
        if pooled is None:
            return states[0], None
        ids = torch.tensor([[*size, 0, 0, *size]], device=pooled.device, dtype=self.dtype)
        more = {"text_embeds": pooled, "time_ids": ids.repeat(len(captions), 1)}
        return torch.cat(states, dim=-1), more


def plain(base: Path, rank: int, lr: float, precision: str, checkpointing: bool = False) -> Plain:
    """Load everything and add adapters."""
    accelerator = Accelerator(mixed_precision=precision, cpu=not torch.cuda.is_available())
    dtype = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=dtype)
    vae = AutoencoderKL.from_pretrained(base / "vae", torch_dtype=dtype)
    texts = []
    for suffix, kind in (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)):
        if (base / f"text_encoder{suffix}").is_dir():
            encoder = kind.from_pretrained(base / f"text_encoder{suffix}", torch_dtype=dtype)
            tokenizer = CLIPTokenizer.from_pretrained(base / f"tokenizer{suffix}")
            texts.append((tokenizer, encoder))
    for network in (unet, vae, *(encoder for _, encoder in texts)):
        network.requires_grad_(False).to(accelerator.device)
    config = LoraConfig(
        r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=ATTENTION
    )
    unet.add_adapter(config)
    weights = [weight for weight in unet.parameters() if weight.requires_grad]
    for weight in weights:
        weight.data = weight.data.float()
    if checkpointing:
        unet.enable_gradient_checkpointing()
    unet.train()
    optimizer = torch.optim.AdamW(weights, lr=lr, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    unet, optimizer = accelerator.prepare(unet, optimizer)
    scheduler = DDPMScheduler.from_pretrained(base / "scheduler")
    return Plain(accelerator, vae, unet, texts, scheduler, optimizer, weights, dtype)
