"""Common random numbers: every draw has a generator of its own, keyed by what it is for.

Two arms of one seed see the same order, noise, timesteps and captions, wherever their settings
let them: the draws of a sample depend on its clip and on how often that was seen before, not on
the batch that it is in, nor on which other clips there are.
"""

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Draws:
    """The draws of one training seed."""

    seed: int
    chain: int = 0
    """Runs before this one, each starting from the last one's weights: what they saw is not
    shown again."""

    def number(self, purpose: str, *position: int | str) -> int:
        """A number of 63 bits for (seed, purpose, position): to sort by, or to seed with."""
        key = repr((self.seed, self.chain, purpose, *position)).encode()
        digest = hashlib.blake2b(key, digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1

    def generator(self, purpose: str, *position: int | str) -> torch.Generator:
        """A fresh CPU generator for (seed, purpose, position)."""
        return torch.Generator().manual_seed(self.number(purpose, *position))

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
