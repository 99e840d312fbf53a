"""Every codec as its project has it, and small, for the tests that all of them pass."""

from typing import Any

from melablate.audio.codec_settings import CodecSettings
from melablate.audio.settings import Spectrogram
from pydantic import TypeAdapter

KINDS = ("mel_db", "riffusion", "audio_diffusion", "ma_ddpm", "dual_diffusion", "bigvgan")
_QUICK = {"inversion": {"iterations": 16}}
SMALL_SETTINGS: dict[str, dict[str, Any]] = {
    "mel_db": {"kind": "mel_db", "seconds": 1.0, "n_mels": 64, "width": 32},
    "riffusion": {
        "kind": "riffusion",
        "sample_rate": 16000,
        "seconds": 0.95,
        "n_mels": 64,
        "width": 96,
        "fmax": 8000,
        "padded_ms": 200,
    },
    "riffusion-stereo": {
        "kind": "riffusion",
        "sample_rate": 16000,
        "seconds": 0.95,
        "stereo": True,
        "n_mels": 64,
        "width": 96,
        "fmax": 8000,
        "padded_ms": 200,
    },
    "audio_diffusion": {
        "kind": "audio_diffusion",
        "seconds": (64 * 512 - 1) / 22050,
        "n_mels": 64,
        "width": 64,
    },
    "ma_ddpm": {"kind": "ma_ddpm", "seconds": 1.0, "width": 96},
    "dual_diffusion": {
        "kind": "dual_diffusion",
        "seconds": 1.0,
        "n_fft": 2048,
        "window_exponent": 4.0,
        "n_mels": 64,
        "width": 128,
    },
    "dual_diffusion-mono": {
        "kind": "dual_diffusion",
        "seconds": 1.0,
        "stereo": False,
        "n_fft": 2048,
        "window_exponent": 4.0,
        "n_mels": 64,
        "width": 128,
    },
    "bigvgan": {"kind": "bigvgan", "seconds": 64 * 512 / 44100, "n_mels": 64, "width": 64},
}


def codec_of(**settings: Any) -> CodecSettings:
    """A codec of the union that a study chooses from."""
    found: CodecSettings = TypeAdapter(Spectrogram).validate_python(settings)
    return found


def small(name: str, **more: Any) -> CodecSettings:
    """A small codec of a kind, quick to invert."""
    return codec_of(**SMALL_SETTINGS[name] | _QUICK | more)
