"""The published CLAP as an embedder, on a small model of the true architecture."""

from pathlib import Path

import numpy as np
import pytest
from melablate.files import write_json
from melablate.metrics.embedder import load_embedder

RATE = 48_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapProcessor,
        ClapTextConfig,
        RobertaTokenizer,
    )

    path = tmp_path_factory.mktemp("clap")
    torch.manual_seed(0)
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        hidden_size=128,
        projection_dim=32,
    )
    text = ClapTextConfig(
        vocab_size=300,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        projection_dim=32,
    )
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=32)
    ClapModel(config).save_pretrained(path)
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *map(chr, range(33, 127)), "Ġ"]
    words += [f"w{i}" for i in range(300 - len(words))]
    tokenizer = RobertaTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[])
    extractor = ClapFeatureExtractor(truncation="rand_trunc")
    ClapProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(path)
    card = tmp_path_factory.mktemp("card")
    write_json(card / "embedder.json", {"kind": "clap", "path": str(path)})
    return card


def test_vectors_are_unit_and_repeatable(folder: Path) -> None:
    embedder = load_embedder(folder)
    noise = np.random.default_rng(0).standard_normal(25 * RATE).astype(np.float32) / 10
    clips = [noise[: 4 * RATE], noise]
    first, again = (embedder.embed_audio(clips, RATE) for _ in range(2))
    assert first.shape == (2, 32)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    # Clips over 10 s are not cropped at random (LAION-AI/CLAP#166).
    np.testing.assert_array_equal(first, again)
    texts = embedder.embed_text(["a piano", "drums"])
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)


def test_a_long_clip_is_the_mean_of_its_windows(folder: Path) -> None:
    embedder = load_embedder(folder)
    noise = np.random.default_rng(1).standard_normal(20 * RATE).astype(np.float32) / 10
    whole = embedder.embed_audio([noise], RATE)[0]
    halves = embedder.embed_audio([noise[: 10 * RATE], noise[10 * RATE :]], RATE).mean(0)
    np.testing.assert_allclose(whole, halves / np.linalg.norm(halves), atol=1e-5)


def test_a_missing_model_is_said_clearly(tmp_path: Path) -> None:
    write_json(tmp_path / "embedder.json", {"kind": "clap", "path": str(tmp_path / "none")})
    with pytest.raises(SystemExit, match=r"no CLAP model here"):
        load_embedder(tmp_path)
