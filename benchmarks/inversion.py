"""Mel → sound: quality against time, beside librosa.feature.inverse.mel_to_audio.

PYTHONPATH=scripts python benchmarks/inversion.py --out benchmarks/inversion.md

`--set tune` shows the pieces that the constants were chosen on instead of those of the page.
"""

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np
import torch
from inversion_pieces import RATE, SECONDS, Sound, pieces
from melablate.audio.griffin_lim import griffin_lim
from melablate.audio.mel_to_audio import mel_to_audio
from melablate.audio.mel_to_linear import Method, mel_to_linear
from melablate.audio.phase_start import peak_phase, random_phase
from melablate.audio.transform import Transform
from threadpoolctl import threadpool_limits

N_FFT, HOP, N_MELS, RANGE_DB = 2048, 512, 256, 80
GRID = Transform(N_FFT, HOP, RATE * SECONDS)
BANDS = librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=N_MELS, dtype=np.float64)
MOMENTUM = 0.99
TIMED = ("piano", "synth lead", "drums", "held chords")
Invert = Callable[[Sound], Sound]
"""Power mels [clips, n_mels, frames] → sounds [clips, samples]."""


def by_librosa(mels: Sound, iterations: int, peak: float | None = None) -> Sound:
    """librosa on the mel as it is, or scaled to a peak: its solver's tolerance is absolute."""
    scale = 1.0 if peak is None else peak / mels.max()
    linear = librosa.feature.inverse.mel_to_stft(
        (mels * scale).astype(np.float32), sr=RATE, n_fft=N_FFT
    )
    # These two are what librosa.feature.inverse.mel_to_audio does, but for the seed.
    found = librosa.griffinlim(
        linear, n_iter=iterations, hop_length=HOP, length=GRID.samples, random_state=0
    )
    return np.asarray(found / np.sqrt(scale), np.float64)


def tensor(mels: Sound) -> torch.Tensor:
    """As the functions here want them: [clips, frames, n_mels]."""
    return torch.from_numpy(mels.transpose(0, 2, 1).copy()).float()


def by_parts(mels: Sound, method: Method, iterations: int, peaks: bool = False) -> Sound:
    """A mel inverse, then fast Griffin-Lim."""
    magnitude = mel_to_linear(tensor(mels), torch.from_numpy(BANDS), method, stft=GRID).sqrt()
    start = peak_phase(magnitude, GRID) if peaks else random_phase(GRID, magnitude)
    return griffin_lim(magnitude, GRID, iterations, MOMENTUM, start).double().numpy()


def by_us(mels: Sound, iterations: int) -> Sound:
    """The whole way."""
    return mel_to_audio(tensor(mels), torch.from_numpy(BANDS), GRID, iterations).double().numpy()


METHODS: dict[str, Invert] = {
    "librosa 32": partial(by_librosa, iterations=32),
    "librosa 64": partial(by_librosa, iterations=64),
    "librosa 32, mel peak 1e4": partial(by_librosa, iterations=32, peak=1e4),
    "librosa 64, mel peak 1e4": partial(by_librosa, iterations=64, peak=1e4),
    "pseudo_inverse, GL 32": partial(by_parts, method="pseudo_inverse", iterations=32),
    "nnls, GL 32": partial(by_parts, method="nnls", iterations=32),
    "multiplicative, GL 32": partial(by_parts, method="multiplicative", iterations=32),
    "lobes, GL 32": partial(by_parts, method="lobes", iterations=32),
    "lobes, peaks' phases, GL 32": partial(by_parts, method="lobes", iterations=32, peaks=True),
    "mel_to_audio 16": partial(by_us, iterations=16),
    "**mel_to_audio 32**": partial(by_us, iterations=32),
    "mel_to_audio 64": partial(by_us, iterations=64),
}
# Timed in turn; librosa on the louder mel takes too long, the table of quality has one call each.
IN_TURN = (
    "librosa 32",
    "librosa 64",
    "multiplicative, GL 32",
    *(n for n in METHODS if "_audio" in n),
)
OURS = "**mel_to_audio 32**"


def magnitude(sound: Sound) -> Sound:
    """Of the centred transform, silence beyond the ends."""
    spectrum = librosa.stft(sound, n_fft=N_FFT, hop_length=HOP, pad_mode="constant")
    return np.asarray(np.abs(spectrum), np.float64)


def image_mel(sound: Sound) -> Sound:
    """The mel that a grey image of 8 bits over 80 dB holds: what every method is given."""
    mel = BANDS @ magnitude(sound) ** 2
    decibels = 10 * np.log10(np.maximum(mel / mel.max(), 10 ** (-RANGE_DB / 10)))
    grey = np.rint((1 + decibels / RANGE_DB) * 255)
    return np.where(grey > 0, 10 ** ((grey / 255 - 1) * RANGE_DB / 10), 0) * mel.max()


def measure(found: Sound, true: Sound, mel: Sound) -> tuple[float, float, float]:
    """Spectral convergence, log-spectral distance (dB), error of the mel; less is better."""
    wanted, got = magnitude(true), magnitude(found)
    floor = wanted.max() * 10 ** (-RANGE_DB / 20)
    decibels = 20 * np.log10(np.maximum(wanted, floor) / np.maximum(got, floor))
    mel_got, mel_wanted = np.sqrt(BANDS @ got**2), np.sqrt(mel)
    return (
        float(np.linalg.norm(wanted - got) / np.linalg.norm(wanted)),
        float(np.sqrt((decibels**2).mean(axis=0)).mean()),
        float(np.linalg.norm(mel_wanted - mel_got) / np.linalg.norm(mel_wanted)),
    )


def timed(invert: Invert, mels: Sound) -> tuple[float, float, Sound]:
    """Seconds on the wall, of the processor, and the sound."""
    wall, processor = time.perf_counter(), time.process_time()
    found = invert(mels)
    return time.perf_counter() - wall, time.process_time() - processor, found


def qualities(made: dict[str, Sound]) -> tuple[dict[str, Sound], dict[str, float]]:
    """Measures [kinds, 3] of every method, and the median of its processor seconds a clip."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for kind, sound in made.items():
        mel = image_mel(sound)
        for name, invert in METHODS.items():
            _, took, result = timed(invert, mel[None])
            found[name].append(measure(result[0], sound, mel))
            seconds[name].append(took)
        print(kind, dict(zip(METHODS, (rows[-1] for rows in found.values()), strict=True)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {name: np.array(rows) for name, rows in found.items()}, medians


def times(mels: list[Sound], rounds: int, threads: int) -> dict[str, tuple[float, float]]:
    """Medians a clip, on the wall and of the processor; the methods in turn, round by round."""
    torch.set_num_threads(threads)
    clips = sum(len(mel) for mel in mels)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in IN_TURN}
    with threadpool_limits(threads):
        for _ in range(rounds):
            for name in IN_TURN:
                both = [timed(METHODS[name], mel)[:2] for mel in mels]
                found[name].append(
                    (sum(wall for wall, _ in both) / clips, sum(used for _, used in both) / clips)
                )
    return {
        name: (statistics.median(w for w, _ in rows), statistics.median(p for _, p in rows))
        for name, rows in found.items()
    }


def quality_table(found: dict[str, Sound], seconds: dict[str, float]) -> list[str]:
    """The mean over the pieces, a method a line."""
    lines = [
        "| method | spectral convergence | log-spectral distance dB | mel error | processor s | |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in found.items():
        convergence, distance, error = rows.mean(axis=0)
        lines.append(
            f"| {name} | {convergence:.3f} | {distance:.2f} | {error:.4f} | {seconds[name]:.2f} "
            f"| ×{seconds[name] / seconds[OURS]:.1f} |"
        )
    return lines


def kind_table(kinds: list[str], found: dict[str, Sound]) -> list[str]:
    """Convergence / distance / mel error of each kind of music, ours beside librosa's."""
    shown = [OURS, *(name for name in METHODS if name.startswith("librosa"))]
    lines = [
        f"| kind | {' | '.join(shown)} |",
        "| --- |" + " --- |" * len(shown),
    ]
    for row, kind in enumerate(kinds):
        cells = (
            f"{values[row, 0]:.3f} / {values[row, 1]:.1f} / {values[row, 2]:.3f}"
            for values in (found[name] for name in shown)
        )
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def not_better(kinds: list[str], found: dict[str, Sound]) -> list[str]:
    """Where librosa's is better than ours, in words."""
    words = ("spectral convergence", "log-spectral distance", "mel error")
    lines = []
    for name, rows in found.items():
        if name.startswith("librosa"):
            worse = [
                f"{kind}'s {word} ({found[OURS][row, column]:.3f}, librosa {rows[row, column]:.3f})"
                for row, kind in enumerate(kinds)
                for column, word in enumerate(words)
                if found[OURS][row, column] > rows[row, column]
            ]
            lines.append(f"- {name}: {', '.join(worse) or 'nowhere'}")
    return lines


def time_table(measured: dict[str, dict[str, tuple[float, float]]]) -> list[str]:
    """Seconds a clip and how many times ours is faster, on the wall and of the processor."""
    lines = [
        f"| method | {' | '.join(measured)} |",
        "| --- |" + " --- |" * len(measured),
    ]
    for name in IN_TURN:
        cells = []
        for table in measured.values():
            (wall, used), (own_wall, own_used) = table[name], table[OURS]
            cells.append(
                f"{wall:.2f} / {used:.2f} (×{wall / own_wall:.1f} / {used / own_used:.1f})"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def transforms() -> float:
    """Processor seconds of an iteration's two Fourier transforms alone, on one thread."""
    frames = torch.randn(1, GRID.frames, N_FFT)
    found = []
    for _ in range(50):
        began = time.process_time()
        torch.fft.irfft(torch.fft.rfft(frames), N_FFT)
        found.append(time.process_time() - began)
    return statistics.median(found)


def describe(made: dict[str, Sound], name: str, rounds: int) -> str:
    """Measure everything; the page."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        found, seconds = qualities(made)
    mels = [image_mel(made[kind])[None] for kind in TIMED if kind in made]
    measured = {
        "2 threads": times(mels, rounds, 2),
        "1 thread": times(mels, rounds, 1),
        f"batch of {len(mels)}, 2 threads": times([np.concatenate(mels)], rounds, 2),
    }
    torch.set_num_threads(1)
    bound = transforms()
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    kinds = list(made)
    return "\n".join(
        [
            "# Mel → sound: quality against time\n",
            f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), "
            f"Python {platform.python_version()}, {packages}; load of the machine before: "
            f"{LOAD[0]:.1f}. {len(made)} clips of {SECONDS} s, set `{name}`; the constants "
            "were chosen on other pieces (set `tune`). Page made by `benchmarks/inversion.py`.\n",
            TEXT,
            "## Quality, mean of the clips\n",
            *quality_table(found, seconds),
            "\n## Quality by kind of music\n",
            "Spectral convergence / log-spectral distance in dB / mel error.\n",
            *kind_table(kinds, found),
            "\nWhere librosa is better than mel_to_audio 32:\n",
            *not_better(kinds, found),
            "\n## Time\n",
            f"Seconds a clip, on the wall / of the processor, and times {OURS}; medians of "
            f"{rounds} rounds over {', '.join(TIMED)}, the methods in turn. Ours gives every clip "
            "a thread; processor seconds say what a quiet machine would need.\n",
            *time_table(measured),
            f"\nBound: the Fourier transforms of 32 iterations alone take {32 * bound:.2f} s of "
            f"the processor, {32 * bound / seconds[OURS]:.0%} of {OURS}.",
            "",
        ]
    )


PACKAGES = ("librosa", "numpy", "scipy", "torch")
LOAD = os.getloadavg()
TEXT = f"""\
Every method gets the mel of the same grey image ({RATE // 1000} kHz, {N_MELS} Slaney mels, n_fft
{N_FFT}, hop {HOP}, 8 bits over {RANGE_DB} dB). Spectral convergence and log-spectral distance are
against the magnitudes of the sound that the image was made of, which no method sees; the mel
error is the spectral convergence of the mel magnitudes against those given. Less is better.

librosa's non-negative least squares stops at an absolute tolerance: how well it does and how long
it takes depends on the level. It is shown at the level of the sound (peak .7) and with the mel's
peak at 1e4, where it does better and takes longer. Processor seconds a clip are medians of one call
on one thread for each clip, beside them times those of the method in bold.
"""


def main() -> None:
    """Measure and write the page."""
    warnings.simplefilter("ignore", RuntimeWarning)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=("tune", "report"), default="report", dest="name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    text = describe(pieces(arguments.name), arguments.name, arguments.rounds)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
