"""A mel filterbank as a sparse matrix: on a CPU a product costs a fifteenth of the dense one.

Powers are laid out [bins, columns] here, a column being a frame of a clip.
"""

import warnings

import torch
from torch import Tensor

# Weights this far below the greatest are what rounding leaves at a triangle's foot; a bin that
# only they reach could take on any power.
ROUNDING = 1e-9


class Bands:
    """Non-negative bands [n_mels, bins] at work; `lobe` is what a tone looks like in a frame."""

    def __init__(self, bands: Tensor, like: Tensor, lobe: Tensor | None = None) -> None:
        self.lobe = torch.ones(1) if lobe is None else lobe
        dense = torch.where(bands > ROUNDING * bands.amax(), bands, 0.0).to(like)
        self.dense = dense
        self._forward, self._back = _compact(dense), _compact(dense.T)
        self.of_bands = dense.sum(1)[:, None]
        self.of_bins = dense.sum(0)[:, None]
        self._share = inverse(self.of_bins)

    def mel(self, power: Tensor) -> Tensor:
        """Band powers [n_mels, columns] of a spectrum's [bins, columns]."""
        found: Tensor = self._forward @ power
        return found

    def spread(self, mel: Tensor) -> Tensor:
        """The transpose: to every bin the sum of its bands [bins, columns]."""
        found: Tensor = self._back @ mel
        return found

    def average(self, mel: Tensor) -> Tensor:
        """To every bin the mean of its bands by their weight there; 0 where no band is."""
        return self.spread(mel).mul_(self._share)


def inverse(values: Tensor) -> Tensor:
    """1 / x, and 0 of 0."""
    tiny = torch.finfo(values.dtype).tiny
    return torch.where(values > tiny, 1 / values.clamp(min=tiny), 0.0)


def columns(batch: Tensor) -> Tensor:
    """[clips, frames, bands] as [bands, columns]."""
    return batch.flatten(0, 1).T.contiguous()


def frames(found: Tensor, like: Tensor) -> Tensor:
    """[bins, columns] as [clips, frames, bins]."""
    return found.T.reshape(*like.shape[:2], len(found))


def _compact(matrix: Tensor) -> Tensor:
    return (
        matrix.contiguous() if matrix.device.type != "cpu" else matrix.contiguous().to_sparse_csr()
    )


# torch says once that sparse matrices are in beta state; only products are used here. Said to
# nobody now, as the filters of warnings are not for several threads.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    _compact(torch.ones(1, 1))
