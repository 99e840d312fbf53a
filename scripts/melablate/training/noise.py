"""Noise, noised latents and what the network is to predict."""

import torch


def offset_noise(noise: torch.Tensor, shifts: torch.Tensor, offset: float) -> torch.Tensor:
    """ε + o·N with one number N [batch, channels, 1, 1] to a sample and channel."""
    return noise + offset * shifts


def noised(latents: torch.Tensor, noise: torch.Tensor, alphas: torch.Tensor) -> torch.Tensor:
    """√ᾱ·x + √(1 − ᾱ)·ε, with ᾱ of every sample; Ho et al. 2020, eq. 4."""
    a = alphas.view(-1, 1, 1, 1)
    return a.sqrt() * latents + (1 - a).sqrt() * noise


def target(
    prediction_type: str, latents: torch.Tensor, noise: torch.Tensor, alphas: torch.Tensor
) -> torch.Tensor:
    """ε, or v = √ᾱ·ε − √(1 − ᾱ)·x (Salimans and Ho 2022)."""
    if prediction_type == "epsilon":
        return noise
    if prediction_type == "v_prediction":
        a = alphas.view(-1, 1, 1, 1)
        return a.sqrt() * noise - (1 - a).sqrt() * latents
    raise SystemExit(f"prediction_type {prediction_type!r} is none of: epsilon, v_prediction")
