"""First phases, the window's lobe and the whole way from mel bands to sound."""

import importlib
from collections.abc import Callable
from typing import get_args

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.audio.griffin_lim import griffin_lim, stereo_griffin_lim
from melablate.audio.mel_to_audio import mel_to_audio
from melablate.audio.mel_to_linear import Method, mel_to_linear
from melablate.audio.phase_start import peak_phase, random_phase
from melablate.audio.transform import Transform
from melablate.audio.window_lobe import window_lobe
from torch import Tensor

audio_module, linear_module, griffin_lim_module = (
    importlib.import_module(f"melablate.audio.{name}")
    for name in ("mel_to_audio", "mel_to_linear", "griffin_lim")
)
RATE = 16000
GRID = Transform(1024, 256, RATE)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def bands(grid: Transform = GRID, n_mels: int = 96) -> Tensor:
    return torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=grid.n_fft, n_mels=n_mels))


def sounds(grid: Transform = GRID) -> Tensor:
    """Tones with overtones, plucked tones, and noise."""
    t = torch.arange(grid.samples) / RATE
    generator = torch.Generator().manual_seed(0)
    held = sum(torch.sin(2 * torch.pi * 220 * h * t) / h for h in range(1, 9))
    plucked = sum(torch.sin(2 * torch.pi * f * t) for f in (330, 523, 1710)) * torch.exp(
        -8 * (t % 0.31)
    )
    return torch.stack([held, plucked, torch.randn(grid.samples, generator=generator)]).float()


def mel_of(audio: Tensor, grid: Transform, exponent: float = 2.0) -> Tensor:
    return grid.forward(audio).abs() ** exponent @ bands(grid).T


def error(audio: Tensor, mel: Tensor, grid: Transform, exponent: float = 2.0) -> Tensor:
    wanted = mel ** (1 / exponent)
    found = mel_of(audio, grid, exponent) ** (1 / exponent)
    return (found - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1)


@pytest.mark.parametrize("grid", [GRID, Transform(1024, 256, RATE, win_length=400)])
def test_the_lobe_is_what_a_tone_looks_like(grid: Transform) -> None:
    """Tones at bin 100 and a quarter around it, seen by the transform itself."""
    lobe = window_lobe(grid)
    side = len(lobe) // 2
    t = torch.arange(RATE, dtype=torch.float64)
    seen = torch.zeros(len(lobe), dtype=torch.float64)
    for offset in torch.linspace(-0.25, 0.25, 21, dtype=torch.float64):
        tone = torch.cos(2 * torch.pi * (100 + offset) / grid.n_fft * t)
        seen += grid.forward(tone[None])[0, 20, 100 - side : 101 + side].abs() ** 2
    torch.testing.assert_close(lobe, seen / seen[side], rtol=0.01, atol=1e-3)
    torch.testing.assert_close(lobe, lobe.flip(0))


def test_lobes_find_tones_better_than_bins_do() -> None:
    """In the bands above 2 kHz, which are wider than a bin, by the true magnitude."""
    t = torch.arange(GRID.samples) / RATE
    audio = sum(torch.sin(2 * torch.pi * f * t) for f in (2210.0, 3333.0, 4517.0, 6105.0))[None]
    true = GRID.forward(audio).abs()
    apart = {
        method: (mel_to_linear(mel_of(audio, GRID), bands(), method).sqrt() - true).norm()
        for method in ("pseudo_inverse", "nnls", "multiplicative", "lobes")
    }
    assert apart.pop("lobes") < 0.95 * min(apart.values())


@pytest.mark.parametrize("frequency", [440.0, 1003.7, 5210.0])
@pytest.mark.parametrize("hop", [256, 200])
def test_peaks_tell_the_phase_of_a_tone(frequency: float, hop: int) -> None:
    """One tone's phases are right but for the one at its beginning."""
    grid = Transform(1024, hop, RATE)
    t = torch.arange(RATE, dtype=torch.float64)
    spectrum = grid.forward(torch.sin(2 * torch.pi * frequency / RATE * t)[None])
    inside = slice(5, grid.frames - 5)
    bins = slice(round(frequency / RATE * 1024) - 1, round(frequency / RATE * 1024) + 2)
    phases = peak_phase(spectrum.abs(), grid)[0, inside, bins]
    turned = phases * torch.sgn(spectrum[0, inside, bins]).conj()
    steps = turned[1:] * turned[:-1].conj()
    # The parabola is off by some thousandths of a bin, so by as many turns a hop of one window.
    assert steps.angle().abs().max() < 0.1
    across = turned * turned[:, 1:2].conj()
    assert across.angle().abs().max() < 0.1


def test_a_good_first_phase_saves_iterations() -> None:
    mel = mel_of(sounds(), GRID)
    magnitude = mel_to_linear(mel, bands(), "lobes").sqrt()
    apart = [
        error(griffin_lim(magnitude, GRID, 8, 0.99, start), mel, GRID).mean()
        for start in (random_phase(GRID, magnitude), peak_phase(magnitude, GRID))
    ]
    assert apart[1] < 0.8 * apart[0]


@pytest.mark.parametrize("exponent", [1.0, 2.0])
@pytest.mark.parametrize(
    "grid",
    [
        GRID,
        Transform(1024, 200, RATE, win_length=800),
        Transform(1024, 256, 16128, margin=384),
    ],
)
def test_the_sound_has_the_mel_given(grid: Transform, exponent: float) -> None:
    mel = mel_of(sounds(grid), grid, exponent)
    audio = mel_to_audio(mel, bands(grid), grid, exponent=exponent)
    assert audio.shape == (3, grid.samples)
    assert error(audio, mel, grid, exponent).max() < 0.09
    more = mel_to_audio(mel, bands(grid), grid, 100, exponent=exponent)
    assert error(more, mel, grid, exponent).mean() < error(audio, mel, grid, exponent).mean()


@pytest.mark.slow
def test_no_worse_than_librosa_with_twice_the_iterations() -> None:
    mel = mel_of(sounds(), GRID)
    ours = error(mel_to_audio(mel, bands(), GRID), mel, GRID)
    for clip in range(3):
        theirs = librosa.feature.inverse.mel_to_audio(
            mel[clip].T.numpy(),
            sr=RATE,
            n_fft=GRID.n_fft,
            hop_length=GRID.hop,
            n_iter=64,
            length=GRID.samples,
        )
        assert ours[clip] <= error(torch.from_numpy(theirs)[None], mel[clip][None], GRID)[0]


def test_clips_do_not_hear_their_neighbours() -> None:
    mel = mel_of(sounds(), GRID)
    together = mel_to_audio(mel, bands(), GRID, 6)
    assert torch.equal(together, mel_to_audio(mel, bands(), GRID, 6))
    for clip in range(3):
        alone = mel_to_audio(mel[clip : clip + 1], bands(), GRID, 6)
        assert torch.equal(alone[0], together[clip])
        # Nor does it tell how many threads there are.
        torch.set_num_threads(2)
        assert torch.equal(mel_to_audio(mel[clip : clip + 1], bands(), GRID, 6)[0], alone[0])
        assert torch.equal(mel_to_audio(mel, bands(), GRID, 6), together)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
    assert mel_to_audio(mel[:0], bands(), GRID).shape == (0, RATE)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_mel_gives_finite_sound(data: st.DataObject) -> None:
    n_fft = data.draw(st.integers(4, 80), label="n_fft")
    width = data.draw(st.integers(2, n_fft), label="width")
    grid = Transform(n_fft, data.draw(st.integers(1, n_fft), label="hop"), 300, width)
    n_mels = data.draw(st.integers(1, 20), label="n_mels")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000), label="seed"))
    some = rng.random((n_mels, grid.bins)) * (rng.random((n_mels, grid.bins)) < 0.3)
    shape = (2, grid.frames, n_mels)
    mel = torch.from_numpy(rng.lognormal(0, 8, shape) * (rng.random(shape) < rng.random()))
    scale = data.draw(st.sampled_from([0.0, 1e-30, 1.0, 1e25]), label="scale")
    iterations = data.draw(st.integers(0, 9), label="iterations")
    mel = (scale * mel).clamp(max=torch.finfo(torch.float32).max / 10).float()
    audio = mel_to_audio(mel, torch.from_numpy(some), grid, iterations)
    assert audio.shape == (2, 300)
    assert torch.isfinite(audio).all()


@pytest.mark.parametrize("kind", ["silent", "one band", "full"])
def test_odd_mels(kind: str) -> None:
    mel = torch.zeros(1, GRID.frames, 96)
    if kind == "one band":
        mel[0, 30, 40] = 1
    if kind == "full":
        mel += 1
    audio = mel_to_audio(mel, bands(), GRID)
    assert torch.isfinite(audio).all()
    assert audio.any() == (kind != "silent")


def in_one_go(work: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    return work(*tensors)


def test_a_batch_in_one_go_is_the_clips_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other devices do, on this one; the levels of the clips differ."""
    mel = mel_of(sounds(), GRID).double() * torch.tensor([1.0, 1e-6, 1e6])[:, None, None]
    one_by_one = mel_to_audio(mel, bands(), GRID, 6)
    linear = {method: mel_to_linear(mel, bands(), method) for method in get_args(Method)}
    start = random_phase(GRID, mel)
    stereo = torch.stack([linear["lobes"], linear["nnls"]], 1).sqrt()
    both = stereo_griffin_lim(stereo, GRID, 6, 0.99, start)
    for module in (audio_module, linear_module, griffin_lim_module):
        monkeypatch.setattr(module, "clipwise", in_one_go)
    levels = torch.tensor([1.0, 1e-3, 1e3])[:, None]
    torch.testing.assert_close(mel_to_audio(mel, bands(), GRID, 6) / levels, one_by_one / levels)
    torch.testing.assert_close(stereo_griffin_lim(stereo, GRID, 6, 0.99, start), both)
    for method in set(get_args(Method)) - {"nnls"}:  # which stops when the last clip is settled
        torch.testing.assert_close(mel_to_linear(mel, bands(), method), linear[method])


def test_no_step_leaves_its_device() -> None:
    """On a device that holds no numbers but refuses to meet another."""
    mel = torch.empty(3, GRID.frames, 96, device="meta")
    assert mel_to_audio(mel, bands(), GRID, 6).device.type == "meta"
    for method in ("pseudo_inverse", "multiplicative", "lobes"):
        linear = mel_to_linear(mel, bands(), method)
        assert linear.device.type == "meta"
    stereo = torch.stack([linear, linear], 1)
    start = random_phase(GRID, stereo)
    assert stereo_griffin_lim(stereo, GRID, 3, 0.99, start).shape == (3, 2, RATE)
