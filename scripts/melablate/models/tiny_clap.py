"""A small CLAP: log-mel convolutions and a bag of weighed words, trained contrastively.

The loss is CLIP's symmetric cross-entropy (Radford et al. 2021) on audio and captions
(Elizalde et al. 2023). Weights are safetensors; the tokenizer is CLIP's.
"""

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

from ..audio.mel import MelBands
from ..files import write_json, write_text
from ..progress import Progress
from .one_cycle import one_cycle
from .settings import TinyClap
from .weights import read_tensors, save_tensors

SAMPLE_RATE, N_FFT, HOP, N_MELS = 16000, 1024, 320, 64
FRONT_END = MelBands(SAMPLE_RATE, N_FFT, N_MELS, fmin=0.0, fmax=8000.0)
WINDOW_SECONDS = 4.0
WORD_KEEP = 0.6


class AudioTower(nn.Module):
    """Log-mel → strided convolutions → mean and maximum over time → unit vector."""

    mel_bank: torch.Tensor

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((1, *channels), channels, strict=False):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.convolutions = nn.Sequential(*layers)
        height = N_MELS >> len(channels)
        self.register_buffer("mel_bank", torch.zeros(N_MELS, N_FFT // 2 + 1))
        self.out = nn.Linear(2 * channels[-1] * height, width)

    def log_mel(self, audio: torch.Tensor) -> torch.Tensor:
        """Log of the mel power relative to the clip's mean power: level does not count."""
        window = torch.hann_window(N_FFT)
        spectrum = torch.stft(audio, N_FFT, HOP, window=window, return_complex=True)
        power = self.mel_bank @ spectrum.abs().square()
        relative = power / power.mean(dim=(1, 2), keepdim=True).clamp_min(1e-12)
        return torch.log10(relative + 1e-5) / 2

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        maps = self.convolutions(mel.unsqueeze(1)).flatten(1, 2)
        pooled = torch.cat([maps.mean(-1), maps.amax(-1)], dim=1)
        return F.normalize(self.out(pooled), dim=1)


class TextTower(nn.Module):
    """Token embeddings, a learned weight for each token, a small MLP → unit vector."""

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.weight = nn.Embedding(vocabulary, 1)
        nn.init.normal_(self.tokens.weight, std=0.3)
        nn.init.zeros_(self.weight.weight)
        self.out = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids are padded with -1."""
        present = ids >= 0
        safe = ids.clamp_min(0)
        logits = self.weight(safe).squeeze(-1).masked_fill(~present, -1e9)
        bag = (logits.softmax(1).unsqueeze(-1) * self.tokens(safe)).sum(1)
        return F.normalize(self.out(bag), dim=1)


class Model(nn.Module):
    """Both towers and the temperature."""

    def __init__(self, settings: TinyClap, vocabulary: int) -> None:
        super().__init__()
        self.audio: AudioTower = AudioTower(settings.channels, settings.width)
        self.text: TextTower = TextTower(vocabulary, settings.width)
        self.scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))


class Embedder:
    """What metrics use: unit vectors of texts and of mono audio."""

    def __init__(self, model: Model, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer

    @torch.no_grad()
    def embed_audio(self, audio: list[np.ndarray], sample_rate: int) -> np.ndarray:
        """One vector a clip: the mean over deterministic windows, normalised again."""
        vectors = [self._embed(windows(clip, sample_rate)) for clip in audio]
        return F.normalize(torch.stack(vectors), dim=1).numpy()

    def _embed(self, parts: torch.Tensor) -> torch.Tensor:
        tower = self.model.audio
        embedding: torch.Tensor = tower(tower.log_mel(parts)).mean(0)
        return embedding

    @torch.no_grad()
    def embed_text(self, texts: list[str]) -> np.ndarray:
        """One vector a text."""
        ids = pad([tokenize(self.tokenizer, text) for text in texts])
        vectors: np.ndarray = self.model.text(ids).numpy()
        return vectors


def windows(clip: np.ndarray, sample_rate: int) -> torch.Tensor:
    """Consecutive windows of 4 s at 16 kHz, the tail padded with silence when over 1 s or alone."""
    if sample_rate != SAMPLE_RATE:
        import soxr

        clip = soxr.resample(clip, sample_rate, SAMPLE_RATE)
    size = round(WINDOW_SECONDS * SAMPLE_RATE)
    starts = [s for s in range(0, len(clip), size) if s == 0 or len(clip) - s > SAMPLE_RATE]
    parts = [torch.from_numpy(np.ascontiguousarray(clip[s : s + size])).float() for s in starts]
    return torch.stack([F.pad(part, (0, size - len(part))) for part in parts])


def tokenize(tokenizer: Tokenizer, text: str) -> list[int]:
    """Token ids without the special ones; an empty text is the token 0."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids or [0]


def pad(ids: list[list[int]]) -> torch.Tensor:
    """Rows of different length → one tensor, padded with -1."""
    width = max(len(row) for row in ids)
    return torch.tensor([row + [-1] * (width - len(row)) for row in ids])


def train(
    audio: torch.Tensor,
    captions: list[list[str]],
    mel_bank: torch.Tensor,
    tokenizer: Tokenizer,
    settings: TinyClap,
) -> Model:
    """Contrast clips [n, samples] with their captions; words are dropped so that few suffice."""
    torch.manual_seed(settings.seed)
    model = Model(settings, tokenizer.get_vocab_size()).train()
    model.audio.mel_bank.copy_(mel_bank)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=0.01)
    schedule = one_cycle(optimizer, settings.steps)
    draw = np.random.default_rng(settings.seed)
    mels = torch.cat([model.audio.log_mel(part) for part in audio.split(32)])
    tokens = [[tokenize(tokenizer, text) for text in texts] for texts in captions]
    size = min(settings.batch_size, len(mels))
    progress, running = Progress("text–audio model", settings.steps), np.log(size)
    for step in range(settings.steps):
        rows = draw.choice(len(mels), size, replace=False)
        texts = [_drop_words(tokens[r][draw.integers(len(tokens[r]))], draw) for r in rows]
        shifts = draw.integers(-20, 21, size=size)
        batch = torch.stack([mels[r].roll(int(s), -1) for r, s in zip(rows, shifts, strict=True)])
        logits = model.scale.exp().clamp_max(50) * model.audio(batch) @ model.text(pad(texts)).T
        target = torch.arange(size)
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        running += 0.05 * (loss.item() - running)
        progress.step(step + 1, loss=running)
    return model.eval()


def save(model: Model, tokenizer_file: Path, settings: TinyClap, folder: Path) -> None:
    """Write weights, tokenizer and the description that `load` reads."""
    save_tensors(folder / "model.safetensors", model.state_dict(), {})
    write_text(folder / "tokenizer.json", tokenizer_file.read_text(encoding="utf-8"))
    write_json(
        folder / "embedder.json",
        {"kind": "tiny_clap", "settings": settings.model_dump(mode="json")},
    )


def load(folder: Path) -> Embedder:
    """The embedder that `save` wrote."""
    settings = TinyClap.model_validate(
        json.loads((folder / "embedder.json").read_text(encoding="utf-8"))["settings"]
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = Model(settings, tokenizer.get_vocab_size())
    model.load_state_dict(read_tensors(folder / "model.safetensors")[0])
    return Embedder(model, tokenizer)


def _drop_words(ids: list[int], draw: np.random.Generator) -> list[int]:
    """Half of the time keep a random share of the tokens: single names must be understood too."""
    if draw.random() < 0.5:
        return ids
    share = draw.uniform(0.1, WORD_KEEP)
    kept = [i for i in ids if draw.random() < share]
    return kept or [ids[draw.integers(len(ids))]]
