"""Work on a batch of clips such that none of them depends on its neighbours."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor


def clipwise(work: Callable[..., Tensor], first: Tensor, *others: Tensor) -> Tensor:
    """`work` on tensors [n, …], on a CPU clip by clip: a clip's spectra stay in the cache.

    There each clip has one thread, and each of torch's threads takes clips of its own: threads
    that share a clip wait for each other after every step (with other work on the cores that
    cost twenty times the time), and round its last bits by their number. Other devices take
    the batch in one go. A tensor with one row serves every clip. Nothing is kept for a
    gradient.
    """
    if len(first) == 0:  # of one silent clip, none: transforms refuse an empty batch
        tensors = (first, *others)
        return work(*(tensor.new_zeros(1, *tensor.shape[1:]) for tensor in tensors))[:0]
    if first.device.type != "cpu":
        return work(first, *others)

    @torch.no_grad()
    def on_clip(index: int) -> Tensor:
        rows = (other if len(other) == 1 else other[index : index + 1] for other in others)
        return work(first[index : index + 1], *rows)

    with one_thread_a_step() as threads:
        if min(threads, len(first)) == 1:
            return torch.cat([on_clip(index) for index in range(len(first))])
        with ThreadPoolExecutor(min(threads, len(first))) as pool:
            return torch.cat(list(pool.map(on_clip, range(len(first)))))


@contextmanager
def one_thread_a_step() -> Iterator[int]:
    """This Python thread and new ones run torch's steps alone; gives the number before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def peak(tensor: Tensor) -> Tensor:
    """Each clip's maximum, shaped to divide by; 1 for silence."""
    highest = tensor.flatten(1).amax(1) if tensor.numel() else tensor.new_ones(len(tensor))
    highest = torch.where(highest > 0, highest, 1.0)
    return highest.reshape(-1, *(1 for _ in tensor.shape[1:]))
