"""Every codec through every stage: audio → shards → latents → samples → sound, scores, page."""

import csv
import json
from pathlib import Path
from typing import Any

import encode_latents
import generate_samples
import make_spectrograms
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import render_autoencoder
import render_real_clips
import soundfile
import torch
from codec_kinds import SMALL_SETTINGS, small
from melablate.audio.png import png_to_image
from melablate.audio.shard_reading import read_images
from melablate.metrics.sample_files import read_frames
from melablate.models.base import load_base
from melablate.models.weights import read_tensors
from melablate.report.page_assets import recolour
from melablate.report.page_settings import Report
from melablate.sampling.prompts import choose_prompts, write_prompts
from melablate.sampling.settings import Prompts, Sample
from melablate.training.images import encoded_images
from melablate.training.latents_settings import Latents, SpecAugment
from tiny_base import write_base

EACH = pytest.mark.parametrize("name", SMALL_SETTINGS)
LATENTS = Latents(specaugment=SpecAugment(variants=1))
RATE = 44100


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stereo tracks of 1.5 s: louder left, a note of its own each."""
    folder = tmp_path_factory.mktemp("corpus")
    t, records = np.arange(int(1.5 * RATE)) / RATE, []
    for number in range(3):
        note = np.sin(2 * np.pi * 220 * 2 ** (number / 3) * t) * np.exp(-3 * (t % 0.5))
        overtones = np.sin(2 * np.pi * 1500 * t) * np.exp(-9 * (t % 0.25))
        sound = np.stack([note + 0.3 * overtones, 0.5 * note], axis=1) * 0.3
        soundfile.write(folder / f"{number}.wav", sound, RATE)
        records.append(
            {
                "track_id": str(number),
                "path": f"{number}.wav",
                "captions": [f"tune {number}"],
                "split": "heldout" if number == 2 else "train",
                "audio_sha256": "0" * 64,
                "excluded": "",
            }
        )
    pq.write_table(pa.Table.from_pylist(records), folder / "manifest.parquet")
    return folder


def call(monkeypatch: pytest.MonkeyPatch, script: Any, **options: Any) -> None:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    monkeypatch.setattr("sys.argv", [script.__name__, *words])
    script.main()


@EACH
def test_every_stage_takes_every_codec(
    name: str, base: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = small(name, inversion={"iterations": 2})
    told = codec.model_dump(mode="json")
    clips = {"choose": "fixed", "offset": 0.0}
    made = json.dumps({"codec": told, "clips": clips})
    manifest, spectrograms = corpus / "manifest.parquet", tmp_path / "spectrograms"
    call(
        monkeypatch,
        make_spectrograms,
        settings=made,
        manifest=manifest,
        audio=corpus,
        workers=1,
        out=spectrograms,
    )
    shards = spectrograms / "images"
    table = read_images(shards)
    assert table.codec == codec and table.images.shape == (3, codec.channels, *codec.size)
    is_bytes = codec.span == (0.0, 255.0)
    assert table.images.dtype == (np.uint8 if is_bytes else np.float32)

    latents = tmp_path / "latents.safetensors"
    given = LATENTS.model_dump_json()
    call(
        monkeypatch,
        encode_latents,
        settings=given,
        images=shards,
        base=base,
        identity="x",
        out=latents,
    )
    mean = read_tensors(latents)[0]["mean"]
    height, width = (size // 4 for size in codec.size)
    assert mean.shape == (3, 2, 4, height, width) and mean.isfinite().all()
    assert not torch.equal(mean[:, 0], mean[:, 1])
    vae = load_base(base, ("vae",)).vae
    loop = encoded_images(shards, vae, LATENTS.model_copy(update={"cached": False}))
    again, _ = loop.source.posterior([0, 1, 1], [0, 0, 1])
    torch.testing.assert_close(again, mean[[0, 1, 1], [0, 0, 1]], atol=1e-5, rtol=1e-5)

    prompts = tmp_path / "prompts.csv"
    chosen = choose_prompts(
        table.clip_ids, table.captions, table.splits, Prompts(heldout=1, extra=("a tune",))
    )
    write_prompts(prompts, chosen)
    sample = {
        "spectrogram": told,
        "sample": Sample(steps=1).model_dump(mode="json"),
        "row": "arm",
        "precision": "no",
        "per_prompt": 1,
        "clip_skip": 1,
    }
    out = tmp_path / "samples"
    call(
        monkeypatch,
        generate_samples,
        settings=json.dumps(sample),
        seed=0,
        prompts=prompts,
        base=base,
        out=out,
    )
    check_samples(out, codec, 2, tmp_path)
    for row, script, more in (
        ("codec-ceiling", render_real_clips, {}),
        ("autoencoder-ceiling", render_autoencoder, {"base": base}),
        ("real-audio", render_real_clips, {"manifest": manifest, "audio": corpus}),
    ):
        fixed = {"spectrogram": told, "clips": clips, "row": row}
        call(
            monkeypatch,
            script,
            settings=json.dumps(fixed),
            prompts=prompts,
            images=shards,
            out=tmp_path / row,
            **more,
        )
        check_samples(tmp_path / row, codec, 1, tmp_path)
    sounds = {
        row: soundfile.read(next((tmp_path / row).glob("*.wav")), always_2d=True)[0]
        for row in ("codec-ceiling", "real-audio")
    }
    if codec.channels == 2:  # the left is louder, also after the way through the image
        for sound in sounds.values():
            assert sound[:, 0].std() > 1.3 * sound[:, 1].std()


def check_samples(folder: Path, codec: Any, count: int, scratch: Path) -> None:
    with (folder / "index.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == count
    for line in lines:
        audio, rate = soundfile.read(folder / line["audio"], always_2d=True)
        assert rate == codec.sample_rate and audio.shape == (codec.samples, codec.channels)
        assert np.abs(audio).max() > 0.01
        image, found = png_to_image((folder / line["image"]).read_bytes())
        assert found == codec and image.shape == (codec.channels, *codec.size)
        frames = read_frames(folder / line["image"])
        assert frames.shape == (codec.size[0], codec.frames)
        assert recolour(folder / line["image"], scratch / "page.png", Report()) == codec
