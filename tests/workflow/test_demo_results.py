"""What `make demo` came to, if it was run here: did the models learn, is everything there?

The figures are computed again from samples, scores and weights, not read from what was printed.
"""

import csv
import io
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pyloudnorm
import pytest
import soundfile
import soxr
import yaml
from melablate.plan import Plan, make_plan
from PIL import Image
from scipy import stats
from workflow_project import CEILINGS, ROOT

DEMO = Path(os.environ.get("MELABLATE_TEST_DEMO", ROOT))
STUDY = DEMO / "results/demo"
METRIC = "text_audio_similarity"

pytestmark = pytest.mark.skipif(
    not (STUDY / "table.json").is_file(), reason="results/demo is not there: run `make demo` first"
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Which models are those of the demo: results/ may hold others too."""
    config = yaml.safe_load((DEMO / "config/demo.yaml").read_text(encoding="utf-8"))
    found = make_plan(config)
    if not all((DEMO / folder).is_dir() for folder in found.base_folders.values()):
        pytest.fail("results/demo is of another config or code: run `make demo` again")
    return found


@pytest.fixture(scope="module")
def table() -> Any:
    return json.loads((STUDY / "table.json").read_text(encoding="utf-8"))


def runs(table: Any) -> dict[str, list[Path]]:
    """The folders of each row's seeds; what needs no seed has one."""
    return {
        row["name"]: [
            STUDY / "arms" / row["name"] / f"seed-{seed}"
            for seed in ((0,) if row["name"] in CEILINGS else table["seeds"])
        ]
        for row in table["rows"]
    }


def samples(table: Any) -> list[tuple[Path, list[dict[str, str]]]]:
    """Every folder of samples with its index."""
    found = []
    for run in (run for folders in runs(table).values() for run in folders):
        with (run / "samples/index.csv").open(encoding="utf-8", newline="") as file:
            found.append((run / "samples", list(csv.DictReader(file))))
    return found


def scores(row: str, seeds: list[int]) -> np.ndarray:
    """Similarity [seeds, prompts]; several clips of a prompt are averaged."""
    values = []
    for seed in seeds:
        by_prompt: dict[str, list[float]] = {}
        with (STUDY / f"arms/{row}/seed-{seed}/scores.csv").open(encoding="utf-8") as file:
            for line in csv.DictReader(file):
                if line["metric"] == METRIC:
                    by_prompt.setdefault(line["prompt_id"], []).append(float(line["value"]))
        values.append([np.mean(by_prompt[prompt]) for prompt in sorted(by_prompt)])
    return np.array(values)


def heldout_images(images: str) -> np.ndarray:
    """Grey images [n, height, width] of a folder of spectrograms."""
    folder = DEMO / "results/spectrograms" / images / "images"
    rows = pq.read_table(folder, columns=["split", "image"]).to_pylist()
    pngs = [row["image"]["bytes"] for row in rows if row["split"] == "heldout"]
    return np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in pngs])


def round_trip_psnr(vae: Any, grey: np.ndarray) -> float:
    """Of images through the autoencoder and back, in dB."""
    import torch

    error = []
    with torch.no_grad():
        for image in torch.from_numpy(grey).float().split(16):
            latents = vae.encode(image.unsqueeze(1) / 127.5 - 1).latent_dist.mode()
            back = (vae.decode(latents).sample.squeeze(1) + 1) * 127.5
            error.append((back.clamp(0, 255) - image).square().mean(dim=(1, 2)).numpy())
    return 10 * math.log10(255**2 / float(np.concatenate(error).mean()))


def test_the_autoencoder_returns_heldout_images_of_both_parts(plan: Plan) -> None:
    """It learnt from the broad part; what arms are tuned on and judged by is the other."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    ((key, stage),) = plan.autoencoders.items()
    folder, study = DEMO / "results/models" / key, plan.study
    told = json.loads((folder / "autoencoder.json").read_text(encoding="utf-8"))["heldout_psnr_db"]
    vae = AutoencoderKL.from_pretrained(folder / "vae", use_safetensors=True).eval()
    broad = round_trip_psnr(vae, heldout_images(stage.reads["images"]))
    assert broad >= 22 and broad == pytest.approx(told, abs=0.02)
    style = plan.images(study.spectrogram, study.clips, study.corpus)
    assert style != stage.reads["images"]
    assert round_trip_psnr(vae, heldout_images(style)) >= 22


def heldout_clips(plan: Plan, corpus: str) -> list[tuple[np.ndarray, str]]:
    """Sound at 16 kHz and captions of held-out tracks, decoded here."""
    key = plan.corpus(corpus)
    rows = pq.read_table(DEMO / f"results/corpus/{key}/manifest.parquet").to_pylist()
    seconds, found = plan.study.spectrogram.seconds, []
    for row in (row for row in rows if row["split"] == "heldout"):
        path = DEMO / plan.audio_folders[key] / row["path"]
        with soundfile.SoundFile(path) as file:
            sound = file.read(round(seconds * file.samplerate), dtype="float32", always_2d=True)
            mono = soxr.resample(sound.mean(axis=1), file.samplerate, 16000)
        found.append((mono, " ".join(row["captions"]).lower()))
    return found


def test_the_embedder_names_the_lead_instrument(plan: Plan) -> None:
    """From the model and the held-out clips: the name that is nearest must be the lead's."""
    from melablate.models.tiny_clap import load

    assert plan.study.clips.offset == 0
    ((key, _),) = plan.embedders.items()
    folder = DEMO / "results/models" / key
    quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    names, embedder = quality["instruments"], load(folder)
    clips = [clip for name in plan.study.embedder.corpora for clip in heldout_clips(plan, name)]
    told = [(sound, [name for name in names if name in text]) for sound, text in clips]
    one = [(sound, found[0]) for sound, found in told if len(found) == 1]
    assert len(names) >= 8 and {name for _, name in one} == set(names)
    similarity = embedder.embed_audio([sound for sound, _ in one], 16000)
    similarity = similarity @ embedder.embed_text(names).T
    right = [names[i] == lead for i, (_, lead) in zip(similarity.argmax(1), one, strict=True)]
    assert len(right) == quality["heldout_clips"] > 50
    assert np.mean(right) >= 0.80
    assert np.mean(right) == pytest.approx(quality["lead_accuracy"], abs=1.5 / len(right))


def test_the_baseline_beats_the_untuned_base(table: Any) -> None:
    (untuned,) = [row for row in table["rows"] if row["name"] == "untuned-base"]
    cell = untuned["metrics"][METRIC]
    assert cell["high"] < 0, "the untuned base's effect is not clear of zero"
    assert table["checks"] and table["checks"][0]["holds"]

    # The same from the scores: two-way analysis of variance, Banerjee's (1960) interval.
    seeds = table["seeds"]
    d = scores(table["baseline"], seeds) - scores("untuned-base", seeds)
    s, p = d.shape
    assert (s, p) == (len(seeds), table["samples"])
    over_prompts, over_seeds = d.mean(axis=1), d.mean(axis=0)
    rest = d - over_prompts[:, None] - over_seeds + d.mean()
    v_rest = (rest**2).sum() / ((s - 1) * (p - 1)) / (s * p)
    v_seed = over_prompts.var(ddof=1) / s
    v_prompt = max(0.0, over_seeds.var(ddof=1) / p - v_rest)
    alpha = 1 - table["confidence"]
    t_seed, t_prompt = (stats.t.ppf(1 - alpha / 2, n - 1) for n in (s, p))
    half = math.sqrt(t_seed**2 * v_seed + t_prompt**2 * v_prompt)
    assert d.mean() - half > 0
    assert cell["effect"] == pytest.approx(-d.mean(), rel=1e-9)
    assert (cell["low"], cell["high"]) == pytest.approx((-d.mean() - half, -d.mean() + half))


def test_every_row_is_there_with_every_seed(table: Any) -> None:
    names = [row["name"] for row in table["rows"]]
    config = yaml.safe_load((DEMO / "config/demo.yaml").read_text(encoding="utf-8"))
    assert {*config["arms"], "untuned-base", *CEILINGS} <= set(names)
    assert table["seeds"] == [0, 1, 2]
    index = {len(rows) for _, rows in samples(table)}
    assert index == {table["samples"]} and table["samples"] >= 16
    for name, folders in runs(table).items():
        for run in folders:
            assert (run / "scores.csv").is_file() and (run / "embeddings.safetensors").is_file()
            trained = name not in ("untuned-base", *CEILINGS)
            assert (run / "train.safetensors").is_file() == trained
        cells = next(row["metrics"] for row in table["rows"] if row["name"] == name)
        assert all(cell["level"] is not None for cell in cells.values())


def test_every_clip_can_be_listened_to(table: Any, plan: Plan) -> None:
    """Right length, not silent, at the target's loudness or, where that would clip, at the peak."""
    codec = plan.study.spectrogram
    meter = pyloudnorm.Meter(codec.sample_rate)
    checked = 0
    for folder, index in samples(table):
        for row in index:
            path = folder / row["audio"]
            clip, rate = soundfile.read(path, dtype="float64")
            assert clip.ndim == 1 and (len(clip), rate) == (codec.samples, codec.sample_rate), path
            between = soxr.resample(clip, rate, 2 * rate)
            peak = 20 * math.log10(max(np.abs(between).max(), np.abs(clip).max()))
            assert -20 < peak <= codec.peak_db + 0.1, path
            loudness = meter.integrated_loudness(clip)
            at_target = abs(loudness - codec.loudness) < 0.1
            assert at_target or (loudness < codec.loudness and peak > codec.peak_db - 0.1), path
            with Image.open(folder / row["image"]) as image:
                assert image.mode == "L" and image.size == (codec.width, codec.n_mels), path
            checked += 1
    assert checked == table["samples"] * sum(map(len, runs(table).values()))


def test_all_links_of_the_report_lead_to_a_file() -> None:
    page = (STUDY / "report/index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    links = re.findall(r'\b(?:src|href)="([^"]+)"', page)
    sounds = [link for link in links if link.endswith((".mp3", ".flac", ".wav"))]
    assert len(links) > 20 and sounds
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids, link
        elif not link.startswith("data:"):
            file = STUDY / "report" / link
            assert file.is_file() and file.stat().st_size > 0, link
