"""The prequential code by a model: what it costs to know nothing, to learn, and to be sent in one block."""

from __future__ import annotations

import math

import pytest

from harness.analytic.description_length import Net, Prequential
from harness.analytic.model_codes import CodedByModel
from harness.data.digits import Digits
from harness.data.labels import RandomLabels
from harness.models import Linear, Mlp
from harness.spec.streams import stream

DIGITS = Digits(n=400)
CODE = CodedByModel(Mlp(32), epochs=15, batch=32, lr=0.05, first=50)


def coded(code: CodedByModel, data: Digits = DIGITS) -> dict[str, float]:
    """Results of a code of the digits' labels."""
    return code.solve(data.split(None, 0), stream(0, "solution"))


def test_one_block_is_the_uniform_code() -> None:
    results = coded(CODE.but(first=400))
    assert results["bits"] == pytest.approx(400 * math.log2(10))
    assert results["ratio"] == pytest.approx(1.0)
    assert results["kbits"] == pytest.approx(0.4 * math.log2(10))


def test_labels_are_compressed_about_as_by_the_dense_nets_code() -> None:
    results = coded(CODE)
    dense = Prequential(Net(width=32, depth=1, epochs=15), first=50, growth=2.0)
    other = dense.solve(DIGITS.split(None, 0), stream(0, "solution"))
    assert results["ends"] == other["ends"] == [50, 100, 200, 400]
    assert results["parameters"] == other["parameters"]
    assert results["ratio"] == pytest.approx(other["ratio"], abs=0.12)
    assert results["ratio"] < 0.7
    assert results["test_error"] < 0.2


def test_random_labels_are_not_compressed() -> None:
    assert 0.97 < coded(CODE, DIGITS.but(labels=RandomLabels()))["ratio"] < 1.3


def test_a_confident_error_costs_at_most_what_the_uniform_share_leaves() -> None:
    results = coded(CODE.but(model=Linear(), lr=50.0, epochs=1, mixing=0.5))
    most = 50 * math.log2(10) + 350 * math.log2(10 / 0.5)
    assert results["bits"] <= most + 1e-6


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="growth"):
        CodedByModel(Mlp(4), growth=1.0)
    with pytest.raises(ValueError, match="mixing"):
        CodedByModel(Mlp(4), mixing=0.0)
