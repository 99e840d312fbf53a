"""Figures against independent oracles: closed forms, scipy, and the seed's own identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from melablate.metrics.diversity import covariance_trace, mean_cosine_distance
from melablate.metrics.entropy import relative_entropy, spectral_entropies
from melablate.metrics.frechet import frechet_distance
from melablate.metrics.settings import METRICS, Scores
from melablate.metrics.similarity import text_audio_similarity
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist
from scipy.stats import entropy as scipy_entropy


def unit(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    vectors = rng.standard_normal((count, size))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_similarity_is_the_cosine_of_each_clip_with_its_own_prompt():
    audio = np.array([[1.0, 0], [0, 1], [3, 4]])
    text = np.array([[1.0, 0], [1, 0], [4, 3]])
    assert text_audio_similarity(audio, text) == pytest.approx([1, 0, 24 / 25])


@given(st.integers(2, 40), st.integers(2, 20), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_both_diversities_are_one_quantity_for_unit_vectors(count, size, seed):
    vectors = unit(np.random.default_rng(seed), count, size)
    assert covariance_trace(vectors) == pytest.approx(mean_cosine_distance(vectors), abs=1e-12)


def test_diversity_against_scipy_for_any_vectors():
    vectors = np.random.default_rng(0).normal(size=(17, 5)) * 3 + 1
    assert mean_cosine_distance(vectors) == pytest.approx(pdist(vectors, "cosine").mean())
    assert covariance_trace(vectors) == pytest.approx(np.trace(np.cov(vectors.T)))


def test_a_collapsed_set_has_no_diversity_and_one_clip_is_refused():
    assert covariance_trace(np.tile(unit(np.random.default_rng(0), 1, 8), (5, 1))) < 1e-12
    with pytest.raises(ValueError, match="at least 2"):
        covariance_trace(np.ones((1, 4)))


def test_frechet_distance_against_scipy_sqrtm():
    rng = np.random.default_rng(1)
    left = rng.normal(size=(300, 12)) @ rng.normal(size=(12, 12)) + 0.3
    right = rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12))
    cov1, cov2 = np.cov(left.T), np.cov(right.T)
    root = sqrtm(cov1 @ cov2)
    between = ((left.mean(0) - right.mean(0)) ** 2).sum()
    expected = between + np.trace(cov1 + cov2 - 2 * np.real(root))
    found = frechet_distance(left, right)
    assert found.distance == pytest.approx(expected, rel=1e-9)
    assert (found.samples, found.reference) == (300, 200)


def test_frechet_distance_closed_forms_with_fewer_clips_than_dimensions():
    few = unit(np.random.default_rng(2), 6, 64)
    shift = np.linspace(0, 1, 64)
    assert frechet_distance(few, few).distance == pytest.approx(0, abs=1e-12)
    assert frechet_distance(few + shift, few).distance == pytest.approx((shift**2).sum())
    # Scaled by 3 about its mean: tr Σ (3 − 1)².
    wide = few.mean(0) + 3 * (few - few.mean(0))
    assert frechet_distance(wide, few).distance == pytest.approx(4 * np.trace(np.cov(few.T)))


def test_frechet_distance_is_symmetric_and_unmoved_by_rotation():
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(20, 9)), rng.normal(size=(50, 9)) * 2 + 1
    turn = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    distance = frechet_distance(left, right).distance
    assert frechet_distance(right, left).distance == pytest.approx(distance)
    assert frechet_distance(left @ turn, right @ turn).distance == pytest.approx(distance)


def test_embeddings_of_another_embedder_are_refused():
    with pytest.raises(ValueError, match="different embedders"):
        frechet_distance(np.zeros((4, 3)), np.zeros((4, 5)))


def test_entropy_against_scipy_and_at_both_ends():
    image = np.random.default_rng(4).integers(0, 256, (128, 60)).astype(np.uint8)
    expected = scipy_entropy(image.astype(float), base=2, axis=0).mean() / 7
    found = spectral_entropies(image)
    assert found["spectral_entropy"] == pytest.approx(expected)
    band = scipy_entropy(image[32:64].astype(float), base=2, axis=0).mean() / 5
    assert found["spectral_entropy_band2"] == pytest.approx(band)
    assert set(found) == {name for name in METRICS if name.startswith("spectral")}
    assert relative_entropy(np.full((16, 3), 9.0)) == pytest.approx(1)
    assert relative_entropy(np.eye(16)[:, :3]) == 0


def test_silent_frames_do_not_count_and_an_all_black_image_has_entropy_zero():
    image = np.random.default_rng(5).integers(1, 256, (32, 20)).astype(float)
    padded = np.concatenate([image, np.zeros((32, 30))], axis=1)
    assert relative_entropy(padded) == relative_entropy(image)
    assert relative_entropy(np.zeros((32, 20))) == 0


def test_the_order_of_metrics_in_the_settings_changes_nothing():
    one = Scores(metrics=("diversity", "text_audio_similarity"))
    assert one == Scores(metrics=("text_audio_similarity", "diversity"))
