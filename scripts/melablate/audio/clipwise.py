"""Work on a batch of clips such that none of them depends on its neighbours."""

from collections.abc import Callable

import torch
from torch import Tensor


def clipwise(work: Callable[..., Tensor], first: Tensor, *others: Tensor) -> Tensor:
    """`work` on tensors [n, …], on a CPU clip by clip: a clip's spectra stay in the cache.

    Other devices take the batch in one go. A tensor with one row serves every clip.
    """
    if len(first) == 0:  # of one silent clip, none: transforms refuse an empty batch
        tensors = (first, *others)
        return work(*(tensor.new_zeros(1, *tensor.shape[1:]) for tensor in tensors))[:0]
    if first.device.type != "cpu" or len(first) == 1:
        return work(first, *others)

    def row(tensor: Tensor, index: int) -> Tensor:
        return tensor if len(tensor) == 1 else tensor[index : index + 1]

    return torch.cat([work(row(first, i), *(row(o, i) for o in others)) for i in range(len(first))])


def peak(tensor: Tensor) -> Tensor:
    """Each clip's maximum, shaped to divide by; 1 for silence."""
    highest = tensor.flatten(1).amax(1) if tensor.numel() else tensor.new_ones(len(tensor))
    highest = torch.where(highest > 0, highest, 1.0)
    return highest.reshape(-1, *(1 for _ in tensor.shape[1:]))
