"""Weights of samples by their timestep."""

import torch


def min_snr(
    timesteps: torch.Tensor, alphas: torch.Tensor, gamma: float, prediction_type: str
) -> torch.Tensor:
    """min(SNR, γ)/SNR for ε, min(SNR, γ)/(SNR + 1) for v; Hang et al. 2023."""
    snr = (alphas / (1 - alphas))[timesteps]
    return snr.clamp(max=gamma) / (snr + 1 if prediction_type == "v_prediction" else snr)
