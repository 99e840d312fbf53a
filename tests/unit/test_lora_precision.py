"""A small update survives bf16: at sampling, frozen weights round, the adapter must not."""

from pathlib import Path

import torch
from melablate.models.base import load_base
from melablate.models.lora import load_into
from melablate.sampling.generate import generate_latents
from melablate.sampling.prompts import Prompt
from melablate.sampling.settings import Sample
from melablate.training.draws import Draws
from melablate.training.lora import add_lora, start_from
from melablate.training.settings import Train
from melablate.training.trained import save

LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
SHARE = 0.003
"""Size of the updates relative to the weights: rounded into bf16 they would be off by half."""


def small_adapter(folder: Path, path: Path) -> dict[str, torch.Tensor]:
    """Write an adapter whose every update is `SHARE` of its weight; the updates, in float64."""
    base, train = load_base(folder, ("unet", "text")), Train(rank=3, alpha=1.5, lr_text=1e-3)
    parameters = add_lora(base, train, Draws(0))
    updates = {}
    for name in [name for name in parameters if ".lora_A." in name]:
        stem = name.removesuffix(".lora_A.weight")
        network, _, place = stem.partition(".")
        weight = base.networks[network].get_submodule(place).get_parameter("base_layer.weight")
        down, up = parameters[name].data, parameters[f"{stem}.lora_B.weight"].data
        up.copy_(Draws(1).normal(tuple(up.shape), stem))
        up *= SHARE * weight.norm() / (0.5 * up.flatten(1) @ down.flatten(1)).norm()
        updates[stem] = 0.5 * up.double().flatten(1) @ down.double().flatten(1)
    save(path, parameters, train, "id")
    return updates


def test_a_bf16_layer_holds_the_update(bases: dict[str, Path], tmp_path: Path) -> None:
    """Least squares over many inputs: rounding of outputs mostly averages out, of weights not."""
    path = tmp_path / "a.safetensors"
    truth = small_adapter(bases["sd"], path)["unet." + LAYER].float()
    plain, tuned = (load_base(bases["sd"], ("unet", "text"), torch.bfloat16) for _ in range(2))
    load_into(tuned, path)
    inputs = Draws(2).normal((16384, truth.shape[1]), "inputs").bfloat16()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        before, after = (base.unet.get_submodule(LAYER)(inputs).float() for base in (plain, tuned))
    found = torch.linalg.lstsq(inputs.float(), after - before).solution.T
    assert float((found - truth).norm() / truth.norm()) < 0.2
    kept = tuned.unet.get_submodule(LAYER).base_layer.weight
    assert torch.equal(kept, plain.unet.get_submodule(LAYER).weight)


def test_sampling_computes_what_the_trained_modules_do(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "a.safetensors"
    small_adapter(bases["sd"], path)
    trained, sampling, plain = (
        load_base(bases["sd"], ("unet", "text"), torch.bfloat16) for _ in range(3)
    )
    train = Train(rank=3, alpha=1.5, lr_text=1e-3)
    start_from(path, add_lora(trained, train, Draws(9)), train, trained)
    load_into(sampling, path)
    jobs = [(Prompt("0" * 16, "a piano"), 0)]
    one, two, without = (
        generate_latents(base, jobs, (8, 8), Sample(steps=2), seed=0)
        for base in (trained, sampling, plain)
    )
    assert torch.equal(one, two) and not torch.equal(one, without)
