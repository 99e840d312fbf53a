"""Stable Diffusion 1.5 and SDXL 1.0 at their true size, trained as a user would on a small machine.

Their weights are random (benchmarks/random_bases.py). Numbers are those published of the models
and printed by kohya's trainer, or follow from the architecture by the arithmetic beside them.
Minutes each, 7 GB of disk, and below 16 GB of memory, which is asserted.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch
from full_size import GIB, ROOT, made
from melablate.models.base import load_base
from melablate.models.weights import read_tensors, save_tensors
from training_runs import command

pytestmark = pytest.mark.slow
MOST = 16 * GIB
RANK = 4
SETTINGS: dict[str, Any] = {
    "steps": 3,
    "batch_size": 1,
    "rank": RANK,
    "alpha": RANK,
    "lr": 1e-4,
    "lr_text": 5e-5,
    "precision": "bf16",
    "gradient_checkpointing": True,
    "log_every": 1,
}


def transformer(width: int, depth: int, text: int) -> tuple[int, int]:
    """Adapted layers of a spatial transformer, and their adapters' weights at rank 1.

    A layer of a inputs and b outputs has a + b. In and out projection; in each block q, k, v, out
    twice, k and v of the second from the text; GEGLU to 2 · 4 widths, and back from 4.
    """
    block = 8 * width + (6 * width + 2 * text) + 9 * width + 5 * width
    return 2 + 10 * depth, 4 * width + depth * block


def clip(width: int, layers: int) -> tuple[int, int]:
    """The same of CLIP: q, k, v, out; up to four widths and back."""
    return 6 * layers, layers * (8 * width + 10 * width)


def added(*parts: tuple[int, tuple[int, int]]) -> tuple[int, int]:
    """So many times each."""
    return sum(n * one[0] for n, one in parts), sum(n * one[1] for n, one in parts)


@dataclass(frozen=True)
class Model:
    """What is known of a base."""

    kind: str
    weights: dict[str, int]
    adapted: dict[str, tuple[int, int]]
    """By kohya's prefix: modules, and weights at rank 1."""


MODELS = {
    "sd15": Model(
        "sd15",
        {"unet": 859_520_964, "text_encoder": 123_060_480, "vae": 83_653_863},
        {
            "lora_unet": added(
                # down 2 + up 3 at each width but the last, which the middle has too
                (5, transformer(320, 1, 768)),
                (5, transformer(640, 1, 768)),
                (6, transformer(1280, 1, 768)),
            ),
            "lora_te": clip(768, 12),
        },
    ),
    "sdxl": Model(
        "sdxl",
        {
            "unet": 2_567_463_684,
            "text_encoder": 123_060_480,
            "text_encoder_2": 694_659_840,
            "vae": 83_653_863,
        },
        {
            "lora_unet": added((5, transformer(640, 2, 2048)), (6, transformer(1280, 10, 2048))),
            "lora_te1": clip(768, 12),
            "lora_te2": clip(1280, 32),
        },
    ),
}
MODULES = {
    "sd15": {"lora_unet": 192, "lora_te": 72},
    "sdxl": {"lora_unet": 722, "lora_te1": 72, "lora_te2": 192},
}
"""As kohya's trainer prints them; of SDXL's text encoders it prints the sum, 264."""


@pytest.fixture(scope="module", params=list(MODELS))
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]


@pytest.fixture(scope="module")
def base(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Its folder, gone when the tests are done."""
    yield from made(model.kind, tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def latents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three clips, 32 × 64."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, 1, 4, 32, 64)
    metadata = {
        "clip_ids": json.dumps(["0-0", "1-0", "2-0"]),
        "captions": json.dumps([["slow piano, sad."], ["a loud drum"], ["rain"]]),
        "splits": json.dumps(["train"] * 3),
    }
    path = tmp_path_factory.mktemp("latents") / "latents.safetensors"
    mean, std = (torch.randn(shape, generator=generator) for _ in range(2))
    save_tensors(path, {"mean": mean, "std": 0.1 * std.abs()}, metadata)
    return path


def train(base: Path, out: Path, latents: Path, kill: bool = False) -> int:
    """One try through the command line; the most memory that it held."""
    more: list[str | Path] = ["--latents", latents, "--checkpoint-steps", "1", "--threads", "2"]
    log = (out.parent / f"{out.name}.log").open("a")
    process = subprocess.Popen(command(base, out, SETTINGS, *more), stdout=log, stderr=log)
    while kill and process.poll() is None:
        if list(out.parent.glob(f"{out.name}.resume-*/state.safetensors")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.05)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = Path(log.name).read_text()
    assert process.returncode == (-signal.SIGKILL if kill else 0), said
    return usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def trained(
    base: Path, latents: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[int]]:
    """Prefix of a run that was killed after its first saved step, and the memory of both tries."""
    out = tmp_path_factory.mktemp("run") / "train"
    return out, [train(base, out, latents, kill=True), train(base, out, latents)]


def test_the_base_has_the_published_number_of_weights(model: Model, base: Path) -> None:
    for part, count in model.weights.items():
        (path,) = (base / part).glob("*.safetensors")
        with safetensors.safe_open(path, "pt") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
        assert sum(torch.Size(shape).numel() for shape in shapes) == count, part


def test_a_killed_run_goes_on_below_16_gb(
    model: Model, base: Path, latents: Path, trained: tuple[Path, list[int]], tmp_path: Path
) -> None:
    out, memory = trained
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["steps"] == 3 and 1 <= record["resumed_at"] <= 2
    assert record["settings"]["gradient_checkpointing"]
    assert max(memory) < MOST, [held / GIB for held in memory]
    assert max(memory) > 2 * sum(model.weights.values()) - 2 * model.weights["vae"]  # it was loaded
    # The same bytes as a run that nothing disturbed.
    whole = tmp_path / "whole"
    assert train(base, whole, latents) < MOST
    for end in ("safetensors", "kohya.safetensors", "csv"):
        assert whole.with_suffix(f".{end}").read_bytes() == out.with_suffix(f".{end}").read_bytes()


def test_what_is_adapted_is_what_kohya_adapts(
    model: Model, base: Path, trained: tuple[Path, list[int]]
) -> None:
    tensors, metadata = read_tensors(trained[0].with_suffix(".kohya.safetensors"))
    downs = Counter(
        name[: name.index("_", len("lora_"))]
        for name in tensors
        if name.endswith("lora_down.weight")
    )
    assert dict(downs) == MODULES[model.kind]
    assert {prefix: count for prefix, (count, _) in model.adapted.items()} == MODULES[model.kind]
    for prefix, (_, weights) in model.adapted.items():
        own = [t for name, t in tensors.items() if name.startswith(f"{prefix}_")]
        assert sum(t.numel() for t in own if t.ndim) == RANK * weights
        # Every adapter has moved: the text encoders train too, through checkpoints. SDXL reads the
        # first encoder's penultimate layer only.
        unread = "lora_te1_text_model_encoder_layers_11_"
        ups = {name: float(tensors[name].abs().max()) for name in tensors if "_up." in name}
        assert {name for name, most in ups.items() if not most} == {n for n in ups if unread in n}
    record = json.loads(trained[0].with_suffix(".json").read_text())
    assert record["trained_weights"] == RANK * sum(w for _, w in model.adapted.values())
    assert metadata["ss_network_dim"] == str(RANK)


def test_the_exported_pipeline_draws(
    model: Model, base: Path, trained: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """The whole way: weights into the base, a folder, diffusers' own pipeline, an image."""
    folder = tmp_path / "pipeline"
    line = [sys.executable, ROOT / "scripts/export_pipeline.py", "--base", base, "--out", folder]
    line += ["--weights", trained[0].with_suffix(".safetensors")]
    try:
        subprocess.run([str(word) for word in line], check=True, capture_output=True, text=True)
        image, plain = drawn(model, folder), drawn(model, folder, base)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert image.shape == (4, 8, 16) and image.isfinite().all()
    assert not torch.equal(image, plain)


def drawn(model: Model, folder: Path, unet_of: Path | None = None) -> torch.Tensor:
    """Latents of two steps in bf16; with the UNet of the plain base, if that is given."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    kind = StableDiffusionXLPipeline if model.kind == "sdxl" else StableDiffusionPipeline
    more = {}
    if unet_of is not None:
        more["unet"] = load_base(unet_of, ("unet",), torch.bfloat16).unet
    pipeline = kind.from_pretrained(folder, torch_dtype=torch.bfloat16, **more)
    size = {"height": 64, "width": 128, "num_inference_steps": 2, "output_type": "latent"}
    noise = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        images = pipeline("a slow piano", guidance_scale=1.0, generator=noise, **size).images
    return images[0].float()
