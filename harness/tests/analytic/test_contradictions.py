"""The error no function can avoid, held against a search over all functions; images that are there twice."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness import Solved
from harness.analytic.contradictions import Contradictions, least_error
from harness.data import Digits, RandomLabels
from harness.data.twins import TwinInputs
from harness.spec.streams import stream
from harness.tests.deterministic import derandomized

IMAGES, LABELS = 3, 3
EXAMPLES = st.lists(st.tuples(st.integers(0, IMAGES - 1), st.integers(0, LABELS - 1)), min_size=1, max_size=8)


@derandomized
@given(EXAMPLES)
def test_no_function_does_better(examples: list[tuple[int, int]]) -> None:
    which, labels = (np.array(column) for column in zip(*examples, strict=True))
    images = np.eye(IMAGES, dtype=np.float32)[which]
    functions = itertools.product(range(LABELS), repeat=IMAGES)
    best = min(np.mean(np.array(f)[which] != labels) for f in functions)
    assert least_error(images, labels) == best


def test_of_twins_with_different_labels_one_stays_wrong() -> None:
    data = Digits(n=201, labels=RandomLabels(1.0))
    plain, twins = (d.split(None, 1000) for d in (data, data.but(inputs=TwinInputs())))
    assert np.array_equal(twins.x_train[1:200:2], twins.x_train[0:200:2])
    assert np.array_equal(twins.x_train[::2], plain.x_train[::2])
    assert np.array_equal(twins.x_test, plain.x_test)
    apart = np.count_nonzero(twins.y_train[1:200:2] != twins.y_train[0:200:2])
    results = Solved(data, Contradictions()).solver.solve(twins, stream(1000, "noise"))
    assert results == {"least_train_error": apart / 201}
    assert least_error(plain.x_train, plain.y_train) == 0
