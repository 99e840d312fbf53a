"""The one interface of all codecs; each is a folder of `codecs/`, loaded by its name.

A codec has three modules: `settings` (its parameters), `encode` (audio → image) and `decode`
(images → audio). They are loaded apart, so that a change of the inversion makes no image again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .codec_settings import CodecSettings
from .loudness import Levels

Float = NDArray[np.floating]
Image = NDArray[Any]
"""[planes, height, width]: bytes, or 32-bit floats where the codec makes tensors."""


@dataclass(frozen=True)
class Encoded:
    """An image and what was done to the clip's level."""

    image: Image
    levels: Levels


Encode = Callable[[Float, CodecSettings], Encoded]
"""Audio [channels, samples] → image."""
Decode = Callable[[NDArray[Any], CodecSettings, str], NDArray[np.float32]]
"""Images [n, planes, height, width] → audio [n, channels, samples], on a device."""


def encoder(settings: CodecSettings) -> Encode:
    """The codec's way from audio to image."""
    module = import_module(f".codecs.{settings.kind}.encode", __package__)
    return cast(Encode, module.encode)


def decoder(settings: CodecSettings) -> Decode:
    """The codec's way back."""
    module = import_module(f".codecs.{settings.kind}.decode", __package__)
    return cast(Decode, module.decode)
