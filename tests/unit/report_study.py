"""A made-up finished study: the files that the report reads, with sweeps for samples."""

import csv
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from audio_signals import mel_db
from melablate.audio.png import image_to_png

SECONDS, RATE, HOP, HEIGHT, WIDTH = 1.0, 16000, 256, 64, 80
CODEC = mel_db(seconds=SECONDS, sample_rate=RATE, hop=HOP, n_mels=HEIGHT, width=WIDTH)
PROMPTS = [
    ("A slow piano melody in a minor key, sad and quiet, with soft strings behind", "t1-0"),
    ("Fast electronic dance track at 140 bpm with a driving bass & bright drums", "t2-0"),
    ("Calm marimba over warm pads", "t3-0"),
    ("Energetic rock, distorted guitar", "t4-0"),
    ("vocal choir, solemn, largo", "t5-0"),
    ("A flute and a harp in a dialogue, dreamy", "t6-0"),
    ("a piece of one's own", ""),
]
NASTY = "<script>alert('x')</script> \"quoted\" & 'single'"
ARMS: list[tuple[str, str, str, str, dict[str, Any], float, float]] = [
    ("baseline", "Baseline", "none", "", {}, 0, 0),
    (
        "rank-up",
        "Rank and alpha up, all linear layers",
        "improved",
        "Improved definition",
        {"train": {"rank": 16, "alpha": 16}},
        0.031,
        0.012,
    ),
    (
        "huber",
        "Huber loss",
        "improved",
        "Train with Huber loss: improved inference detail",
        {"train.loss": {"kind": "huber", "c": 0.1}},
        -0.003,
        0.011,
    ),
    (
        "noise-offset",
        "Noise offset .05",
        "worse",
        "Add small amount of noise: worse audio quality",
        {"train.noise_offset": 0.05},
        -0.028,
        0.013,
    ),
    (
        "batch-size",
        "Batch size doubled",
        "improved",
        "Increase batch size: prevent mode collapse",
        {"train.batch_size": 16},
        -0.021,
        0.009,
    ),
    (
        "clip-skip",
        "Clip skip 2",
        "indeterminate",
        "Increase clip skip: indeterminate",
        {"train.clip_skip": 2},
        0.004,
        0.014,
    ),
]
METRICS = {
    "text_audio_similarity": (1.0, 0.0), "diversity": (0.4, 0.1),
    "frechet_distance": (-2.0, 1.2), "spectral_entropy": (0.1, 0.85),
}  # fmt: skip
METRIC: dict[str, tuple[str, list[str]]] = {
    "rank-up": ("seconds", []),
    "noise-offset": ("frechet_distance", []),
    "batch-size": ("diversity", []),
    "clip-skip": ("text_audio_similarity", ["vocal", "choir"]),
}
"""By what a claim is judged, and the words that its prompts lack; that of huber by nothing."""
AGREED = {
    "noise-offset": "as claimed",
    "batch-size": "against the claim",
    "clip-skip": "not shown either way",
}
FIXED = [
    ("untuned-base", "Untuned base", 0.12), ("codec-ceiling", "Codec ceiling", 0.51),
    ("autoencoder-ceiling", "Autoencoder ceiling", 0.46), ("real-audio", "Real audio", 0.53),
]  # fmt: skip


def write_study(root: Path, seeds: tuple[int, ...] = (0, 1, 2), nasty: bool = False) -> None:
    """Table, prompts, samples and logs of a study below `root`."""
    prompts = [(f"{i:016x}", text, clip) for i, (text, clip) in enumerate(PROMPTS)]
    if nasty:
        prompts[0] = (prompts[0][0], NASTY, prompts[0][2])
    _csv(root / "prompts.csv", ["prompt_id", "prompt", "clip_id"], prompts)
    rows = [*FIXED, *((arm[0], arm[1], 0.3 + arm[5]) for arm in ARMS)]
    for number, (name, *_) in enumerate(rows):
        seeded = name not in ("codec-ceiling", "autoencoder-ceiling", "real-audio")
        for seed in seeds if seeded else (0,):
            folder = root / "arms" / name / f"seed-{seed}"
            write_samples(folder / "samples", prompts, number, seed, real=not seeded)
            if number >= len(FIXED):
                write_log(folder, number, seed)
    (root / "table.json").write_text(json.dumps(table(seeds, nasty)), encoding="utf-8")


def write_samples(
    folder: Path, prompts: list[tuple[str, str, str]], number: int, seed: int, real: bool
) -> None:
    """A sweep and its picture for every prompt; real rows have only prompts with a clip."""
    folder.mkdir(parents=True)
    lines = []
    for i, (prompt_id, text, clip) in enumerate(prompts):
        if real and not clip:
            continue
        name = f"{prompt_id}-0"
        sound, image = sweep(200 + 40 * i, 900 + 250 * number + 150 * seed)
        soundfile.write(folder / f"{name}.wav", sound, RATE, "PCM_16")
        (folder / f"{name}.png").write_bytes(image_to_png(image[None], CODEC))
        lines.append((prompt_id, 0, text, f"{name}.png", f"{name}.wav", clip, "1.000"))
    head = ["prompt_id", "sample", "prompt", "image", "audio", "clip_id", "seconds"]
    _csv(folder / "index.csv", head, lines)


@cache
def sweep(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """A rising tone with overtones, and its picture with the lowest frequency in row 0."""
    t = np.arange(int(SECONDS * RATE)) / RATE
    phase = 2 * np.pi * (low * t + (high - low) * t**2 / 2)
    sound = sum(0.2 / k * np.sin(k * phase) for k in (1, 2, 3)) * np.exp(-2 * (t % 0.5))
    frames = np.arange(WIDTH) / (SECONDS * RATE / HOP)
    rows = np.arange(HEIGHT)[:, None]
    image = np.zeros((HEIGHT, WIDTH))
    for k in (1, 2, 3):
        at = HEIGHT * k * (low + (high - low) * frames) / 8000
        image = np.maximum(image, np.exp(-(((rows - at) / 1.6) ** 2)) / k)
    image = np.clip(image + 0.18 * np.exp(-rows / 20), 0, 1) * np.exp(-1.2 * (frames % 0.5))
    image[:, frames > SECONDS] = 0
    return np.asarray(sound), (255 * image).astype(np.uint8)


def write_log(folder: Path, number: int, seed: int) -> None:
    """A falling loss, and what the run recorded of itself."""
    random = np.random.default_rng((number, seed))
    steps = range(4, 244, 4)
    scale = 0.3 if number == len(FIXED) + 2 else 1.0
    losses = [
        scale * (0.16 + 0.5 * math.exp(-s / 40) + 0.02 * random.standard_normal()) for s in steps
    ]
    _csv(folder / "train.csv", ["step", "loss"], zip(steps, losses, strict=True))
    record = {
        "steps": 240,
        "images": 84,
        "trained_weights": 21504 * (4 if number == len(FIXED) + 1 else 1),
        "loop_seconds": (31.4 + seed) * (2 if number == len(FIXED) + 1 else 1) + number / 9,
        "settings": {"rank": 4, "alpha": 4, "noise_offset": 0.0, "batch_size": 8, "clip_skip": 1,
                     "accumulation": 1, "loss": {"kind": "mse", "c": 0.1}},
        "commit": "0123456789abcdef0123456789abcdef01234567-dirty",
        "versions": {"torch": "2.13.0"},
        "machine": {"cores": 2},
    }  # fmt: skip
    (folder / "train.json").write_text(json.dumps(record), encoding="utf-8")


def table(seeds: tuple[int, ...], nasty: bool) -> dict[str, Any]:
    """What the table says."""
    silent = {"verdict": "none", "words": "", "metric": None, "prompts_without": []}
    rows: list[dict[str, Any]] = [
        {"name": name, "label": label, "kind": "fixed", "claim": silent,
         "changes": {}, "claimed": None, "training": None,
         "metrics": metrics(level, level - 0.3, 0.01, judged=False)}
        for name, label, level in FIXED
    ]  # fmt: skip
    for name, label, claim, words, changes, effect, half in ARMS:
        rows.append(
            {
                "name": name,
                "label": NASTY if nasty and name == "huber" else label,
                "kind": "baseline" if name == "baseline" else "arm",
                "claim": {
                    "verdict": claim,
                    "words": NASTY if nasty and words else words,
                    "metric": METRIC.get(name, (None, []))[0],
                    "prompts_without": METRIC.get(name, (None, []))[1],
                },
                "claimed": claimed(name),
                "training": {
                    "steps": 480 if name == "batch-size" else 240,
                    "images_seen": 1920,
                    "steps_before": 0,
                    "text_encoder": False,
                },
                "changes": changes,
                "metrics": metrics(0.3 + effect, effect if half else None, half, judged=half > 0),
            }
        )
    sides = {"frechet_distance": "lower", "spectral_entropy": "neutral"}
    return {"study": "demo", "seeds": list(seeds), "primary": "text_audio_similarity",
            "baseline": "baseline", "family": len(ARMS) - 1, "samples": len(PROMPTS),
            "metrics": [{"name": name, "direction": sides.get(name, "higher")} for name in METRICS],
            "checks": [{"text": "the baseline beats the untuned base", "holds": True}],
            "confidence": 0.95, "power": 0.8, "rows": rows}  # fmt: skip


def claimed(name: str) -> dict[str, Any] | None:
    """A claim as the table judges it."""
    if name not in METRIC:
        return None
    cell = dict.fromkeys(("effect", "low", "high", "p_holm"))
    return cell | {"metric": METRIC[name][0], "n_prompts": 5, "agreement": AGREED.get(name, "")}


def metrics(level: float, effect: float | None, half: float, judged: bool) -> dict[str, Any]:
    """Four metrics; the others follow the first."""
    found = {}
    for name, (scale, zero) in METRICS.items():
        cell: dict[str, Any] = dict.fromkeys(
            ("effect", "low", "high", "p", "p_holm", "smallest_effect", "level_low", "level_high")
        )
        cell |= {"level": zero + scale * level, "n_seeds": 3, "n_prompts": 7, "verdict": ""}
        if effect is not None:
            e, h = scale * effect, (abs(scale) + 0.2 * (scale != 1)) * half
            cell |= {"effect": e, "low": e - h, "high": e + h}
            shown = "no difference shown"
            if abs(e) > h:
                shown = "improved" if effect > 0 else "worse"
            if judged:
                cell |= {"p": 0.001, "p_holm": 0.004, "verdict": shown, "smallest_effect": 1.3 * h}
        found[name] = cell
    return found


def _csv(path: Path, head: list[str], lines: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *lines])
