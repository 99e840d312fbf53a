"""Audio → grey mel image: the seed's codec.

The order of steps is the seed's: pre-emphasis, loudness, peak limit, mel. The last three only
scale the clip, and decibels are relative to the clip's maximum, so the image does not depend
on them; what it gains is that silence and noise floors mean the same in every clip.
"""

import numpy as np
from numpy.typing import NDArray

from ...codec import Encoded, Float
from ...loudness import normalize
from ...mel import MelBands, apply_filterbank, power_spectrum
from .settings import MelDb

GREYS = 255


def encode(audio: Float, settings: MelDb) -> Encoded:
    """Grey image [1, n_mels, width] of a clip [1, samples]; row 0 is the lowest frequency."""
    emphasized = pre_emphasize(audio[0], settings.pre_emphasis)
    leveled, levels = normalize(
        emphasized, settings.sample_rate, settings.loudness, settings.peak_db
    )
    return Encoded(mel_to_image(mel_power(leveled, settings), settings)[None], levels)


def pre_emphasize(audio: Float, coefficient: float) -> Float:
    """`y[i] = x[i] − c·x[i−1]`; the sample before the first is librosa's extrapolation.

    librosa adds 2·x[0] − x[1] to the first sample (unscaled and with this sign); done here
    too, so that the first frames equal the seed's.
    """
    if coefficient == 0 or audio.size < 2:
        return audio.copy()
    emphasized = audio.copy()
    emphasized[1:] -= coefficient * audio[:-1]
    emphasized[0] += 2 * audio[0] - audio[1]
    return emphasized


def bands_of(settings: MelDb) -> MelBands:
    """The codec's mel bands."""
    return MelBands(
        settings.sample_rate, settings.n_fft, settings.n_mels, settings.fmin, settings.fmax
    )


def mel_power(audio: Float, settings: MelDb) -> Float:
    """Power mel spectrogram [n_mels, frames]."""
    power = power_spectrum(audio, settings.n_fft, settings.hop)
    return apply_filterbank(bands_of(settings), power)


def mel_to_image(mel: Float, settings: MelDb) -> NDArray[np.uint8]:
    """Decibels relative to the maximum, `range_db` below it black; a silent clip is all black."""
    image = np.zeros((settings.n_mels, settings.width), np.uint8)
    peak = float(mel.max(initial=0.0))
    if peak > 0:
        decibels = 10 * np.log10(np.maximum(mel / peak, 10 ** (-settings.range_db / 10)))
        grey = np.rint((1 + decibels / settings.range_db) * GREYS)
        image[:, : mel.shape[1]] = np.clip(grey, 0, GREYS)
    return image
