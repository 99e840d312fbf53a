"""Absolute error."""

from typing import Any

import torch


def loss(prediction: torch.Tensor, target: torch.Tensor, **_: Any) -> torch.Tensor:
    """|p − t| for every element."""
    return (prediction - target).abs()
