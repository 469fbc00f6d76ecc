"""Neural collapse of nets whose activations are known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analytic.collapse import MEASURES, Collapse, before_last, collapse
from harness.data import Digits
from harness.models import Mlp

SIMPLEX = np.eye(4) - 0.25
"""Four class means of equal lengths and angles."""


def of(features: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The collapse of a net whose last layer has no biases."""
    return collapse(features, (features @ weights.T).argmax(axis=1), labels, weights)


def test_full_collapse_is_zero_in_all_measures_whatever_the_place_and_scale() -> None:
    labels = np.arange(20) % 4
    whole = of(3.0 * SIMPLEX[labels] + 5.0, 0.1 * SIMPLEX, labels)
    assert whole == pytest.approx(dict.fromkeys(MEASURES, 0.0), abs=1e-12)


def test_each_measure_sees_what_it_is_about() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(400) % 4
    noise = 0.1 * generator.standard_normal((400, 4))
    scattered = of(SIMPLEX[labels] + noise, SIMPLEX, labels)
    # three directions with between-class variance 1/4 each hold noise of variance 0.01, over four classes
    assert scattered["scatter"] == pytest.approx(3 * 0.01 / 0.25 / 4, rel=0.15)
    longer = of(np.diag([1.0, 1.0, 1.0, 3.0])[labels] @ SIMPLEX, SIMPLEX, labels)
    assert longer["unequal_norms"] > 0.3
    assert longer["scatter"] == pytest.approx(0.0, abs=1e-12)
    narrow = SIMPLEX.copy()
    narrow[1] = narrow[0] + 0.1 * (narrow[1] - narrow[0])
    assert of(narrow[labels], SIMPLEX, labels)["unequal_angles"] > 0.2
    assert of(SIMPLEX[labels], SIMPLEX[[1, 0, 2, 3]], labels)["misaligned"] > 0.5
    assert of(SIMPLEX[labels], SIMPLEX[[1, 0, 2, 3]], labels)["disagreement"] == 0.5


def test_a_dead_net_has_none_and_a_class_without_images_is_refused() -> None:
    labels = np.arange(20) % 4
    dead = of(np.ones((20, 4)), SIMPLEX, labels)
    assert all(np.isnan(number) for number in dead.values())
    assert dead.keys() == set(MEASURES)
    with pytest.raises(ValueError, match="class 3 has no training image"):
        of(SIMPLEX[labels % 3], SIMPLEX, labels % 3)


def test_the_probe_reads_what_enters_the_last_layer() -> None:
    from torch import nn

    split = Digits(n=100).split(None, 0)
    model = Mlp(width=8, depth=2).build((1, 8, 8), 10, np.random.default_rng(1)).eval()
    features, scores, weights = before_last(model, split.x_train)
    assert features.shape == (100, 8)
    assert weights.shape == (10, 8)
    (bias,) = [part.bias for part in model.modules() if isinstance(part, nn.Linear)][-1:]
    np.testing.assert_allclose(features @ weights.T + bias.detach().numpy(), scores, atol=1e-5)
    assert Collapse().measure(model, split) == collapse(features, scores.argmax(1), split.y_train, weights)
    with pytest.raises(TypeError, match="that end in a linear layer, not in Conv2d"):
        Collapse().measure(nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten()), split)
