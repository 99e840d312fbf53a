"""What one would write without this project: librosa, one process, a PNG a track.

    python benchmarks/plain_spectrograms.py twin/audio images

The steps of the seed's codec (DiffusionMiniMIDI): 15 s from second 15 at 16 kHz, pre-emphasis,
−14 LUFS, peak limit of −1 dB at twice the rate, 256 mels in decibels under the maximum, 512 wide.
"""

import sys
import warnings
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
from PIL import Image

RATE = 16000
warnings.filterwarnings("ignore", message="Possible clipped samples")


def main() -> None:
    """Every MP3 below a folder, in the order of names."""
    source, target = map(Path, sys.argv[1:3])
    limit = int(sys.argv[3]) if len(sys.argv) > 3 else None
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*.mp3"), key=lambda path: path.name)[:limit]:
        name = path.name.removesuffix(".2min.mp3")
        Image.fromarray(image_of(path)).save(target / f"{name}.png")


def image_of(path: Path) -> np.ndarray:
    """Grey, row 0 the lowest frequency."""
    audio, _ = librosa.load(path, sr=RATE, offset=15.0, duration=15.0)
    audio = librosa.effects.preemphasis(audio, coef=0.97)
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(audio)
    audio = pyloudnorm.normalize.loudness(audio, loudness, -14.0)
    peak = np.abs(librosa.resample(audio, orig_sr=RATE, target_sr=2 * RATE)).max()
    audio = audio * min(1.0, 10 ** (-1 / 20) / peak)
    mel = librosa.feature.melspectrogram(
        y=audio, sr=RATE, n_fft=2048, hop_length=512, n_mels=256, fmax=8000
    )
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=80)
    grey = np.round((decibels / 80 + 1) * 255).astype(np.uint8)
    return np.pad(grey, ((0, 0), (0, 512 - grey.shape[1])))


if __name__ == "__main__":
    main()
