"""The speed report: quality gate, schema, page, and the command that writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.benchmarks import __main__ as command
from harness.benchmarks import gate, speed_page, speed_report
from harness.benchmarks.measure import Agenda
from harness.benchmarks.rounds import Ratio
from harness.benchmarks.workloads import WORKLOADS
from harness.evidence.measured import Measured

# -- quality gate ---------------------------------------------------------------------------------------


def fitted(epochs: list[float], censored: list[bool] | None = None) -> gate.Fitted:
    flags = np.array(censored or [False] * len(epochs))
    return gate.Fitted(Measured(np.array(epochs), 1.0, flags), "some")


EPOCHS = [80.0, 95.0, 101.0, 88.0, 92.0, 85.0, 99.0, 90.0, 97.0, 93.0]


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


# -- the report -----------------------------------------------------------------------------------------


def row(**changes: Any) -> speed_report.SpeedRow:
    known: dict[str, Any] = {
        "workload": "mlp", "title": "MLP", "precision": "float32", "kernel": "backprop", "engine": "chosen",
        "cells": 16, "parameters": 1_209_866, "seconds": 4.0, "cpu_seconds": 7.9, "tflops": 0.129,
        "images_per_second": 16384.0, "peak_share": 0.71, "plain": Ratio(1.66, 1.61, 1.702, 5),
        "tuned": Ratio(0.97, 0.9, 1.04, 5), "sklearn": None, "cpu": Ratio(12.34, 11.0, 1234.5, 5),
        "notes": {"plain": "2 threads", "tuned float32": "1 thread"}, "target": 1.6, "met": True,
        "rounds": 5, "rejected": 2, "disturbed": False, "foreign": 0.03,
    }  # fmt: skip
    return speed_report.SpeedRow(**{**known, **changes})


MACHINE = speed_report.MeasuredOn(
    processor="A processor",
    cores=2,
    memory_gib=23.5,
    instructions="AVX512",
    accelerator="",
    versions={"python": "3.11.7", "torch": "2.15.0"},
)
VMAP = speed_report.Unused(
    workload="mlp", title="MLP", variant="vmap", note="E = 8", ratio=Ratio(0.5, 0.4, 0.6, 5)
)
LISTING = speed_report.Startup(
    what="python -m harness list", seconds=Ratio(0.9, 0.8, 1.0, 5), imported=(), target=1.5, met=True
)


def section(**changes: Any) -> speed_report.DeviceSection:
    known: dict[str, Any] = {
        "device": "cpu", "date": "2026-01-02T03:04:05Z", "commit": "0123456789abcdef+", "machine": MACHINE,
        "rounds": 5, "repeats": 5, "foreign_limit": 0.12, "formula": "6 m", "rows": (row(),), "gates": (),
        "peaks": (speed_report.MatmulPeak(precision="float32", tflops=0.162),), "unused": (VMAP,),
        "startup": (LISTING,), "left_out": ("MLP, compiled: no compiler",),
    }  # fmt: skip
    return speed_report.DeviceSection(**{**known, **changes})


EXPECTED = (
    "on A processor, 2 cores, 23.5 GiB, AVX512.",
    "Measured 2026-01-02 at commit 0123456789ab with changes",
    "Fastest matrix product of this run: 162 GFLOP/s in float32.",
    "| MLP | float32 | **1.66** [1.61 to 1.70] | **0.97** [0.90 to 1.04] | – | **12.3** [11.0 to 1,234] |",
    "| 71% | 1.6 met |",
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


def test_a_report_keeps_the_other_device(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    assert speed_report.read(path) == speed_report.SpeedReport()
    gpu, cpu, newer = section(device="cuda"), section(), section(rounds=7)
    path.write_bytes(
        speed_report.encode(speed_report.with_section(speed_report.SpeedReport(sections=(gpu,)), cpu))
    )
    again = speed_report.with_section(speed_report.read(path), newer)
    assert again.sections == (newer, gpu)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": 1, "sections": [], "more": 1}', '{"schema": 2, "sections": []}']
)
def test_a_foreign_report_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^speed.json (is no speed report|has schema 2).*$"):
        speed_report.read(path)


# -- the command ----------------------------------------------------------------------------------------


def planned(*arguments: str) -> Agenda:
    return command.plan(command._parser().parse_args(arguments))


def test_parts_of_the_command_line() -> None:
    everything = planned()
    assert len(everything.workloads) == len(WORKLOADS)
    assert (len(everything.sweeps), everything.endings, everything.starts) == (1, gate.ENDINGS, 5)
    one = planned("--only", "mlp-1x512", "gate", "--rounds", "3")
    assert ([w.name for w in one.workloads], one.sweeps, one.starts, one.rounds) == (["mlp-1x512"], (), 0, 3)
    assert one.endings == gate.ENDINGS
    quick = planned("--quick")
    assert (quick.rounds, quick.endings) == (2, ())  # the gate needs all its replicates
    for small, whole in zip(quick.workloads, everything.workloads, strict=True):
        assert small.flop() < whole.flop()
        assert small.data.n >= 2 * small.optimizer.batch


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--only", "resnet"), "--only resnet: no such part; use mlp-1x512, "),
        (("--device", "tpu"), "--device tpu: use cpu, cuda or cuda:0"),
    ],
)
def test_mistakes_are_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert command.main(list(arguments)) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"python -m harness.benchmarks: {said}")
    assert error.count("\n") == 1


def test_no_gpu_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["--device", "cuda"]) == 1
    error = capsys.readouterr().err
    assert "sees no GPU here" in error
    assert error.count("\n") == 1


def test_a_partial_run_overwrites_no_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "section", lambda plan: section())
    assert command.main(["--only", "mlp-1x512"]) == 0
    assert "# Speed" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert command.main([]) == 0
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["speed.json", "speed.md"]
    assert command.main(["--quick", "--out", "there"]) == 0
    assert (tmp_path / "there" / "speed.md").read_text().startswith("# Speed")


def test_profiles_are_added_to_the_report_there_and_nothing_is_timed_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    shares = (speed_report.Share(what="mm", share=1.0),)
    spent = speed_report.Profile(
        title="MLP", precision="float32", kernel="backprop", commit="45", shares=shares
    )
    monkeypatch.setattr(command, "section", lambda plan: section())
    monkeypatch.setattr(
        command, "profiled", lambda written, _: msgspec.structs.replace(written, profiles=(spent,))
    )
    assert command.main(["--profiles"]) == 1
    assert "reports/speed.json has no section for cpu; measure first" in capsys.readouterr().err
    assert command.main([]) == 0
    assert command.main(["--profiles", "--quick"]) == 1
    assert command.main(["--profiles"]) == 0
    (written,) = speed_report.read(tmp_path / "reports" / "speed.json").sections
    assert written == section(profiles=(spent,))


def test_a_gate_that_is_not_passed_is_the_exit_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = gate.judged("digits", "float32", fitted([2 * e for e in EPOCHS]), fitted(EPOCHS))
    monkeypatch.setattr(command, "section", lambda plan: section(gates=(slow,)))
    assert command.main(["--quick"]) == 1
    assert "**not passed**" in capsys.readouterr().out
