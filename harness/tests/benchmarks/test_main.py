"""``python -m harness.benchmarks``: its parts, its mistakes, and what it writes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.benchmarks import __main__ as command
from harness.benchmarks import gate, speed_report
from harness.benchmarks.measure import Agenda
from harness.benchmarks.workloads import WORKLOADS
from harness.tests.speed import EPOCHS, fitted, section


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
