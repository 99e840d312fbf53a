"""Common random numbers: every draw has a generator of its own, keyed by what it is for.

Two arms of one seed see the same order, noise, timesteps and captions, wherever their settings
let them: the draws of a sample depend on its number in the run, not on the batch that it is in.
"""

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Draws:
    """The draws of one training seed."""

    seed: int

    def generator(self, purpose: str, *position: int | str) -> torch.Generator:
        """A fresh CPU generator for (seed, purpose, position)."""
        key = repr((self.seed, purpose, *position)).encode()
        number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
        return torch.Generator().manual_seed(number >> 1)

    def normal(self, shape: tuple[int, ...], purpose: str, *position: int | str) -> torch.Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self.generator(purpose, *position))

    def uniform(self, purpose: str, *position: int | str) -> float:
        """A number in [0, 1)."""
        return float(torch.rand((), generator=self.generator(purpose, *position)))

    def integer(self, below: int, purpose: str, *position: int | str) -> int:
        """A number in 0 … below − 1."""
        return int(torch.randint(below, (), generator=self.generator(purpose, *position)))

    def permutation(self, length: int, purpose: str, *position: int | str) -> list[int]:
        """The numbers 0 … length − 1 in random order."""
        order: list[int] = torch.randperm(
            length, generator=self.generator(purpose, *position)
        ).tolist()
        return order
