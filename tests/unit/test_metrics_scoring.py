"""Samples and real clips to scores, by a stand-in embedder."""

import csv
import json
import sys
import types

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from audio_signals import mel_db
from melablate.audio.clip_settings import Clips
from melablate.audio.heard_settings import Heard
from melablate.audio.png import image_to_png
from melablate.metrics.embedder import load_embedder
from melablate.metrics.embeddings import read_embeddings
from melablate.metrics.entropy import spectral_entropies

CODEC = mel_db(sample_rate=8000, seconds=1, n_fft=512, hop=128, n_mels=16, width=72,
                    fmax=4000)  # fmt: skip


class ByLevel:
    """Unit vectors in the plane: of audio by its length and level, of text by its length."""

    def embed_audio(self, audio, sample_rate):
        assert sample_rate == CODEC.sample_rate
        return self._unit([float(np.abs(clip).mean()) for clip in audio])

    def embed_text(self, texts):
        return self._unit([len(text) / 10 for text in texts])

    def _unit(self, angles):
        return np.array([[np.cos(a), np.sin(a)] for a in angles], np.float32)


@pytest.fixture
def embedder(tmp_path, monkeypatch):
    module = types.ModuleType("melablate.models.by_level")
    module.load = lambda folder: ByLevel()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    folder = tmp_path / "embedder"
    folder.mkdir()
    (folder / "embedder.json").write_text('{"kind": "by_level"}')
    return folder


@pytest.fixture
def samples(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for number, prompt in enumerate(["a piano", "a slow, sad violin", "drums"]):
        name = f"{number:016x}-0"
        image = rng.integers(0, 256, (1, CODEC.n_mels, CODEC.width)).astype(np.uint8)
        (folder / f"{name}.png").write_bytes(image_to_png(image, CODEC))
        audio = rng.uniform(-0.2, 0.2, 8000) * (number + 1)
        soundfile.write(folder / f"{name}.wav", audio, CODEC.sample_rate, "PCM_16")
        lines.append([f"{number:016x}", 0, prompt, f"{name}.png", f"{name}.wav", "", "1.000"])
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt_id", "sample", "prompt", "image", "audio", "clip_id", "seconds"])
        writer.writerows(lines)
    return folder


@pytest.fixture
def reference(tmp_path, embedder, monkeypatch):
    rng = np.random.default_rng(1)
    (tmp_path / "audio").mkdir()
    rows = []
    for number in range(8):
        path = f"{number}.wav"
        audio = rng.uniform(-0.1, 0.1, 9000) * np.sin(np.arange(9000) / 50) ** number
        if number == 7:
            audio = np.zeros(9000)
        soundfile.write(tmp_path / "audio" / path, audio, 8000, "PCM_16")
        rows.append({"track_id": str(number), "path": path, "split": "train", "excluded": ""})
    rows[0]["split"] = "heldout"
    rows[1] |= {"split": "", "excluded": "silent"}
    rows[2]["path"] = "gone.wav"
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "manifest.parquet")
    out = tmp_path / "reference.safetensors"
    heard = Heard(sample_rate=CODEC.sample_rate, seconds=CODEC.seconds, clips=Clips(offset=0),
                  loudness=CODEC.loudness, peak_db=CODEC.peak_db)  # fmt: skip
    run(monkeypatch, "embed_reference", "--settings", heard.model_dump_json(), "--manifest",
        tmp_path / "manifest.parquet", "--audio", tmp_path / "audio", "--embedder", embedder,
        "--out", out)  # fmt: skip
    return out


def run(monkeypatch, script, *arguments):
    import importlib

    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    importlib.import_module(script).main()


def score(monkeypatch, tmp_path, samples, reference, embedder, chosen="{}"):
    run(monkeypatch, "score_samples", "--settings", chosen, "--samples", samples, "--reference",
        reference, "--embedder", embedder, "--out-scores", tmp_path / "scores.csv",
        "--out-embeddings", tmp_path / "embeddings.safetensors")  # fmt: skip
    with (tmp_path / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_of_samples_and_of_the_set(monkeypatch, tmp_path, samples, reference, embedder):
    lines = score(monkeypatch, tmp_path, samples, reference, embedder)
    of_set = [line["metric"] for line in lines if not line["prompt_id"]]
    assert of_set == ["diversity", "diversity_cosine", "frechet_distance"]
    assert sum(line["metric"] == "spectral_entropy_band1" for line in lines) == 3
    audio = read_embeddings(tmp_path / "embeddings.safetensors")
    level = np.arctan2(audio[1, 1], audio[1, 0])
    similarity = next(line for line in lines if line["prompt_id"] == f"{1:016x}")
    expected = np.cos(level - len("a slow, sad violin") / 10)
    assert float(similarity["value"]) == pytest.approx(expected, abs=1e-5)


def test_entropy_leaves_out_the_padding(monkeypatch, tmp_path, samples, reference, embedder):
    lines = score(monkeypatch, tmp_path, samples, reference, embedder)
    from melablate.audio.png import png_to_image

    image, codec = png_to_image((samples / f"{0:016x}-0.png").read_bytes())
    assert codec.frames < codec.width
    found = next(float(line["value"]) for line in lines if line["metric"] == "spectral_entropy")
    assert found == spectral_entropies(image[0, :, : codec.frames])["spectral_entropy"]


def test_same_samples_same_bytes_and_fewer_metrics_on_request(
    monkeypatch, tmp_path, samples, reference, embedder
):
    score(monkeypatch, tmp_path, samples, reference, embedder)
    first = (
        (tmp_path / "scores.csv").read_bytes(),
        (tmp_path / "embeddings.safetensors").read_bytes(),
    )
    score(monkeypatch, tmp_path, samples, reference, embedder)
    second = (
        (tmp_path / "scores.csv").read_bytes(),
        (tmp_path / "embeddings.safetensors").read_bytes(),
    )
    assert first == second
    chosen = json.dumps({"metrics": ["diversity"]})
    lines = score(monkeypatch, tmp_path, samples, reference, embedder, chosen)
    assert [line["metric"] for line in lines] == ["diversity"]


def test_the_reference_is_of_usable_training_clips_alone(reference, capsys):
    # 0 is held out, 1 excluded, 2 missing, 7 silent.
    assert read_embeddings(reference).shape == (4, 2)


def test_a_broken_sound_is_named(monkeypatch, tmp_path, samples, reference, embedder):
    (samples / f"{2:016x}-0.wav").write_bytes(b"RIFF")
    with pytest.raises(SystemExit, match=r"0002-0\.wav"):
        score(monkeypatch, tmp_path, samples, reference, embedder)


@pytest.mark.parametrize("card", ["{}", "no json", '{"kind": "../os"}', '{"kind": "none_such"}'])
def test_a_folder_that_is_no_embedder_is_named(tmp_path, card):
    (tmp_path / "embedder.json").write_text(card)
    with pytest.raises(SystemExit, match=r"embedder\.json"):
        load_embedder(tmp_path)


def test_an_embedder_that_gives_no_unit_vectors_is_stopped(
    monkeypatch, tmp_path, samples, reference, embedder
):
    monkeypatch.setattr(ByLevel, "_unit", lambda self, angles: np.full((len(angles), 2), np.nan))
    with pytest.raises(ValueError, match="norm nan"):
        score(monkeypatch, tmp_path, samples, reference, embedder)
