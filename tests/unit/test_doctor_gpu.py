"""What arms need of a GPU, and what GPUs are said to have."""

from pathlib import Path
from typing import Any

import pytest
from melablate.doctor import gpu, gpu_need, nodes
from melablate.doctor.cards import gigabytes
from melablate.doctor.patient import Request, Site
from patients import bad, levels, path, patient, program

__all__ = ["path"]
SD15 = {"sd15": {"kind": "folder", "path": "models/stable-diffusion-v1-5"}}
SDXL = {"sd15": {"kind": "folder", "path": "models/sdxl"}}
SMI = "NVIDIA {name}, {megabytes}\n"


def study(root: Path, site: Site | None = None, bases: Any = SD15, **train: Any) -> Any:
    size = {"n_mels": 256, "seconds": 15.0, "width": 512}
    train = {"steps": 10, "precision": "bf16"} | train
    changes = {"bases": bases, "base": "sd15", "spectrogram": size, "train": train}
    return patient(root, site, arms=["baseline"], **changes)


def need(root: Path, **more: Any) -> gpu_need.Need:
    return gpu.needs(study(root, **more), ["baseline"])["training baseline"][1]


def test_weights_and_moments_are_counted(tmp_path: Path) -> None:
    """By hand: 859,520,964 weights of the UNet and 123,060,480 of the text encoder."""
    unet, text = 859_520_964, 123_060_480
    lora = need(tmp_path, rank=8)
    adapters = 8 * 398_464  # kohya's 192 layers: inputs + outputs of each
    assert lora.fixed == pytest.approx(2 * (unet + text) + 16 * adapters, rel=0.02)
    # Weights, gradients and two moments in float32; their copies in bf16 for each step.
    full = need(tmp_path, weights="full")
    assert full.fixed == pytest.approx((16 + 2) * unet + 2 * text)
    assert need(tmp_path, weights="full", ema={}).fixed == full.fixed + 4 * unet
    eight = need(tmp_path, weights="full", optimizer={"kind": "adamw8bit"})
    assert full.fixed - eight.fixed == pytest.approx(6 * unet, rel=0.05)


def test_what_a_step_keeps(tmp_path: Path) -> None:
    plain, half = need(tmp_path, precision="no"), need(tmp_path)
    assert plain.image == 2 * half.image
    assert need(tmp_path, gradient_checkpointing=True).image < half.image / 3
    assert need(tmp_path, batch_size=8).whole > need(tmp_path, batch_size=1).whole
    assert need(tmp_path, bases=SDXL).image > 1.5 * half.image
    assert need(tmp_path, spectrogram_loss={}).image > half.image


def test_an_arm_too_large_for_the_card(path: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(gpu, "_torch", lambda: iter(()))

    def said(megabytes: int, **train: Any) -> str:
        program(path, "nvidia-smi", SMI.format(name="X", megabytes=megabytes))
        found = list(gpu.check(study(tmp_path, **train)))
        bad(found)
        return max(found, key=lambda one: one.level).level.name

    assert said(81920) == said(24576, weights="full", bases=SD15) == "OK"
    assert said(8192, weights="full") == "FAILURE"  # 16 bytes a weight are 14 GB
    assert said(8192, batch_size=32) == "WARNING"  # its batch is halved


def test_without_a_gpu(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert levels(list(gpu.check(patient(tmp_path)))) == ["OK"]  # the embedded base needs none
    assert levels(bad(list(gpu.check(study(tmp_path))))) == ["WARNING"]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("NVIDIA A100-SXM4-80GB", 80),
        ("a100", 40),
        ("Tesla V100-PCIE-16GB", 16),
        ("v100s-32g", 32),
        ("a100_1g.10gb", 10),
        ("NVIDIA GeForce RTX 4090", 24),
        ("l40s", 48),
        ("NVIDIA L4", 24),
        ("h100", 80),
        ("something", None),
    ],
)
def test_memory_by_name(name: str, size: float | None) -> None:
    assert gigabytes(name) == size


NODES = """gpu1|gpu|32|256000|a100,nvme|gpu:a100:4(S:0-1)
gpu2|gpu|32|256000+|v100,gpu32gb|gpu:v100:2
cpu1|cpu*|16|64000|(null)|(null)
odd|odd|8|32000|(null)|gpu:2
"""


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"slurm_partition": "gpu", "gpu": 1, "gpu_model": "a100"}, ["40.0 GB"]),
        ({"slurm_partition": "gpu", "gpu": 1}, ["32.0 GB"]),  # the smallest that it may get
        ({"slurm_partition": "gpu", "gpu": 0, "gres": "gpu:v100:1"}, ["32.0 GB"]),
        ({"slurm_partition": "gpu", "gpu": 1, "constraint": "a100|h100"}, ["40.0 GB"]),
        ({"slurm_partition": "odd", "gpu": 1}, ["not known", "srun --partition=odd --gpus=1"]),
        ({"gpu": 1, "slurm_account": "lab"}, ["no GPU", "srun --account=lab --gpus=1"]),
    ],
)
def test_gpus_of_a_partition(
    resources: dict[str, Any], words: list[str], path: Path, tmp_path: Path
) -> None:
    program(path, "sinfo", NODES)
    nodes.all_nodes.cache_clear()
    site = Site(executor="slurm", requests=(Request("train_arm", resources, resources),))
    (found,) = gpu.check(study(tmp_path, site))
    nodes.all_nodes.cache_clear()
    for word in words:
        assert word in f"{found.what} {found.mend}", found
