"""Noised latents, what the network is to predict, and what a prediction says of them."""

import torch


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


def guessed(
    prediction_type: str, latents: torch.Tensor, error: torch.Tensor, alphas: torch.Tensor
) -> torch.Tensor:
    """The latents that a prediction stands for: the true ones, moved by its error.

    x − √((1 − ᾱ)/ᾱ)·(ε̂ − ε), or x − √(1 − ᾱ)·(v̂ − v); ε says nothing of them where ᾱ is 0.
    """
    a = alphas.view(-1, 1, 1, 1)
    moved = (1 - a).sqrt() * error
    return latents - (moved if prediction_type == "v_prediction" else moved / a.sqrt())
