"""The embedded base's U-Net and text encoder, trained together to denoise captioned latents."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ..files import write_json
from ..progress import Progress
from .one_cycle import one_cycle
from .settings import TinyUnet
from .tokenizer import VOCABULARY_SIZE, write_clip_tokenizer

END_OF_TEXT = VOCABULARY_SIZE - 1


@dataclass(frozen=True)
class Corpus:
    """What the base learns from: posterior mean and std of the scaled latents, and captions."""

    mean: torch.Tensor
    std: torch.Tensor
    captions: list[list[str]]


def build_text_encoder(settings: TinyUnet) -> CLIPTextModel:
    """CLIP's text encoder with its real vocabulary; token embeddings stay as drawn.

    Random embeddings tell words apart as well as learned ones at this size, and words that
    the base never saw keep embeddings of their own for the arms to learn from.
    """
    torch.manual_seed(settings.seed)
    width = settings.text_width
    model = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=width,
            intermediate_size=2 * width,
            projection_dim=width,
            num_hidden_layers=settings.text_layers,
            num_attention_heads=4,
            max_position_embeddings=settings.text_length,
            bos_token_id=END_OF_TEXT - 1,
            eos_token_id=END_OF_TEXT,
            pad_token_id=END_OF_TEXT,
        )
    )
    tokens = model.get_input_embeddings().weight
    torch.nn.init.normal_(tokens, std=0.2)
    tokens.requires_grad_(False)
    return model


def build_unet(settings: TinyUnet, size: tuple[int, int]) -> UNet2DConditionModel:
    """Stable Diffusion's U-Net with cross-attention at the coarsest resolution only."""
    torch.manual_seed(settings.seed + 1)
    plain = len(settings.channels) - 1
    return UNet2DConditionModel(
        sample_size=size,
        in_channels=4,
        out_channels=4,
        block_out_channels=settings.channels,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",) + ("UpBlock2D",) * plain,
        cross_attention_dim=settings.text_width,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def noise_schedule() -> DDPMScheduler:
    """Stable Diffusion's schedule (Rombach et al. 2022): scaled-linear β, ε-prediction."""
    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        steps_offset=1,
    )


def train(corpus: Corpus, settings: TinyUnet, folder: Path) -> None:
    """Train on ε-prediction and write unet/, text_encoder/, tokenizer/ and scheduler/."""
    write_clip_tokenizer(folder / "tokenizer", settings.text_length)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    text_encoder = build_text_encoder(settings).train()
    size = (corpus.mean.shape[-2], corpus.mean.shape[-1])
    unet = build_unet(settings, size).train()
    scheduler = noise_schedule()
    flat = [(row, text) for row, texts in enumerate(corpus.captions) for text in texts]
    tokens = _tokenize(tokenizer, [text for _, text in flat], settings.text_length)
    empty = _tokenize(tokenizer, [""], settings.text_length)
    rows = torch.tensor([row for row, _ in flat])
    parameters = [*unet.parameters(), *(p for p in text_encoder.parameters() if p.requires_grad)]
    optimizer = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=0.01)
    schedule = one_cycle(optimizer, settings.steps)
    draw = torch.Generator().manual_seed(settings.seed)
    progress, running = Progress("base U-Net", settings.steps), 1.0
    for step in range(settings.steps):
        picked = torch.randint(len(flat), (settings.batch_size,), generator=draw)
        mean, std = corpus.mean[rows[picked]], corpus.std[rows[picked]]
        latents = mean + std * torch.randn(mean.shape, generator=draw)
        noise = torch.randn(mean.shape, generator=draw)
        times = torch.randint(1000, (settings.batch_size,), generator=draw)
        dropped = torch.rand(settings.batch_size, generator=draw) < settings.caption_dropout
        ids = torch.where(dropped[:, None], empty, tokens[picked])
        noisy = scheduler.add_noise(latents, noise, times)
        states = text_encoder(ids).last_hidden_state
        loss = F.mse_loss(unet(noisy, times, states).sample, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        running += 0.05 * (loss.item() - running)
        progress.step(step + 1, loss=running)
    unet.eval().save_pretrained(folder / "unet")
    text_encoder.eval().save_pretrained(folder / "text_encoder")
    scheduler.save_pretrained(folder / "scheduler")


def write_base(vae: AutoencoderKL, folder: Path) -> None:
    """Complete the folder: vae/ and the index that diffusers reads."""
    vae.save_pretrained(folder / "vae")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "scheduler": ["diffusers", "DDPMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    write_json(folder / "model_index.json", index)


def _tokenize(tokenizer: CLIPTokenizer, texts: list[str], length: int) -> torch.Tensor:
    batch = tokenizer(
        texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: torch.Tensor = batch["input_ids"]
    return ids
