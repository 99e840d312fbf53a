"""A published CLAP (Wu et al. 2023) in transformers' form, over deterministic windows.

The models hear 10 s at 48 kHz and would crop longer clips at random; here a clip is cut into
consecutive windows of 10 s, and its embedding is the mean of theirs, normalised again.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..imports import quick_imports

with quick_imports():
    import torch
    from torch.nn import functional as F

BATCH = 8


class Embedder:
    """What metrics use: unit vectors of texts and of mono audio."""

    def __init__(self, model: Any, processor: Any) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model, self.processor = model.eval().to(device), processor

    @torch.inference_mode()
    def embed_audio(self, audio: list[np.ndarray], sample_rate: int) -> np.ndarray:
        """One vector a clip."""
        rate = self.processor.feature_extractor.sampling_rate
        size = self.processor.feature_extractor.nb_max_samples
        return np.stack([self._clip(clip, sample_rate, rate, size) for clip in audio])

    @torch.inference_mode()
    def embed_text(self, texts: list[str]) -> np.ndarray:
        """One vector a text."""
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = self.processor.tokenizer(
                texts[start : start + BATCH], padding=True, truncation=True, return_tensors="pt"
            ).to(self.model.device)
            parts.append(F.normalize(_vectors(self.model.get_text_features(**batch)), dim=-1))
        return torch.cat(parts).float().cpu().numpy()

    def _clip(self, clip: np.ndarray, sample_rate: int, rate: int, size: int) -> np.ndarray:
        import soxr

        heard = soxr.resample(clip, sample_rate, rate) if sample_rate != rate else clip
        starts = [s for s in range(0, len(heard), size) if s == 0 or len(heard) - s >= rate]
        windows = [heard[s : s + size].astype(np.float32) for s in starts]
        inputs = self.processor.feature_extractor(
            windows, sampling_rate=rate, truncation="rand_trunc", return_tensors="pt"
        ).to(self.model.device)
        vectors = F.normalize(_vectors(self.model.get_audio_features(**inputs)), dim=-1)
        mean: np.ndarray = F.normalize(vectors.mean(0), dim=-1).float().cpu().numpy()
        return mean


def load(folder: Path) -> Embedder:
    """The CLAP that the card `embedder.json` in `folder` points at."""
    from transformers import ClapModel, ClapProcessor

    path = Path(json.loads((folder / "embedder.json").read_text(encoding="utf-8"))["path"])
    if not (path / "config.json").is_file() or not any(path.glob("*.safetensors")):
        raise SystemExit(
            f"{path}: no CLAP model here (config.json and weights as safetensors are needed); "
            "`snakemake fetch` gets laion/clap-htsat-unfused; or change embedder.path"
        )
    model = ClapModel.from_pretrained(path, local_files_only=True, use_safetensors=True)
    processor = ClapProcessor.from_pretrained(path, local_files_only=True)
    if len(processor.tokenizer) < model.config.text_config.vocab_size - 1000:
        raise SystemExit(f"{path}: its tokenizer is incomplete; fetch the folder again")
    return Embedder(model, processor)


def _vectors(output: Any) -> torch.Tensor:
    """Features are a tensor, or in newer versions of transformers stand in `pooler_output`."""
    vectors: torch.Tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    return vectors
