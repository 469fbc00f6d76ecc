"""``python -m harness plan`` and ``train``: what is planned is trained once and then there."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tests.suites import run_harness


def drawn_runs(suite: Path) -> int:
    return len((suite / "draws").read_text().splitlines())


def test_what_is_planned_is_trained_once_and_then_there(suite: Path) -> None:
    first = run_harness(suite, "plan", "--json").json
    assert (first["items"], first["missing"], first["present"], first["problems"]) == (2, 19, 0, [])
    assert sorted(s["runs"] for s in first["specifications"]) == [5, 7, 7]
    assert first["memory"] >= 900 * 2**20  # what a process takes that computes anything
    run_harness(suite, "plan").says("memory: up to about ", "GiB are free here")
    assert not (suite / "draws").exists()
    trained = run_harness(suite, "train", "--processes", "1")
    assert trained.status == 0, trained.text
    trained.says("tier quick: 2 items", "19 runs to train", "trained 19 runs", "0 failed")
    assert drawn_runs(suite) == 19
    again = run_harness(suite, "train", "-k", "larger")
    again.says("tier quick: 1 item", "0 runs to train, 14 in the store", "trained 0 runs")
    assert drawn_runs(suite) == 19


def test_what_lacks_its_data_is_planned_as_missing_and_not_trained(suite: Path) -> None:
    done = run_harness(suite, "plan", "full", "--data-root", ".")
    assert done.status == 1
    done.says("10 runs to train", "Cifar10(n=100)", "in the way: claims/test_tiny.py::test_large (full): ")
    done.says("python -m harness data get cifar10")
    refused = run_harness(suite, "train", "full", "--data-root", ".")
    assert refused.status == 1
    refused.says("cannot be trained: claims/test_tiny.py::test_large (full): ")
    assert not (suite / "draws").exists()


@pytest.mark.usefixtures("warm")
def test_gpus_that_are_elsewhere_are_planned_for_and_trained_on_by_nobody(suite: Path) -> None:
    told = run_harness(suite, "plan", "full", "--data-root", ".", "--device", "h100x8")
    told.says(
        "GPU h     10 runs  claims/test_tiny.py", "bill: ", "on 8 GPUs", "NVIDIA H100 (its data sheet; "
    )
    told.says("in the way: claims/test_tiny.py::test_large (full)")
    bill = run_harness(suite, "plan", "--device", "cuda", "--json").json["bill"]
    assert [family["claims"] for family in bill["families"]] == ["claims/test_tiny.py"]
    assert run_harness(suite, "plan", "--json").json["bill"] is None
    doctor = run_harness(suite, "doctor", "full", "--data-root", ".", "--device", "a100x2")
    doctor.says("bill full", "GPU h     10 runs  claims/test_tiny.py", "on 2 GPUs")
    refused = run_harness(suite, "train", "--device", "h100x8")
    assert (refused.status, len(refused.text.splitlines())) == (1, 1)
    refused.says("--device h100x8: use cpu, cuda or cuda:0")
