"""STFT, its least-squares inverse and Griffin-Lim against torch and librosa."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.audio.griffin_lim import griffin_lim, stereo_griffin_lim
from melablate.audio.phase_start import random_phase
from melablate.audio.transform import Transform
from torch import Tensor

GRIDS = [
    Transform(2048, 512, 24000),
    Transform(1024, 160, 16001, win_length=600),
    Transform(480, 288, 32000),
    Transform(512, 77, 9999, win_length=301),
    Transform(511, 100, 9000),
    Transform(300, 50, 3000, window_exponent=4.0),
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def reference(audio: Tensor, grid: Transform, center: bool = True) -> Tensor:
    window = torch.hann_window(grid.width, dtype=audio.dtype) ** grid.window_exponent
    found = torch.stft(
        audio,
        grid.n_fft,
        grid.hop,
        grid.width,
        window,
        center=center,
        pad_mode="constant",
        return_complex=True,
    )
    return found.transpose(1, 2)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_spectra_are_those_of_torch(grid: Transform, dtype: torch.dtype) -> None:
    audio = noise(2, grid.samples, dtype=dtype)
    wanted = reference(audio, grid)
    found = grid.forward(audio)
    assert found.shape == wanted.shape == (2, grid.frames, grid.bins)
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("margin", [0, 100])
def test_spectra_of_frames_that_are_not_centred(margin: int) -> None:
    grid = Transform(1024, 256, 9000, win_length=800, margin=margin)
    audio = noise(2, grid.samples)
    padded = torch.nn.functional.pad(audio, (margin, margin))
    wanted = reference(padded, grid, center=False)
    torch.testing.assert_close(grid.forward(audio), wanted)


def test_spectra_are_those_of_librosa() -> None:
    audio = noise(1, 24000)
    wanted = librosa.stft(audio[0].numpy(), n_fft=2048, hop_length=512, pad_mode="constant")
    found = GRIDS[0].forward(audio)[0].T.numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("grid", GRIDS)
def test_inverse_is_the_least_squares_one_of_torch(grid: Transform) -> None:
    """On spectra that belong to no sound, within what torch.istft keeps."""
    shape = (2, grid.frames, grid.bins)
    spectrum = torch.complex(noise(*shape), noise(*shape, seed=1))
    window = torch.hann_window(grid.width, dtype=torch.float64) ** grid.window_exponent
    end = min(grid.samples, (grid.frames - 1) * grid.hop)
    wanted = torch.istft(
        spectrum.transpose(1, 2), grid.n_fft, grid.hop, grid.width, window, length=end
    )
    found = grid.inverse(spectrum)
    assert found.shape == (2, grid.samples)
    torch.testing.assert_close(found[:, :end], wanted)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_grid_gives_back_what_its_windows_see(data: st.DataObject) -> None:
    n_fft = data.draw(st.integers(2, 300), label="n_fft")
    width = data.draw(st.integers(1, n_fft), label="width")
    hop = data.draw(st.integers(1, 2 * n_fft), label="hop")
    margin = data.draw(st.integers(0, 400), label="margin")
    least = max(1, n_fft - 2 * margin)
    samples = data.draw(st.integers(least, least + 2000), label="samples")
    grid = Transform(n_fft, hop, samples, width, margin)
    audio = noise(1, samples)
    spectrum = grid.forward(audio)
    assert spectrum.shape == (1, grid.frames, grid.bins)
    found = grid.inverse(spectrum)
    assert found.shape == audio.shape and torch.isfinite(found).all()
    window = torch.hann_window(width, dtype=torch.float64)
    seen = torch.zeros(grid.length + 2 * samples)
    for frame in range(grid.frames):
        first = frame * hop + (n_fft - width) // 2
        seen[first : first + width] += window.square()
    inside = seen[margin : margin + samples] > 1e-6
    torch.testing.assert_close(found[0, inside], audio[0, inside])


@pytest.mark.parametrize(
    ("n_fft", "hop", "samples", "width"), [(8, 4, 1, 9), (8, 0, 9, 8), (8, 4, 0, 8), (8, 2, 9, 0)]
)
def test_a_grid_that_cannot_be_is_refused(n_fft: int, hop: int, samples: int, width: int) -> None:
    with pytest.raises(ValueError, match=r"win_length|hop"):
        Transform(n_fft, hop, samples, width)


def test_too_few_samples_for_a_frame() -> None:
    with pytest.raises(ValueError, match="too few"):
        Transform(64, 16, 63, margin=0)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99])
@pytest.mark.parametrize(("n_fft", "hop", "win"), [(512, 128, None), (600, 100, 400)])
def test_griffin_lim_is_librosas(momentum: float, n_fft: int, hop: int, win: int | None) -> None:
    """From the same first phase (ones) by librosa's own formula."""
    grid = Transform(n_fft, hop, 8000, win)
    magnitude = grid.forward(noise(2, 8000)).abs()
    start = torch.ones(1, grid.frames, grid.bins, dtype=torch.complex128)
    found = griffin_lim(magnitude, grid, 12, momentum, start)
    for clip in range(2):
        wanted = librosa.griffinlim(
            magnitude[clip].T.numpy(),
            n_iter=12,
            n_fft=n_fft,
            hop_length=hop,
            win_length=win,
            momentum=momentum,
            init=None,
            length=8000,
            dtype=np.float64,
        )
        np.testing.assert_allclose(found[clip].numpy(), wanted, atol=1e-8)


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_the_true_phase_gives_the_sound_itself(momentum: float) -> None:
    grid = GRIDS[0]
    audio = noise(1, grid.samples)
    spectrum = grid.forward(audio)
    found = griffin_lim(spectrum.abs(), grid, 0, momentum, torch.sgn(spectrum))
    torch.testing.assert_close(found, audio)
    # Without momentum it is a fixed point too.
    if momentum == 0:
        found = griffin_lim(spectrum.abs(), grid, 5, momentum, torch.sgn(spectrum))
        torch.testing.assert_close(found, audio)


def schedule_by_formula(magnitude: Tensor, grid: Transform, iterations: int) -> Tensor:
    """Fast Griffin-Lim of two channels in plain torch.stft and torch.istft."""
    window = torch.hann_window(grid.n_fft, dtype=magnitude.dtype)
    own = magnitude.transpose(1, 2)
    mean = own.mean(0, keepdim=True).repeat(2, 1, 1)
    phase = random_phase(grid, magnitude).transpose(1, 2)
    before = torch.zeros_like(own) + 0j
    for i in range(iterations):
        t = max(i / iterations - 0.67, 0)
        audio = torch.istft(
            (own * t + mean * (1 - t)) * phase,
            grid.n_fft,
            grid.hop,
            window=window,
            length=grid.samples,
        )
        rebuilt = reference(audio, grid).transpose(1, 2)
        phase = rebuilt - before * 0.99 / 1.99
        phase = phase / phase.abs()
        before = rebuilt
    return torch.istft(own * phase, grid.n_fft, grid.hop, window=window, length=grid.samples)


def test_stereo_schedule_by_its_formula() -> None:
    grid = Transform(256, 64, 4096)
    left, right = noise(1, 4096), noise(1, 4096, seed=1)
    magnitude = grid.forward(torch.cat([left, left + 0.3 * right])).abs()
    start = random_phase(grid, magnitude)
    found = stereo_griffin_lim(magnitude[None], grid, 20, 0.99, start)
    assert found.shape == (1, 2, 4096)
    torch.testing.assert_close(found[0], schedule_by_formula(magnitude, grid, 20))
    # The channels' own first phases, one a clip, do the same.
    torch.testing.assert_close(
        stereo_griffin_lim(
            magnitude[None].repeat(2, 1, 1, 1), grid, 20, 0.99, start.repeat(2, 1, 1)
        ),
        found.repeat(2, 1, 1),
    )


def test_equal_channels_stay_equal_and_are_as_one() -> None:
    grid = Transform(256, 64, 4096)
    magnitude = grid.forward(noise(1, 4096)).abs()
    start = random_phase(grid, magnitude)
    both = stereo_griffin_lim(magnitude[None].repeat(1, 2, 1, 1), grid, 10, 0.99, start)
    torch.testing.assert_close(both[0, 0], both[0, 1])
    torch.testing.assert_close(both[0, :1], griffin_lim(magnitude, grid, 10, 0.99, start))


def test_a_clip_does_not_hear_its_neighbours() -> None:
    grid = Transform(256, 64, 4096)
    magnitude = grid.forward(noise(3, 4096, dtype=torch.float32)).abs()
    start = random_phase(grid, magnitude)
    together = griffin_lim(magnitude, grid, 10, 0.99, start)
    for clip in range(3):
        alone = griffin_lim(magnitude[clip : clip + 1], grid, 10, 0.99, start)
        assert torch.equal(alone[0], together[clip])
    assert torch.equal(griffin_lim(magnitude, grid, 10, 0.99, start), together)
    assert griffin_lim(magnitude[:0], grid, 10, 0.99, start).shape == (0, 4096)


@pytest.mark.parametrize("kind", ["silent", "one bin", "huge", "tiny", "a silent frame"])
def test_odd_magnitudes_give_finite_sound(kind: str) -> None:
    grid = Transform(256, 64, 4096)
    magnitude = grid.forward(noise(1, 4096, dtype=torch.float32)).abs()
    if kind in ("silent", "one bin"):
        magnitude *= 0
    if kind == "one bin":
        magnitude[0, 3, 5] = 1
    if kind == "a silent frame":
        magnitude[:, 10:20] = 0
    magnitude *= {"huge": 1e30, "tiny": 1e-35}.get(kind, 1.0)
    start = random_phase(grid, magnitude)
    for audio in (
        griffin_lim(magnitude, grid, 10, 0.99, start),
        stereo_griffin_lim(torch.stack([magnitude, 0 * magnitude], 1), grid, 10, 0.99, start),
    ):
        assert torch.isfinite(audio).all()
        assert audio.any() == (kind != "silent")
