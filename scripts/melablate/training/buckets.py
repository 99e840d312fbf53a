"""Buckets of aspect ratios, as kohya's trainer has them: at which size an image is trained on."""

import math
from dataclasses import dataclass

from .latents_settings import Bucketing

Size = tuple[int, int]
"""Height, width."""


@dataclass(frozen=True)
class Fit:
    """The image is resized, then the bucket is cut out of its middle."""

    original: Size
    resized: Size
    bucket: Size

    @property
    def corner(self) -> Size:
        """Rows and columns that are cut off before the bucket begins."""
        return (
            (self.resized[0] - self.bucket[0]) // 2,
            (self.resized[1] - self.bucket[1]) // 2,
        )

    @property
    def cut(self) -> tuple[int, int, int, int]:
        """What SDXL is told of it."""
        return (*self.original, *self.corner)

    @property
    def changes(self) -> bool:
        """Whether the bucket shows anything but the image as it is."""
        return not self.original == self.resized == self.bucket


def buckets(settings: Bucketing) -> list[Size]:
    """All buckets: to each width the largest height of no more than the area, and turned round."""
    step, area = settings.step, settings.resolution**2
    found = {(settings.resolution // step * step,) * 2}
    for side in range(settings.min_size, settings.max_size + 1, step):
        other = min(settings.max_size, area // side // step * step)
        if other >= settings.min_size:
            found |= {(side, other), (other, side)}
    return sorted(found, key=lambda size: (size[1], size[0]))  # by width, as kohya: ties


def fit(size: Size, settings: Bucketing) -> Fit:
    """Where an image goes."""
    return _nearest(size, settings) if settings.upscale else _without_upscale(size, settings)


def _nearest(size: Size, settings: Bucketing) -> Fit:
    """Into the bucket of the nearest aspect ratio, covering it."""
    height, width = size
    known = buckets(settings)
    aspect = width / height
    nearest = min(known, key=lambda bucket: abs(bucket[1] / bucket[0] - aspect))
    bucket = size if size in known else nearest
    scale = max(bucket[0] / height, bucket[1] / width)
    return Fit(size, (_round(height * scale), _round(width * scale)), bucket)


def _without_upscale(size: Size, settings: Bucketing) -> Fit:
    """Shrunk to the area if larger; then rows and columns beyond a multiple of the step go."""
    (height, width), step, area = size, settings.step, settings.resolution**2
    resized = size
    if height * width > area:
        aspect = width / height
        # One side becomes a multiple of the step: the one that keeps the aspect ratio better.
        wide = _down(math.sqrt(area * aspect), step)
        tall = _down(math.sqrt(area / aspect), step)
        by_width = abs(wide / _down(wide / aspect, step) - aspect)
        by_height = abs(_down(tall * aspect, step) / tall - aspect)
        by_wide = (_round(wide / aspect), wide)
        resized = by_wide if by_width < by_height else (tall, _round(tall * aspect))
    return Fit(size, resized, (resized[0] // step * step, resized[1] // step * step))


def _round(value: float) -> int:
    return int(value + 0.5)


def _down(value: float, step: int) -> int:
    """To a multiple of the step; one step where there is less."""
    return max(step, _round(value) // step * step)
