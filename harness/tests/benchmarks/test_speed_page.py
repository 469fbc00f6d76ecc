"""The page of the speed report: what it says, marks and shows."""

from __future__ import annotations

import pytest

from harness.benchmarks import gate, speed_page, speed_report
from harness.tests.speed import EPOCHS, fitted, row, section

EXPECTED = (
    "## CPU: A processor, family 6, model 7",
    "on A processor, family 6, model 7, 2 cores, 23.5 GiB, AVX512 in vectors of 512 bits.",
    "Measured 2026-01-02 at commit 0123456789ab with changes",
    "Fastest matrix product of this run: 162 GFLOP/s in float32. Vector units alone, all cores: 215 GFLOP/s",
    "| MLP | float32 | **1.66** [1.61 to 1.70] | **0.97** [0.90 to 1.04] | – | **12.3** [11.0 to 1,234] |",
    "| 1.6 met | 71% | 60% | 85% **missed** |",
    "* MLP, float32: 16 cells of 1,209,866 parameters, by `backprop`; (a) 2 threads, (b) 1 thread; rejected",
    "rejected rounds: 2",
    "* MLP, float32, backprop: 0.97 of (b)",
    "| vmap | MLP | **0.50** [0.40 to 0.60] | E = 8 |",
    "| python -m harness list | **0.90** [0.80 to 1.00] | none | 1.5 met |",
    "* MLP, compiled: no compiler",
    "more than 12% of the machine",
)  # fmt: skip


@pytest.mark.parametrize("text", EXPECTED)
def test_the_page_says(text: str) -> None:
    assert text in speed_page.render(speed_report.SpeedReport(sections=(section(),)))


def test_the_page_marks_what_is_doubtful() -> None:
    page = speed_page.render(
        speed_report.SpeedReport(sections=(section(rows=(row(disturbed=True, met=False),)),))
    )
    assert "| MLP † |" in page
    assert "† too few rounds" in page
    assert "1.6 **missed**" in page
    assert "†" not in speed_page.render(speed_report.SpeedReport(sections=(section(),)))


def test_the_page_says_where_missed_rows_spend_their_time() -> None:
    shares = (speed_report.Share(what="mm", share=0.9), speed_report.Share(what="all others", share=0.1))
    spent = speed_report.Profile(
        title="MLP", precision="float32", kernel="backprop", commit="0123", shares=shares
    )
    page = speed_page.render(speed_report.SpeedReport(sections=(section(profiles=(spent,)),)))
    assert "| MLP | float32 | 71% | mm 90%, all others 10% |" in page
    assert "Profiled at commit 0123." in page
    assert "### Missed targets" not in speed_page.render(speed_report.SpeedReport(sections=(section(),)))


def test_the_page_shows_the_gate() -> None:
    judged = gate.judged("digits", "float32", fitted(EPOCHS), fitted(EPOCHS))
    page = speed_page.render(speed_report.SpeedReport(sections=(section(gates=(judged,)),)))
    assert "| digits | float32 | some | 92.5 | 92.5 | 0 and 0 of 10 | 1.000 [" in page
