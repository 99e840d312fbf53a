"""Adapters and bases that cannot be used: one error that says what, where and how to mend it.

All of them by way of `start_from` or `load_base`, which come before any computing.
"""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from melablate.models.base import load_base
from melablate.models.lora import load_into
from melablate.models.lora_file import read
from melablate.models.weights import read_tensors, save_tensors
from melablate.training.draws import Draws
from melablate.training.lora import add_lora, start_from
from melablate.training.settings import Train
from melablate.training.trained import save
from training_runs import command, start, write_latents

TRAIN = Train(rank=2, alpha=2.0, lr_text=1e-3)
LAYER = "lora_te_text_model_encoder_layers_1_self_attn_q_proj"
PLACE = "text_encoder.text_model.encoder.layers.1.self_attn.q_proj"
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def adapters(bases: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sd.safetensors`, `sd.kohya.safetensors` and the same of `xl`."""
    folder = tmp_path_factory.mktemp("adapters")
    for kind in ("sd", "xl"):
        base = load_base(bases[kind], ("unet", "text"))
        parameters = add_lora(base, TRAIN, Draws(0))
        save(folder / f"{kind}.safetensors", parameters, TRAIN, "id")
        save(folder / f"{kind}.kohya.safetensors", parameters, TRAIN, "id", 0, base)
    return folder


def refused(base_folder: Path, path: Path, said: str) -> None:
    """As a warm start, and where it would be put into a base that samples."""
    base = load_base(base_folder, ("unet", "text"))
    with pytest.raises(SystemExit, match=said):
        load_into(base, path)
    parameters = add_lora(base, TRAIN, Draws(0))
    with pytest.raises(SystemExit, match=said):
        start_from(path, parameters, TRAIN, base)


def without(part: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {k: v for k, v in tensors.items() if part not in k}


def plus(name: str, value: torch.Tensor) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {name: value}


NAN = torch.tensor(float("nan"))


@pytest.mark.parametrize(
    ("form", "change", "said"),
    [
        ("kohya", without(f"{LAYER}.lora_up"), "foreign keys"),
        ("kohya", without(f"{LAYER}.lora_down"), "foreign keys"),
        ("kohya", plus("lora_unet_no_such.lora_down.weight", torch.ones(2, 2)), "foreign keys"),
        ("kohya", plus(f"{LAYER}.dora_scale", torch.ones(32)), "They are DoRA; only plain LoRA"),
        ("kohya", plus(f"{LAYER}.hada_w1_a", torch.ones(2, 2)), "They are LoHa; only plain"),
        ("kohya", plus(f"{LAYER}.lokr_w1", torch.ones(2, 2)), "They are LoKr; only plain"),
        ("kohya", plus(f"{LAYER}.lora_mid.weight", torch.ones(2, 2)), "LoCon in Tucker's form"),
        ("kohya", plus(f"{LAYER}.alpha", NAN), "alpha of text_encoder.*q_proj is nan"),
        ("kohya", plus(f"{LAYER}.alpha", torch.tensor(torch.inf)), "alpha of .* is inf"),
        ("kohya", plus(f"{LAYER}.lora_up.weight", NAN.expand(32, 2).clone()), "no number"),
        ("kohya", plus(f"{LAYER}.lora_up.weight", torch.ones(32, 3)), "2 rows down, but 3 col"),
        ("kohya", plus(f"{LAYER}.lora_up.weight", torch.ones(31, 2)), r"\[31, 32\], the weight"),
        ("diffusers", plus("text_encoder_2.x.lora_A.weight", torch.ones(2, 2)), "foreign keys"),
        ("diffusers", plus(f"{PLACE}.lora_magnitude_vector.weight", torch.ones(2)), "are DoRA"),
        ("diffusers", plus("transformer.x.lora_A.weight", torch.ones(2, 2)), "foreign keys"),
        ("diffusers", without(f"{PLACE}.lora_B"), "foreign keys"),
    ],
)
def test_keys_and_numbers_of_an_adapter(
    bases: dict[str, Path],
    adapters: Path,
    tmp_path: Path,
    form: str,
    change: Callable[[Tensors], Tensors],
    said: str,
) -> None:
    name = "sd.kohya.safetensors" if form == "kohya" else "sd.safetensors"
    tensors, metadata = read_tensors(adapters / name)
    broken = tmp_path / "broken.safetensors"
    save_tensors(broken, change(tensors), metadata)
    refused(bases["sd"], broken, f"broken.safetensors.*{said}")


def test_an_adapter_without_some_layer_is_no_warm_start(
    bases: dict[str, Path], adapters: Path, tmp_path: Path
) -> None:
    tensors, metadata = read_tensors(adapters / "sd.kohya.safetensors")
    save_tensors(tmp_path / "less.safetensors", without(LAYER)(tensors), metadata)
    base = load_base(bases["sd"], ("unet", "text"))
    with pytest.raises(SystemExit, match="adapt different layers"):
        start_from(tmp_path / "less.safetensors", add_lora(base, TRAIN, Draws(0)), TRAIN, base)


@pytest.mark.parametrize(
    ("of", "into", "form", "said"),
    [
        ("xl", "sd", "kohya.safetensors", "was made for SDXL, and this base is none"),
        ("xl", "sd", "safetensors", "which the base .* has not|does not fit the base"),
        ("sd", "xl", "kohya.safetensors", "was made for SD 1.5|does not fit the base"),
        ("sd", "xl", "safetensors", "does not fit the base"),
    ],
)
def test_an_adapter_of_the_other_base(
    bases: dict[str, Path], adapters: Path, of: str, into: str, form: str, said: str
) -> None:
    refused(bases[into], adapters / f"{of}.{form}", said)


@pytest.mark.parametrize(
    "metadata",
    [
        {"rank": "two", "alpha": "2"},
        {"rank": "2", "alpha": ""},
        {"lora_adapter_metadata": "{"},
        {"lora_adapter_metadata": '["unet.lora_alpha"]'},
        {"lora_adapter_metadata": '{"unet.lora_alpha": "much"}'},
        {"lora_adapter_metadata": '{"unet.lora_alpha": NaN}'},
    ],
)
def test_metadata_that_say_nothing_of_use(
    bases: dict[str, Path], adapters: Path, tmp_path: Path, metadata: dict[str, str]
) -> None:
    tensors = read_tensors(adapters / "sd.safetensors")[0]
    save_tensors(tmp_path / "odd.safetensors", tensors, metadata)
    refused(bases["sd"], tmp_path / "odd.safetensors", "odd.safetensors.*(metadata|alpha of)")


@pytest.mark.parametrize("end", ["bin", "ckpt", "pt", "safetensors"])
@pytest.mark.parametrize("old", [False, True])
def test_pickles_are_refused_unread(
    bases: dict[str, Path], tmp_path: Path, end: str, old: bool
) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "opened",))  # type: ignore[return-value]

    path = tmp_path / f"lora.{end}"
    torch.save({"x": Bomb()}, path, _use_new_zipfile_serialization=not old)
    refused(bases["sd"], path, "is a pickle.*refused; convert it")
    path.write_bytes(pickle.dumps({"x": Bomb()}))
    refused(bases["sd"], path, "is a pickle.*refused; convert it")
    assert not (tmp_path / "opened").exists()


@pytest.fixture
def base(bases: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(bases["xl"], tmp_path / "base"))


def test_a_base_whose_second_encoder_is_missing(base: Path) -> None:
    shutil.rmtree(base / "text_encoder_2")
    with pytest.raises(SystemExit, match=r"width 64, its 1 text encoder gives 32; .*_2\) missing"):
        load_base(base, ("unet", "text"))


@pytest.mark.parametrize("part", ["unet", "text_encoder_2", "vae"])
def test_a_base_that_lacks_weights(base: Path, part: str) -> None:
    """The libraries would warn, and make them up."""
    (path,) = (base / part).glob("*.safetensors")
    tensors = safetensors.torch.load_file(path)
    name = sorted(tensors)[3]
    del tensors[name]
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(SystemExit, match=rf"{part} lacks 1 weights, such as .*: the file is of"):
        load_base(base)


@pytest.mark.parametrize("part", ["unet", "text_encoder", "vae"])
@pytest.mark.parametrize("left", [0, 5, 1000, -1])
def test_a_base_whose_weights_are_cut_short(base: Path, part: str, left: int) -> None:
    (path,) = (base / part).glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(SystemExit, match=f"{part} cannot be loaded"):
        load_base(base)


def test_a_base_that_is_a_single_file(tmp_path: Path) -> None:
    for name in ("model.ckpt", "model.safetensors"):
        (tmp_path / name).write_bytes(b"\x80\x04")
        with pytest.raises(SystemExit, match=r"single file; a base is a folder.*from_single_file"):
            load_base(tmp_path / name)


def test_a_tokenizer_of_the_wrong_size(base: Path) -> None:
    vocabulary = json.loads((base / "tokenizer_2" / "vocab.json").read_text())
    vocabulary["more"] = len(vocabulary)
    (base / "tokenizer_2" / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(SystemExit, match=r"tokenizer_2 knows 519 tokens, its text encoder 518"):
        load_base(base, ("text",))


def test_old_names_of_the_autoencoders_attention_are_whole(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    """As published of SD 1.5: diffusers knows them; they must not count as missing."""
    base = Path(shutil.copytree(bases["sd"], tmp_path / "base"))
    path = base / "vae" / "diffusion_pytorch_model.safetensors"
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, value in safetensors.torch.load_file(path).items():
        for new, old in names.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        tensors[name] = value
    assert any("proj_attn" in name for name in tensors)
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    kept, plain = load_base(base, ("vae",)).vae, load_base(bases["sd"], ("vae",)).vae
    image = Draws(0).normal((1, 3, 16, 32), "x")
    with torch.no_grad():
        one, two = (vae.encode(image).latent_dist.mean for vae in (kept, plain))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("settings", "more", "said"),
    [
        ({"rank": 0}, [], "rank"),
        ({"warm_start": {"arm": "x"}}, ["--warm-start", "lora.pt"], "lora.pt is a pickle"),
        ({}, ["--base", "no/such/base"], "no/such/base is not a whole base model"),
    ],
)
def test_the_command_line_says_it_in_a_line(
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, object],
    more: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({}, "lora.pt")
    latents = write_latents(tmp_path / "latents.safetensors")
    line = command(bases["sd"], tmp_path / "t", settings, "--latents", latents, *more)
    process = start(line)
    error = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and said in error and "Traceback" not in error
    assert not list(tmp_path.glob("t.*"))


def test_names_of_a_compiled_model_are_read(
    bases: dict[str, Path], adapters: Path, tmp_path: Path
) -> None:
    """kohya's trainer, told to compile (dynamo), leaves the wrapper's name in its keys."""
    base = load_base(bases["sd"], ("unet", "text"))
    for form in ("sd.kohya", "sd"):
        tensors, metadata = read_tensors(adapters / f"{form}.safetensors")
        prefix = "lora_unet_" if form == "sd.kohya" else "unet."
        mark = "_orig_mod_" if form == "sd.kohya" else "_orig_mod."
        odd = {key.replace(prefix, prefix + mark): value for key, value in tensors.items()}
        assert odd.keys() != tensors.keys()
        save_tensors(tmp_path / "odd.safetensors", odd, metadata)
        found = read(tmp_path / "odd.safetensors", base)
        wanted = read(adapters / f"{form}.safetensors", base)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[name].up, wanted[name].up) for name in wanted)
