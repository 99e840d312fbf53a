"""Input perturbation: the network sees more noise than it is to predict (Ning et al. 2023)."""

import torch


def perturbed(noise: torch.Tensor, more: torch.Tensor, strength: float) -> torch.Tensor:
    """ε + γ·ξ: what the input is mixed with; the target is still that of ε (algorithm 1)."""
    return noise + strength * more
