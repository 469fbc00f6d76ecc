"""The error no function can avoid, held against a search over all functions; blank images."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness import Solved
from harness.analytic.contradictions import Contradictions, least_error
from harness.data import Digits, RandomLabels
from harness.data.blank import BlankInputs
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


def test_blank_images_leave_the_most_frequent_label() -> None:
    data = Digits(n=200, labels=RandomLabels(1.0))
    blank = data.but(inputs=BlankInputs()).split(None, 1000)
    assert not blank.x_train.any()
    assert not blank.x_test.any()
    most = (200 - np.bincount(blank.y_train).max()) / 200
    results = Solved(data, Contradictions()).solver.solve(blank, stream(1000, "noise"))
    assert results == {"least_train_error": most}
    assert least_error(*(lambda s: (s.x_train, s.y_train))(data.split(None, 1000))) == 0
