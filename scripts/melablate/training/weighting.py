"""Weights of samples by their timestep.

All are finite at a signal-to-noise ratio of 0 (zero terminal SNR) and without any noise.
"""

import torch

from .settings import Train

MOST = 1000.0
"""SNR above which the weights below stay as they are (kohya's)."""
LEAST = 1e-6
"""Where kohya's would divide by an SNR of 0."""


def timestep_weights(settings: Train, alphas: torch.Tensor, prediction_type: str) -> torch.Tensor:
    """The product of all weights that are asked for, of every timestep."""
    snr = signal_to_noise(alphas)
    weights = torch.ones_like(snr)
    if settings.min_snr_gamma is not None:
        weights = weights * min_snr(snr, settings.min_snr_gamma, prediction_type)
    if settings.scale_v_like_epsilon:
        weights = weights * like_epsilon(snr)
    if settings.v_like_loss:
        weights = weights * (1 + settings.v_like_loss / like_epsilon(snr))
    if settings.debiased:
        weights = weights * debiased(snr, prediction_type)
    return weights


def signal_to_noise(alphas: torch.Tensor) -> torch.Tensor:
    """SNR = ᾱ / (1 − ᾱ), infinite where there is no noise."""
    return alphas / (1 - alphas)


def min_snr(snr: torch.Tensor, gamma: float, prediction_type: str) -> torch.Tensor:
    """min(SNR, γ)/SNR for ε, min(SNR, γ)/(SNR + 1) for v; Hang et al. 2023."""
    if prediction_type == "v_prediction":
        return snr.clamp(max=gamma) / (snr + 1)
    return (gamma / snr).clamp(max=1)


def debiased(snr: torch.Tensor, prediction_type: str) -> torch.Tensor:
    """1/√SNR for ε (Yu et al. 2023), 1/(SNR + 1) for v (kohya's)."""
    snr = snr.clamp(LEAST, MOST)
    return 1 / (snr + 1) if prediction_type == "v_prediction" else snr.rsqrt()


def like_epsilon(snr: torch.Tensor) -> torch.Tensor:
    """SNR/(SNR + 1): an error of v so weighed is that of ε (kohya's)."""
    snr = snr.clamp(LEAST, MOST)
    return snr / (snr + 1)
