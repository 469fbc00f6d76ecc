"""Variants: one that fails is left out unless it is required."""

from __future__ import annotations

from typing import Any

import pytest

from harness.benchmarks.variants import Variant, compared
from harness.benchmarks.warm import Failure
from harness.tests.speed import Here


def failing(*_: Any) -> str:
    raise ValueError("needs what is not here")


def succeeding(*_: Any) -> str:
    return "well"


def test_a_variant_that_fails_is_left_out_unless_required(here: Here) -> None:
    class Refusing(Here):
        def of(self, name: str, environment: dict[str, str] | None = None) -> Any:
            process = super().of(name, environment)
            if name == "bad":
                process.call = lambda *_: (_ for _ in ()).throw(Failure("bad: ValueError: not here"))
            return process

    good = Variant("good", "good", succeeding, (), 1, required=True)
    bad = Variant("bad", "bad", failing, (), 1)
    pool: Any = Refusing(here.monkeypatch)
    comparison = compared("a workload", [good, bad], pool, 2)
    assert comparison.notes == {"good": "well"}
    assert comparison.left_out == ("a workload, bad: bad: ValueError: not here",)
    assert comparison.ratio("good", "bad") is None
    with pytest.raises(Failure, match="not here"):
        compared("a workload", [good, bad._replace(required=True)], pool, 2)
