"""The noise schedule that a base was trained with, from its scheduler's file."""

from typing import Any

import torch


def cumulative_alphas(config: dict[str, Any]) -> torch.Tensor:
    """ᾱ_t = Π (1 − β_s), s ≤ t (Ho et al. 2020, eq. 4), rescaled where the file says so."""
    steps = config.get("num_train_timesteps", 1000)
    first, last = config.get("beta_start", 0.0001), config.get("beta_end", 0.02)
    kind = config.get("beta_schedule", "linear")
    if config.get("trained_betas") is not None:
        betas = torch.tensor(config["trained_betas"], dtype=torch.float32)
    elif kind == "linear":
        betas = torch.linspace(first, last, steps, dtype=torch.float32)
    elif kind == "scaled_linear":
        betas = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float32) ** 2
    else:
        raise SystemExit(f"beta_schedule {kind!r} of the base is none of: linear, scaled_linear")
    alphas = torch.cumprod(1.0 - betas, dim=0)
    return zero_terminal(alphas) if config.get("rescale_betas_zero_snr") else alphas


def zero_terminal(alphas: torch.Tensor) -> torch.Tensor:
    """√ᾱ shifted so that the last is 0, scaled so that the first stays; Lin et al. 2023, alg. 1."""
    roots = alphas.sqrt()
    first, last = roots[0], roots[-1]
    return ((roots - last) * (first / (first - last))).square()


def retold(
    scheduler: dict[str, Any], prediction_type: str | None, zero_terminal_snr: bool
) -> dict[str, Any]:
    """A base's scheduler file as it would be after training towards another objective."""
    changes: dict[str, Any] = {}
    if prediction_type is not None:
        changes["prediction_type"] = prediction_type
    if zero_terminal_snr:
        changes["rescale_betas_zero_snr"] = True
    return scheduler | changes
