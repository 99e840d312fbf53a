"""Bases, captions' conditioning, adapters: added, saved, fused."""

import importlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from melablate.models.base import load_base
from melablate.models.conditioning import encode, unet_arguments
from melablate.models.lora import load_into
from melablate.models.weights import read_tensors, save_tensors
from melablate.training.draws import Draws
from melablate.training.latents import encode as encode_images
from melablate.training.latents import specaugment, variant
from melablate.training.latents_settings import Latents, SpecAugment
from melablate.training.lora import add_lora, start_from, target_layers
from melablate.training.settings import Train
from melablate.training.trained import save


def output(base_folder: Path, adapter: Path | None, **settings: object) -> torch.Tensor:
    """The UNet's output; with an adapter of random weights, saved to `adapter`."""
    base = load_base(base_folder, ("unet", "text"))
    if adapter is not None:
        train = Train.model_validate(settings)
        parameters = add_lora(base, train, Draws(0))
        for name, weight in parameters.items():
            weight.data = 0.1 * Draws(1).normal(tuple(weight.shape), name)
        save(adapter, parameters, train, "id")
    return forward(base)


def forward(base: object) -> torch.Tensor:
    latents = Draws(2).normal((2, 4, 4, 8), "x")
    with torch.no_grad():
        conditioning = encode(base, ["slow piano", ""])  # type: ignore[arg-type]
        arguments = unet_arguments(base, conditioning, latents)  # type: ignore[arg-type]
        return base.unet(latents, torch.tensor([10, 700]), **arguments).sample  # type: ignore


@pytest.mark.parametrize("kind", ["sd", "xl"])
@pytest.mark.parametrize("targets", ["attention", "transformer", "all"])
def test_fused_weights_give_the_adapters_output(
    bases: dict[str, Path], tmp_path: Path, kind: str, targets: str
) -> None:
    path = tmp_path / "a.safetensors"
    adapted = output(bases[kind], path, rank=3, alpha=5.0, targets=targets, lr_text=1e-3)
    base = load_base(bases[kind], ("unet", "text"))
    plain = forward(base)
    load_into(base, path)
    assert (plain - adapted).abs().max() > 1e-3
    assert (forward(base) - adapted).abs().max() <= 1e-5


def test_an_adapter_starts_as_nothing(bases: dict[str, Path]) -> None:
    base = load_base(bases["sd"], ("unet", "text"))
    plain = forward(base)
    parameters = add_lora(base, Train(lr_text=1e-3), Draws(0))
    assert torch.equal(forward(base), plain)
    again = add_lora(load_base(bases["sd"], ("unet", "text")), Train(lr_text=1e-3), Draws(0))
    assert all(torch.equal(parameters[name], again[name]) for name in parameters)
    trained = {name.partition(".")[0] for name in parameters}
    assert trained == {"unet", "text_encoder"}
    assert all(weight.requires_grad for weight in parameters.values())
    owned = {id(weight) for weight in parameters.values()}
    for network in base.networks.values():
        assert {id(w) for w in network.parameters() if w.requires_grad} <= owned


def test_targets_name_layers_as_kohya_does(bases: dict[str, Path]) -> None:
    unet = load_base(bases["sd"], ("unet",)).unet
    attention, transformer, whole = (
        set(target_layers(unet, targets)) for targets in ("attention", "transformer", "all")
    )
    assert attention < transformer < whole
    assert {name.rpartition("attn")[2][2:] for name in attention} == {
        "to_q",
        "to_k",
        "to_v",
        "to_out.0",
    }
    more = {name.rpartition(".")[2] for name in transformer - attention}
    assert more == {"proj_in", "proj_out", "proj", "2"}
    assert "time_embedding.linear_1" in whole and "conv_in" not in whole
    text = load_base(bases["sd"], ("text",)).text_encoders[0]
    assert len(target_layers(text, "transformer")) == 3 * 6


def test_warm_start_copies_fills_up_and_rescales(bases: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    adapted = output(bases["sd"], path, rank=2, alpha=2.0)
    for rank, alpha in ((2, 2.0), (5, 1.0)):
        train = Train(rank=rank, alpha=alpha)
        base = load_base(bases["sd"], ("unet", "text"))
        start_from(path, add_lora(base, train, Draws(5)), train, base)
        assert (forward(base) - adapted).abs().max() <= 1e-5
    for settings, said in (
        ({"rank": 1}, "use at least its rank"),
        ({"rank": 2, "targets": "all"}, "different layers"),
        ({"rank": 2, "lr_text": 1e-3}, "lr_text"),
    ):
        train = Train.model_validate(settings)
        base = load_base(bases["sd"], ("unet", "text"))
        with pytest.raises(SystemExit, match=said):
            start_from(path, add_lora(base, train, Draws(0)), train, base)


def test_an_adapter_of_another_base_is_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    output(bases["xl"], path, rank=2, lr_text=1e-3)
    with pytest.raises(SystemExit, match=r"does not fit|has not"):
        load_into(load_base(bases["sd"], ("unet", "text")), path)
    with pytest.raises(SystemExit, match="load that part"):
        load_into(load_base(bases["xl"], ("unet",)), path)
    save_tensors(path, {"x": torch.zeros(1)}, {"rank": "1", "alpha": "1"})
    with pytest.raises(SystemExit, match="foreign keys"):
        load_into(load_base(bases["sd"], ("unet",)), path)


def test_conditioning_has_each_shape(bases: dict[str, Path]) -> None:
    sd, xl = (load_base(bases[kind]) for kind in ("sd", "xl"))
    plain = encode(sd, ["piano"])
    assert plain.hidden.shape == (1, 16, 32) and plain.pooled is None
    pair = encode(xl, ["piano", "drums"])
    assert pair.hidden.shape == (2, 16, 64) and pair.pooled is not None
    arguments = unet_arguments(xl, pair, torch.zeros(2, 4, 6, 8))
    assert arguments["added_cond_kwargs"]["time_ids"].tolist() == [[24, 32, 0, 0, 24, 32]] * 2
    assert torch.equal(pair.pick([1]).pooled, pair.pooled[1:])  # type: ignore[arg-type]


def test_clip_skip_reads_an_earlier_layer_through_the_final_norm(bases: dict[str, Path]) -> None:
    base = load_base(bases["sd"], ("text",))
    encoder, tokenizer = base.text_encoders[0], base.tokenizers[0]
    tokens = tokenizer("piano", padding="max_length", max_length=16, return_tensors="pt")
    states = encoder(tokens.input_ids, output_hidden_states=True).hidden_states
    for skip in (1, 2, 3):
        expected = encoder.final_layer_norm(states[-skip])
        assert torch.allclose(encode(base, ["piano"], skip).hidden, expected, atol=1e-6)
    with pytest.raises(SystemExit, match="no effect on a base with two"):
        encode(load_base(bases["xl"], ("text",)), ["piano"], 2)
    with pytest.raises(SystemExit, match="skips more"):
        encode(base, ["piano"], 9)


@pytest.mark.parametrize("part", ["unet", "text_encoder", "tokenizer", "scheduler", "vae"])
def test_a_missing_component_is_named(bases: dict[str, Path], tmp_path: Path, part: str) -> None:
    shutil.copytree(bases["sd"], tmp_path / "base")
    shutil.rmtree(tmp_path / "base" / part)
    with pytest.raises(SystemExit, match=part):
        load_base(tmp_path / "base")


def test_broken_components_are_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(bases["sd"], tmp_path / name))

    short = copy("short")
    weights = short / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    pickled = copy("pickled")
    (pickled / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (pickled / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({}))
    words = copy("words")
    vocabulary = json.loads((words / "tokenizer" / "vocab.json").read_text())
    (words / "text_encoder" / "config.json").write_text(
        (words / "text_encoder" / "config.json").read_text().replace(str(len(vocabulary)), "999")
    )
    empty = copy("empty")
    (empty / "tokenizer" / "vocab.json").unlink()
    for folder, said in (
        (short, "cannot be loaded"),
        (pickled, "refused"),
        (words, "knows 518 tokens"),
        (empty, "token"),
    ):
        with pytest.raises(SystemExit, match=said):
            load_base(folder, ("unet", "text"))


def test_safetensors_are_equal_bytes_and_clear_errors(tmp_path: Path) -> None:
    tensors = {"b": torch.ones(3), "a": torch.zeros(2, 2)}
    metadata = {f"k{i}": "é" for i in range(9)}
    for name in ("x", "y"):
        save_tensors(tmp_path / name, tensors, metadata)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    found, said = read_tensors(tmp_path / "x")
    assert said == metadata and torch.equal(found["b"], torch.ones(3))
    (tmp_path / "short").write_bytes((tmp_path / "x").read_bytes()[:-3])
    (tmp_path / "pickle").write_bytes(pickle.dumps({"a": 1}))
    for name in ("short", "pickle"):
        with pytest.raises(SystemExit, match="not a whole safetensors"):
            read_tensors(tmp_path / name)
    with pytest.raises(SystemExit, match="no such file"):
        read_tensors(tmp_path / "none")


def test_images_are_encoded_to_scaled_posteriors(bases: dict[str, Path]) -> None:
    vae = load_base(bases["sd"], ("vae",)).vae
    images = torch.randint(0, 256, (2, 1, 16, 32), dtype=torch.uint8)
    mean, std = encode_images(vae, images, (0, 255))
    pixels = (images.float() / 255 * 2 - 1).repeat(1, 3, 1, 1)
    posterior = vae.encode(pixels).latent_dist
    assert mean.shape == (2, 4, 4, 8)
    assert torch.allclose(mean, posterior.mean * 0.5, atol=1e-5)
    assert torch.allclose(std, posterior.std * 0.5, atol=1e-5)


def test_latents_do_not_depend_on_what_else_is_encoded() -> None:
    """Kernels round by the shape of the batch: a stand-in that does so by much."""

    class Rounding(torch.nn.Conv2d):
        config = SimpleNamespace(in_channels=3, scaling_factor=1.0)

        def encode(self, pixels: torch.Tensor) -> SimpleNamespace:
            made = self(pixels) + 0.01 * len(pixels)
            return SimpleNamespace(latent_dist=SimpleNamespace(mean=made, std=made.exp()))

    images = torch.randint(0, 256, (5, 1, 16, 32), dtype=torch.uint8)
    vae = Rounding(3, 4, 4, stride=4).requires_grad_(False)
    together = encode_images(vae, images, (0, 255))
    alone = [encode_images(vae, image[None], (0, 255)) for image in images]
    for all_, one in zip(together, zip(*alone, strict=True), strict=True):
        assert all_.shape == (5, 4, 4, 8) and torch.equal(all_, torch.cat(one))


def test_specaugment_blanks_what_it_says() -> None:
    image = torch.full((1, 64, 128), 200, dtype=torch.uint8)
    image[..., ::2] = 100
    settings = SpecAugment(frequency_width=8 / 64, time_width=16 / 128)
    made = [specaugment(image, str(key), settings, 0) for key in range(200)]
    assert torch.equal(made[7], specaugment(image, "7", settings, 0))
    assert not torch.equal(made[0], made[1]) and int(image.min()) == 100
    for out in made:
        rows = (out[0] == 0).all(dim=1)
        columns = (out[0] == 0).all(dim=0)
        assert int(rows.sum()) <= 16 and int(columns.sum()) <= 32
        masked = rows[:, None] | columns[None, :]
        assert torch.equal(out, torch.where(masked, 0, image))
    assert max(int((out[0] == 0).all(dim=1).sum()) for out in made) > 12
    mean = specaugment(image, "7", settings.model_copy(update={"fill": "mean"}), 0)
    assert torch.equal(mean == 150, made[7] == 0)
    assert variant(image, "3-0", 0, settings, 0) is image
    assert not torch.equal(
        variant(image, "3-0", 1, settings, 0), variant(image, "3-0", 2, settings, 0)
    )
    assert Latents(specaugment=settings).variants == 5 and Latents().variants == 1


@pytest.mark.parametrize("silence", [255.0, -1.0, -11.512925])
def test_specaugment_fills_with_the_codecs_silence(silence: float) -> None:
    """The same masks whatever silence is: white where images are inverted, low in tensors."""
    dtype = torch.uint8 if silence == 255 else torch.float32
    image = torch.full((2, 64, 128), 100, dtype=torch.uint8)
    image[1] = 50
    settings = SpecAugment(frequency_width=8 / 64, time_width=16 / 128)
    black = specaugment(image, "7", settings, 0)
    filled = specaugment(image.to(dtype), "7", settings, silence)
    assert filled.dtype == dtype
    expected = torch.where(black == 0, torch.tensor(silence), image.float())
    assert torch.equal(filled.float(), expected) and (black == 0).any()
    mean = specaugment(image.to(dtype), "7", settings.model_copy(update={"fill": "mean"}), silence)
    assert torch.equal(mean == 75, black == 0)


def test_specaugment_blanks_the_same_share_of_every_image() -> None:
    settings = SpecAugment(frequency_masks=1, time_masks=1)
    for height, width in ((64, 128), (256, 472), (256, 512)):
        image = torch.full((1, height, width), 9, dtype=torch.uint8)
        made = [specaugment(image, str(key), settings, 0)[0] == 0 for key in range(600)]
        most = max(int(out.all(dim=1).sum()) for out in made)
        longest = max(int(out.all(dim=0).sum()) for out in made)
        assert most == pytest.approx(12 / 256 * height, abs=0.6)
        assert longest == pytest.approx(40 / 472 * width, abs=0.7)


def test_networks_load_without_packages_that_they_can_do_without(bases: dict[str, Path]) -> None:
    """scipy costs every process of training most of a second; later it is there as ever."""
    code = (
        "import sys; from pathlib import Path; from melablate.models.base import load_base\n"
        f"load_base(Path({str(bases['xl'])!r}), ('unet', 'vae', 'text'))\n"
        "assert 'scipy' not in sys.modules\n"
        "import scipy.signal, pyloudnorm\n"
    )
    folder = Path(importlib.import_module("melablate").__path__[0]).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
