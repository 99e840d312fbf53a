"""Helpers of the training tests: latents made up from a seed, and the command line."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_base
import torch
from melablate.audio.codec_text import codec_json
from melablate.audio.codecs.mel_db.settings import MelDb
from melablate.models.weights import save_tensors

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_lora.py"
IDENTITY = "0123456789abcdef"
OUTPUTS = [
    "train.best.safetensors",
    "train.csv",
    "train.json",
    "train.kohya.safetensors",
    "train.safetensors",
    "train.validation.csv",
]


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random bases of SD 1.5's and of SDXL's shape."""
    folder = tmp_path_factory.mktemp("bases")
    return {
        "sd": tiny_base.write_base(folder / "sd"),
        "xl": tiny_base.write_base(folder / "xl", xl=True),
    }


def write_latents(
    path: Path, clips: int = 6, variants: int = 1, channels: int = 4, seed: int = 0
) -> Path:
    """Latents of so many training clips and one that is held out."""
    generator = torch.Generator().manual_seed(seed)
    shape = (clips + 1, variants, channels, 4, 8)
    captions = [
        [f"slow piano, sad. Tune {i}", f"a tune {i}"][: 1 + i % 2] for i in range(clips + 1)
    ]
    metadata = {
        "clip_ids": json.dumps([f"{seed}{i:03}-0" for i in range(clips + 1)]),
        "captions": json.dumps(captions),
        "splits": json.dumps(["train"] * clips + ["heldout"]),
        "identity": "made up",
        "codec": codec_json(MelDb(seconds=0.9, n_mels=16, width=32)),
    }
    mean = torch.randn(shape, generator=generator)
    std = 0.1 * torch.rand(shape, generator=generator)
    save_tensors(path, {"mean": mean, "std": std}, metadata)
    return path


def command(base: Path, out: Path, settings: dict[str, Any], *more: str | Path) -> list[str]:
    """The command line of a run."""
    line = [sys.executable, SCRIPT, "--settings", json.dumps(settings), "--seed", "0"]
    line += ["--identity", IDENTITY, "--base", base, "--out", out, *more]
    return [str(word) for word in line]


def start(line: list[str]) -> subprocess.Popen[str]:
    """Start it, on one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def run(
    base: Path, out: Path, settings: dict[str, Any], latents: Path | None, **more: Any
) -> dict[str, Any]:
    """Train in this process; the provenance that was written."""
    from melablate.training.inputs import Inputs
    from melablate.training.job import run as run_job
    from melablate.training.latents_settings import Latents
    from melablate.training.resume import Cadence
    from melablate.training.settings import Train
    from melablate.training.signals import Stop

    inputs = {key: more.pop(key, None) for key in ("images", "regularization", "warm_start")}
    run_job(
        settings=Train.model_validate(settings),
        latents=Latents.model_validate(more.pop("latents_settings", {})),
        inputs=Inputs(base=base, latents=latents, **inputs),
        seed=more.pop("seed", 0),
        identity=more.pop("identity", IDENTITY),
        name=out.name,
        threads=1,
        prefix=out,
        provenance={},
        cadence=Cadence(steps=more.pop("save_every", None)),
        stop=Stop(),
        start=time.monotonic(),
        budget=more.pop("budget", None),
        watch=more.pop("watch", None),
        watch_folder=more.pop("watch_folder", None),
    )
    record: dict[str, Any] = json.loads(out.with_name(out.name + ".json").read_text())
    return record


def weights(out: Path) -> dict[str, torch.Tensor]:
    """The weights that a run wrote."""
    from melablate.models.weights import read_tensors

    return read_tensors(out.with_name(out.name + ".safetensors"))[0]
