"""An arm as a pipeline's folder: diffusers draws from it what the workflow's sampler draws."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from melablate.audio.codecs.mel_db.settings import MelDb
from melablate.models.base import load_base, with_objective
from melablate.models.lora import load_into
from melablate.sampling.generate import decode_latents, generate_latents, start_noise
from melablate.sampling.pipeline import export_pipeline
from melablate.sampling.pipeline_settings import Pipeline
from melablate.sampling.prompts import Prompt
from melablate.sampling.settings import Sample
from melablate.training.draws import Draws
from melablate.training.lora import add_lora
from melablate.training.settings import Train
from melablate.training.trained import save

SCRIPT = Path(__file__).parents[2] / "scripts" / "export_pipeline.py"
PROMPT, SIZE = Prompt("0" * 16, "a slow piano"), (4, 8)


def adapter(folder: Path, path: Path) -> Path:
    base, train = load_base(folder, ("unet", "text")), Train(rank=3, alpha=1.5, lr_text=1e-3)
    parameters = add_lora(base, train, Draws(0))
    for name, weight in parameters.items():
        weight.data = 0.1 * Draws(1).normal(tuple(weight.shape), name)
    save(path, parameters, train, "id")
    return path


def by_workflow(
    folder: Path, weights: Path, sample: Sample, settings: Pipeline
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and bytes of the image."""
    base = load_base(folder)
    base = with_objective(base, settings.prediction_type, settings.zero_terminal_snr)
    load_into(base, weights)
    jobs = [(PROMPT, 0)]
    latents = generate_latents(base, jobs, SIZE, sample, 7, settings.clip_skip)
    codec = MelDb(seconds=0.9, n_mels=16, width=32)
    return latents, torch.from_numpy(decode_latents(base.vae, latents, codec, ["x"]))[0, 0]


def by_diffusers(folder: Path, xl: bool, sample: Sample, output: str, **more: Any) -> Any:
    """As the README has it, from the same noise."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    kind = StableDiffusionXLPipeline if xl else StableDiffusionPipeline
    pipeline = kind.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        PROMPT.text,
        negative_prompt=sample.negative_prompt,
        num_inference_steps=sample.steps,
        guidance_scale=sample.guidance,
        latents=start_noise(7, PROMPT, 0, (4, *SIZE))[None],
        output_type=output,
        **more,
    ).images[0]


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("sd", {}, {}),
    ("sd", {"sampler": "ddim", "negative_prompt": "striped"}, {"clip_skip": 2}),
    ("sd", {"sampler": "euler", "guidance": 1.0}, {}),
    ("sd", {}, {"prediction_type": "v_prediction", "zero_terminal_snr": True}),
    ("xl", {"negative_prompt": ""}, {}),
    ("xl", {"sampler": "euler", "guidance": 7.5}, {}),
]


@pytest.mark.parametrize(("kind", "sample", "settings"), CASES)
def test_the_same_samples(
    bases: dict[str, Path],
    tmp_path: Path,
    kind: str,
    sample: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    weights = adapter(bases[kind], tmp_path / "a.safetensors")
    told = Sample(steps=4, **sample)
    pipe = Pipeline(sampler=told.sampler, height=16, width=32, **settings)
    export_pipeline(bases[kind], weights, tmp_path / "pipeline", pipe)
    latents, image = by_workflow(bases[kind], weights, told, pipe)
    xl = kind == "xl"
    size = {"height": 16, "width": 32} if xl else {}  # SD's pipeline knows it
    found = by_diffusers(tmp_path / "pipeline", xl, told, "latent", **size)
    assert found.shape == latents[0].shape
    assert (found - latents[0]).abs().max() <= 1e-4 * latents.abs().max()
    shown = by_diffusers(tmp_path / "pipeline", xl, told, "np", **size)
    grey = torch.from_numpy(shown).mean(dim=2) * 255
    inside = torch.from_numpy(((shown > 0) & (shown < 1)).all(axis=2))  # diffusers cuts each colour
    assert grey.shape == image.shape == (16, 32) and inside.float().mean() > 0.5
    assert (grey - image.float())[inside].abs().max() < 0.52  # one of them rounds
    assert not list((tmp_path / "pipeline").rglob("*.bin"))


def test_the_command_line_makes_equal_bytes(bases: dict[str, Path], tmp_path: Path) -> None:
    weights = adapter(bases["sd"], tmp_path / "a.safetensors")
    line: list[Any] = [sys.executable, SCRIPT, "--base", bases["sd"], "--weights", weights]
    line += ["--settings", json.dumps({"height": 16, "width": 32, "clip_skip": 2})]
    done = subprocess.run([*line, "--out", tmp_path / "one"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pipe = Pipeline(height=16, width=32, clip_skip=2)
    export_pipeline(bases["sd"], weights, tmp_path / "two", pipe)
    names = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")}
    assert Path("unet/diffusion_pytorch_model.safetensors") in names
    assert Path("model_index.json") in names and Path("tokenizer/vocab.json") in names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    layers = json.loads((tmp_path / "one/text_encoder/config.json").read_text())
    assert layers["num_hidden_layers"] == 2  # of three: clip skip 2 without being told


def test_what_cannot_be_exported_is_said(bases: dict[str, Path], tmp_path: Path) -> None:
    weights = adapter(bases["sd"], tmp_path / "a.safetensors")
    for base, settings, said in (
        ("xl", Pipeline(), "does not fit|made for"),
        ("xl", Pipeline(clip_skip=2), "no effect on a base with two"),
        ("sd", Pipeline(clip_skip=9), "skips more"),
    ):
        with pytest.raises(SystemExit, match=said):
            export_pipeline(bases[base], weights, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
    bad = subprocess.run(
        [sys.executable, SCRIPT, "--base", "x", "--weights", "y", "--out", "z", "--settings", "{]"],
        capture_output=True,
        text=True,
    )
    assert bad.returncode == 1 and "--settings" in bad.stderr and "Traceback" not in bad.stderr
