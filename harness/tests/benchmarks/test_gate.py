"""The quality gate: kernels are held to the margin."""

from __future__ import annotations

import pytest

from harness.benchmarks import gate, speed_report
from harness.tests.speed import EPOCHS, fitted, section


@pytest.mark.parametrize(
    "factor, passed", [(1.0, True), (1.03, True), (0.97, True), (1.2, False), (0.8, False), (1.1, False)]
)
def test_the_gate_holds_kernels_to_the_margin(factor: float, passed: bool) -> None:
    chosen = fitted([factor * e + (-1) ** i for i, e in enumerate(EPOCHS)])
    judged = gate.judged("title", "float32", chosen, fitted(EPOCHS))
    assert judged.passed is passed
    assert judged.ratio == pytest.approx(factor, rel=0.01)
    assert judged.reference_median == 92.5


def test_too_noisy_to_tell_does_not_pass() -> None:
    wild = [e * (1.5 if i % 2 else 1 / 1.5) for i, e in enumerate(EPOCHS)]
    assert not gate.judged("title", "float32", fitted(wild), fitted(EPOCHS)).passed


def test_a_run_that_does_not_fit_fails_the_gate() -> None:
    censored = [False] * 9 + [True]
    for pair in ((fitted(EPOCHS, censored), fitted(EPOCHS)), (fitted(EPOCHS), fitted(EPOCHS, censored))):
        judged = gate.judged("title", "float32", *pair)
        assert not judged.passed
        assert judged.unfitted + judged.unfitted_reference == 1
        speed_report.encode(
            speed_report.SpeedReport(sections=(section(gates=(judged,)),))
        )  # no NaN, no infinity
