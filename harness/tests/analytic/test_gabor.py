"""Features of images: filters, patches and their statistics, and what is solved on them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analytic import gabor
from harness.analytic.gabor import GaborMagnitudes, LinearFit, OnFeatures, Pixels, RandomPatches, patches
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.data.digits import Digits
from harness.data.labels import RandomLabels, TrueLabels
from harness.data.split import Split
from harness.spec.streams import stream

Images = NDArray[np.float32]


def images(n: int = 5, channels: int = 1, side: int = 12, seed: int = 0) -> Images:
    return np.random.default_rng(seed).random((n, channels, side, side), dtype=np.float32)


def digits(n: int = 200) -> Split:
    return Digits(n=n, whiten=False).split(None, 1000)


def generator() -> np.random.Generator:
    return stream(1000, "noise")


def test_patches_are_those_cut_out_by_hand() -> None:
    x = images(channels=2, side=7)
    pieces = patches(x, 3, 2)
    assert pieces.shape == (5, 3, 3, 18)
    np.testing.assert_array_equal(pieces[4, 1, 2], x[4, :, 2:5, 4:7].reshape(-1))


def test_magnitudes_are_those_of_a_direct_convolution() -> None:
    features, x = GaborMagnitudes((3.0, 5.0), orientations=2, size=5, pool=2), images(side=6)
    padded = np.pad(x[:, 0].astype(np.float64), [(0, 0), (2, 2), (2, 2)])
    direct = np.zeros((5, 6, 6, 4))
    for k, bank in enumerate(features.filters()):
        for i in range(6):
            for j in range(6):
                direct[:, i, j, k] = np.abs((padded[:, i : i + 5, j : j + 5] * bank).sum(axis=(1, 2)))
    pooled = direct.reshape(5, 3, 2, 3, 2, 4).mean(axis=(2, 4)).reshape(5, -1)
    np.testing.assert_allclose(features.of(x), pooled, rtol=1e-4, atol=1e-6)


def test_a_filter_prefers_its_own_wave_and_ignores_a_constant() -> None:
    features = GaborMagnitudes((4.0, 8.0), orientations=4, size=11, pool=4)
    right = np.arange(16)
    wave = np.cos(2 * np.pi * right / 4.0)[None, None, None, :] * np.ones((1, 1, 16, 1))
    inside = features.of(wave.astype(np.float32)).reshape(4, 4, 8)[1:3, 1:3]
    assert set(inside.argmax(axis=-1).ravel()) == {0}
    flat = features.of(np.ones((1, 1, 32, 32), np.float32)).reshape(8, 8, 8)[2:-2, 2:-2]
    np.testing.assert_allclose(flat, 0.0, atol=1e-5)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = images(9, channels=3)
    bank = RandomPatches(4, size=3).fitted(x, generator())
    whole = GaborMagnitudes((4.0,)).of(x), bank.of(x)
    monkeypatch.setattr(gabor, "CHUNK", 4)
    for before, after in zip(whole, (GaborMagnitudes((4.0,)).of(x), bank.of(x)), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)


def test_random_patches_are_standardised_and_drawn_from_the_generator() -> None:
    x = images(300, channels=3)
    settings = RandomPatches(5, size=4, stride=2, bias=0.1)
    features = settings.fitted(x, generator()).of(x)
    assert features.shape == (300, 40)
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=1e-3)
    varied = features.std(axis=0) > 0.5  # a filter that hardly ever responds has next to no deviation
    assert varied.mean() > 0.8
    np.testing.assert_array_equal(settings.fitted(x, generator()).of(x), features)
    assert not np.allclose(settings.fitted(x, stream(1001, "noise")).of(x), features)


def test_patches_are_whitened() -> None:
    """Smooth images, whose patches vary most along few directions: filters are whitened unit vectors."""
    x = images(400, channels=1, side=8).cumsum(axis=2, dtype=np.float32)
    bank = RandomPatches(20, size=3).fitted(x, generator())
    cut = gabor.normalized(patches(x, 3, 1).reshape(-1, 9)) - bank.mean
    values, vectors = np.linalg.eigh(np.cov(cut.T))
    whitening = vectors @ np.diag((values + 0.1) ** -0.5) @ vectors.T
    chosen = np.linalg.solve(whitening, bank.filters)
    np.testing.assert_allclose(np.linalg.norm(chosen, axis=0), 1.0, atol=0.03)


def test_quarters_are_kept_apart() -> None:
    x = np.zeros((1, 1, 12, 12), np.float32)
    x[0, 0, :4, 8:] = images(1, side=4)[0, 0]
    bank = RandomPatches(3, size=4, bias=0.0).fitted(images(50), generator())
    bank = dataclasses.replace(
        bank, centre=np.float32(0.0), scale=np.float32(1.0), mean=np.zeros(16, np.float32)
    )
    responses = bank.of(x).reshape(2, 4, 3)
    assert responses[:, 1].max() > 0
    np.testing.assert_array_equal(responses[:, [0, 2, 3]], 0.0)


def test_the_solver_sees_the_features() -> None:
    split, solver = digits(), KernelInterpolation(GaussianKernel(1.5))
    assert OnFeatures(Pixels(), solver).solve(split, generator()) == solver.solve(split, generator())
    features = GaborMagnitudes((3.0, 5.0), size=5)
    mapped = dataclasses.replace(split, x_train=features.of(split.x_train), x_test=features.of(split.x_test))
    assert OnFeatures(features, solver).solve(split, generator()) == solver.solve(mapped, generator())


def test_a_linear_fit_is_the_pseudo_inverse_and_ridge_its_formula() -> None:
    split = digits(150)
    scores = LinearFit(penalty=0.01).solve(split, generator())
    x, targets = split.x_train.reshape(150, -1).astype(np.float64), np.eye(10)[split.y_train]
    free = np.linalg.pinv(x) @ targets
    penalty = 0.01 * np.square(x).sum(axis=1).mean()
    held = np.linalg.solve(x.T @ x + penalty * np.eye(64), x.T @ targets)
    x_test = split.x_test.reshape(len(split.x_test), -1)
    for prefix, weights in (("", free), ("ridge_", held)):
        assert scores[f"{prefix}test_error"] == pytest.approx(
            np.mean((x_test @ weights).argmax(axis=1) != split.y_test)
        )
        assert scores[f"{prefix}norm"] == pytest.approx(np.linalg.norm(weights))
    assert scores["inputs"] == 64.0


def test_label_sets_are_solved_side_by_side() -> None:
    split = digits(100)
    scores = LinearFit(labels=(TrueLabels(), RandomLabels(1.0))).solve(split, generator())
    assert scores["train_error"].shape == (2,)
    assert scores["train_error"][0] == LinearFit().solve(split, generator())["train_error"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GaborMagnitudes((4.0,), size=4), "odd size"),
        (lambda: GaborMagnitudes(()), "a wavelength or more"),
        (lambda: GaborMagnitudes((-1.0,)), "wavelengths"),
        (lambda: RandomPatches(0), "filters"),
        (lambda: RandomPatches(3, bias=-1.0), "bias"),
        (lambda: LinearFit(penalty=0.0), "penalty"),
    ],
)
def test_settings_out_of_range_are_refused(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]


def test_classes_that_were_not_called_are_refused() -> None:
    with pytest.raises(TypeError, match="not features"):
        OnFeatures(Pixels, LinearFit())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not a solver"):
        OnFeatures(Pixels(), LinearFit)  # type: ignore[arg-type]
