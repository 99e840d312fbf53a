"""The embedded models: vocabulary, shapes, that they learn, that they repeat to the bit."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from melablate.models import tiny_clap, tiny_unet, tiny_vae
from melablate.models.naming import named_in, naming_accuracy
from melablate.models.one_cycle import one_cycle
from melablate.models.settings import TinyClap, TinyUnet, TinyVae
from melablate.models.tokenizer import clip_merges, clip_vocabulary, write_clip_tokenizer


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_clip_tokenizer(folder)
    return folder


def test_the_vocabulary_is_clips() -> None:
    """Ids as published with CLIP: specials at the end, 'synthesizers' in two parts."""
    vocabulary = clip_vocabulary(clip_merges())
    assert len(vocabulary) == 49408
    assert vocabulary["<|startoftext|>"] == 49406 and vocabulary["<|endoftext|>"] == 49407
    assert vocabulary["a</w>"] == 320 and vocabulary["photo</w>"] == 1125
    assert vocabulary["cat</w>"] == 2368


def test_the_tokenizer_loads_and_splits_as_the_seed_saw(tokenizer_folder: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    assert len(tokenizer) == 49408
    assert tokenizer.tokenize("Synthesizers") == ["synthesi", "zers</w>"]
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def stripes(count: int, seed: int = 0) -> np.ndarray:
    """Images of level lines, which a small autoencoder can learn in a few steps."""
    rows = np.random.default_rng(seed).integers(0, 200, size=(count, 1, 32, 1))
    return np.repeat(rows, 64, axis=3).astype(np.uint8)


def test_the_autoencoder_learns_and_repeats() -> None:
    settings = TinyVae(channels=(8, 16, 16), steps=30, batch_size=4, crop=16)
    images = stripes(16)
    vae = tiny_vae.train(images, settings)
    again = tiny_vae.train(images, settings)
    for left, right in zip(vae.parameters(), again.parameters(), strict=True):
        assert torch.equal(left, right)
    untrained = tiny_vae.psnr(tiny_vae.build(settings), images)
    assert tiny_vae.psnr(vae, images) > untrained + 2
    mean, std = tiny_vae.encode(vae, images)
    assert mean.shape == (16, 4, 8, 16)
    assert abs(float(mean.std()) - 1) < 0.01 and float(std.max()) < 1


def test_psnr_is_its_formula() -> None:
    settings = TinyVae(channels=(8, 16, 16), steps=1)
    vae, images = tiny_vae.build(settings).eval(), stripes(5, seed=1)
    with torch.no_grad():
        data = tiny_vae.to_input(images)
        decoded = vae.decode(vae.encode(data).latent_dist.mean).sample.clamp(-1, 1)
    error = np.mean(((decoded.numpy() - data.numpy()) / 2) ** 2, dtype=np.float64)
    assert tiny_vae.psnr(vae, images) == pytest.approx(10 * np.log10(1 / error), abs=1e-4)


def test_autoencoder_of_stereo_tensors() -> None:
    settings = TinyVae(channels=(8, 16), steps=2, batch_size=2)
    images = np.random.default_rng(0).uniform(0, 5, (3, 2, 16, 32)).astype(np.float32)
    pixels = tiny_vae.to_input(images, (0.0, 5.0))
    assert pixels.shape == images.shape and pixels.min() >= -1 and pixels.max() <= 1
    vae = tiny_vae.train(images, settings, (0.0, 5.0))
    assert (vae.config.in_channels, vae.config.out_channels) == (2, 2)
    mean, _ = tiny_vae.encode(vae, images, (0.0, 5.0))
    assert mean.shape == (3, 4, 8, 16)
    assert np.isfinite(tiny_vae.psnr(vae, images, (0.0, 5.0)))


def test_the_base_is_a_folder_that_diffusers_opens(tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    vae = tiny_vae.build(TinyVae(channels=(8, 16, 16), steps=1))
    corpus = tiny_unet.Corpus(torch.randn(6, 4, 8, 16), torch.full((6, 4, 8, 16), 0.1), [["a"]] * 6)
    settings = TinyUnet(channels=(8, 16), text_width=16, text_layers=1, steps=2, batch_size=2)
    tiny_unet.train(corpus, settings, tmp_path)
    tiny_unet.write_base(vae, tmp_path)
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path, local_files_only=True)
    assert len(pipeline.tokenizer) == 49408
    image = pipeline(
        "a piano", height=32, width=64, num_inference_steps=1, output_type="latent"
    ).images
    assert image.shape[1:] == (4, 8, 16)


def test_clap_learns_to_tell_two_sounds(tokenizer_folder: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    rate, draw = tiny_clap.SAMPLE_RATE, np.random.default_rng(0)
    time = np.arange(2 * rate) / rate
    audio, captions = [], []
    for number in range(24):
        high = number % 2
        pitch = draw.uniform(2000, 3000) if high else draw.uniform(150, 300)
        audio.append(np.sin(2 * np.pi * pitch * time) + draw.normal(0, 0.01, time.size))
        captions.append([f"a {'whistle' if high else 'drone'}, slow"])
    from melablate.audio.mel import filterbank

    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    settings = TinyClap(
        kind="tiny_clap", corpora=("x",), width=16, channels=(8, 16, 16), steps=150, batch_size=8
    )
    bank = torch.from_numpy(filterbank(tiny_clap.FRONT_END)).float()
    data = torch.from_numpy(np.stack(audio)).float()
    model = tiny_clap.train(data, captions, bank, tokenizer, settings)
    tiny_clap.save(model, tokenizer_folder / "tokenizer.json", settings, tmp_path)
    embedder = tiny_clap.load(tmp_path)
    names = ["drone", "whistle"]
    embedded = embedder.embed_audio([np.float32(clip) for clip in audio], rate)
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-5)
    truth = [named_in(texts, names) or "" for texts in captions]
    assert naming_accuracy(embedded, embedder.embed_text(names), names, truth) > 0.9
    # Level does not count.
    louder = embedder.embed_audio([np.float32(3 * audio[0])], rate)
    np.testing.assert_allclose(louder[0], embedded[0], atol=1e-3)
    digest = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    again = tiny_clap.train(data, captions, bank, tokenizer, settings)
    tiny_clap.save(again, tokenizer_folder / "tokenizer.json", settings, tmp_path)
    assert digest == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()


def test_how_many_words_stay_is_drawn_once_a_caption() -> None:
    """Shares spread as U(.1, .6) does and the coins of 50 tokens on top; half stay whole."""
    draw, ids = np.random.default_rng(0), list(range(50))
    kept = [tiny_clap._drop_words(ids, draw) for _ in range(8000)]
    assert all(part == sorted(set(part)) and part for part in kept)
    shares = np.array([len(part) / 50 for part in kept if len(part) < 50])
    assert abs(len(shares) / 8000 - 0.5) < 0.02
    coins = np.mean(shares * (1 - shares)) / 50
    assert shares.mean() == pytest.approx(0.35, abs=0.01)
    assert shares.var() == pytest.approx(0.5**2 / 12 + coins, rel=0.1)


def test_captions_that_name_several_leads_are_no_truth() -> None:
    assert named_in(["Piano, slow", "a piano"], ["piano", "flute"]) == "piano"
    assert named_in(["piano and flute"], ["piano", "flute"]) is None
    assert named_in(["drums"], ["piano", "flute"]) is None


@pytest.mark.parametrize("steps", [1, 2, 10, 100])
def test_the_learning_rate_rises_and_ends_near_zero(steps: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule, rates = one_cycle(optimizer, steps), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert max(rates) == pytest.approx(2.0) and min(rates) >= 0
    assert steps < 10 or rates[-1] < 0.2
