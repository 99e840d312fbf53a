"""Mel bands to a linear spectrum, by each method."""

import numpy as np
import pytest
import scipy.optimize
import torch
from audio_signals import mel_db, music
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.audio.mel import MelBands, filterbank, power_spectrum
from melablate.audio.mel_to_linear import Method, mel_to_linear
from torch import Tensor

METHODS: tuple[Method, ...] = ("pseudo_inverse", "nnls", "multiplicative", "lobes")
CODEC = mel_db(seconds=2, n_mels=128, width=128)
BANDS = MelBands(16000, 2048, 128, 0, 8000)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def bands() -> Tensor:
    found = filterbank(BANDS)
    # At the highest bin rounding leaves a weight of 1e-17, which lets scipy raise it to 1e17.
    return torch.from_numpy(np.where(found > 1e-9 * found.max(), found, 0))


def mel_of_music(seed: int = 0) -> Tensor:
    power = power_spectrum(music(CODEC, seed)[0].astype(np.float64), 2048, CODEC.hop)
    return torch.from_numpy((filterbank(BANDS) @ power).T.copy())[None]


def error(power: Tensor, mel: Tensor) -> float:
    return float((power @ bands().T - mel).norm() / mel.norm())


@pytest.mark.parametrize("method", METHODS)
def test_the_bands_come_close(method: Method) -> None:
    mel = mel_of_music()
    power = mel_to_linear(mel, bands(), method)
    assert power.shape == (1, CODEC.frames, CODEC.n_fft // 2 + 1)
    assert power.min() >= 0
    most = {"pseudo_inverse": 0.3, "nnls": 1e-4, "multiplicative": 0.05, "lobes": 0.05}
    assert error(power, mel) < most[method]


def test_pseudo_inverse_is_numpys() -> None:
    mel = mel_of_music()
    wanted = mel[0].numpy() @ np.linalg.pinv(bands().numpy()).T
    found = mel_to_linear(mel, bands(), "pseudo_inverse")[0].numpy()
    np.testing.assert_allclose(found, np.maximum(wanted, 0), atol=1e-8 * wanted.max())


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nnls_errs_as_little_as_scipys(reachable: bool, dtype: torch.dtype) -> None:
    """The least error is one, though not the spectrum: 128 bands do not tell 1,025 bins."""
    rng = np.random.default_rng(0)
    wild = torch.from_numpy(rng.lognormal(0, 2, (1, 12, 1025 if reachable else 128)))
    mel = wild @ bands().T if reachable else wild
    found = mel_to_linear(mel.to(dtype), bands(), "nnls").double()
    assert found.min() >= 0
    for frame in range(12):
        # The error of its solution: the one that scipy 1.17 states is at times too small.
        wanted, _ = scipy.optimize.nnls(bands().numpy(), mel[0, frame].numpy())
        theirs = error(torch.from_numpy(wanted), mel[0, frame])
        assert error(found[0, frame], mel[0, frame]) <= theirs + 1e-5


def test_multiplicative_updates_keep_what_fits() -> None:
    """A spectrum whose bands are right already is a fixed point."""
    mel = mel_of_music()
    once = mel_to_linear(mel, bands(), "multiplicative", 300)
    assert error(once, mel) < error(mel_to_linear(mel, bands(), "multiplicative", 3), mel)
    assert error(once, mel) < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_a_clip_does_not_hear_its_neighbours(method: Method) -> None:
    mel = torch.cat([mel_of_music(seed) for seed in range(3)]).float()
    together = mel_to_linear(mel, bands(), method)
    for clip in range(3):
        assert torch.equal(mel_to_linear(mel[clip : clip + 1], bands(), method)[0], together[clip])
    assert mel_to_linear(mel[:0], bands(), method).shape == (0, CODEC.frames, 1025)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_scale_is_free(method: Method, scale: float) -> None:
    mel = mel_of_music().float()
    wanted = mel_to_linear(mel, bands(), method)
    found = mel_to_linear(mel * scale, bands(), method) / scale
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.max()))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_bands_and_powers_give_finite_spectra(data: st.DataObject) -> None:
    """Bands without a bin, bins without a band and silent frames among them."""
    n_mels = data.draw(st.integers(1, 12), label="n_mels")
    bins = data.draw(st.integers(1, 30), label="bins")
    seed = data.draw(st.integers(0, 1000), label="seed")
    rng = np.random.default_rng(seed)
    wild = rng.random((n_mels, bins)) * (rng.random((n_mels, bins)) < rng.random())
    mel = rng.lognormal(0, 8, (2, 3, n_mels)) * (rng.random((2, 3, n_mels)) < rng.random())
    for method in METHODS:
        found = mel_to_linear(
            torch.from_numpy(mel).float(), torch.from_numpy(wild), method, iterations=50
        )
        assert found.shape == (2, 3, bins)
        assert torch.isfinite(found).all() and found.min() >= 0
        assert not found[:, :, torch.from_numpy(wild.max(0) == 0)].any()
