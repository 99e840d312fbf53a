"""Colours of spectrograms: seventeen samples of matplotlib's maps (CC0), drawn between linearly."""

import numpy as np

from .page_settings import ColourMap

MAPS: dict[ColourMap, str] = {
    "magma": "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263"
    " f56b5c fc8961 fea772 fec488 fde2a3 fcfdbf",
    "inferno": "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31"
    " f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4",
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80"
    " 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
    "cividis": "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476"
    " aba072 bcae6c cdbb63 dec958 f0d846 fee838",
    "grey": "000000 ffffff",
}


def palette(name: ColourMap, levels: int) -> bytes:
    """Red, green, blue of `levels` steps from dark to light."""
    colours = [list(bytes.fromhex(colour)) for colour in MAPS[name].split()]
    known = np.linspace(0, 1, len(colours))
    wanted = np.linspace(0, 1, levels)
    channels = [np.interp(wanted, known, channel) for channel in zip(*colours, strict=True)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()
