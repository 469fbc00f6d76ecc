"""What code of a claim's own changes for its whole process is undone and told; nobody computes with it."""

from __future__ import annotations

import decimal
import io
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.lab import leftovers, notes
from harness.lab.lab import Lab
from harness.spec import Simulation
from harness.tests.simulated import SMALL, at, drawn, named

CHANGES: dict[str, Callable[[], object]] = {
    "torch.set_default_dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch.set_default_device": lambda: torch.set_default_device("meta"),
    "torch.set_grad_enabled": lambda: torch.set_grad_enabled(False),
    "torch.use_deterministic_algorithms": lambda: torch.use_deterministic_algorithms(True),
    "torch.set_num_threads": lambda: torch.set_num_threads(3),
    "torch.set_float32_matmul_precision": lambda: torch.set_float32_matmul_precision("medium"),
    "torch.set_flush_denormal": lambda: torch.set_flush_denormal(True),
    "numpy.seterr": lambda: np.seterr(all="raise"),
    "decimal.getcontext().prec": lambda: setattr(decimal.getcontext(), "prec", 3),
    "os.environ (HARNESS_KERNEL)": lambda: os.environ.update(HARNESS_KERNEL="reference"),
    "signal.signal": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "os.chdir": lambda: os.chdir("/"),
    "warnings.simplefilter": lambda: warnings.simplefilter("error"),
}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Whatever a test that fails leaves is for nobody else."""
    notes.told()
    folder = Path.cwd()
    with warnings.catch_warnings():
        yield
    leftovers.undo()
    os.chdir(folder)


def state() -> tuple[Any, ...]:
    """The settings that ``CHANGES`` change."""
    return (
        *(setting.read(sys.modules[setting.module]) for setting in leftovers.SETTINGS),
        Path.cwd(),
        {name: value for name, value in os.environ.items() if not name.startswith(leftovers.LIBRARIES)},
        [signal.getsignal(number) for number in leftovers.HEEDED],
        [each for each in warnings.filters if each[0] == "error"],
    )


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("raises", [False, True])
def test_what_is_left_behind_is_undone_and_told(name: str, raises: bool) -> None:
    leftovers.undo()
    before = state()
    error: type[BaseException] = SystemExit if raises else LookupError

    def leaving() -> None:
        with leftovers.put_back("this"):
            CHANGES[name]()
            assert state() != before
            raise error

    with pytest.raises(error):
        leaving()
    assert state() == before
    assert notes.told() == (f"this left {name} behind, by which others would compute: undone",)


def test_what_was_left_before_is_undone_at_the_beginning_and_what_changes_nothing_is_not_told() -> None:
    np.seterr(all="raise")
    with leftovers.put_back("this"):
        assert np.geterr() == leftovers.NUMPYS
    assert notes.told() == ()


def test_variables_that_were_taken_away_are_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAKEN", "away")
    with leftovers.put_back("this"):
        del os.environ["TAKEN"]
    assert os.environ["TAKEN"] == "away"
    assert notes.told() == ("this left os.environ (TAKEN) behind, by which others would compute: undone",)


@pytest.mark.parametrize("name", ["KMP_INIT_AT_FORK", "OMP_NUM_THREADS"])
def test_variables_that_libraries_set_and_we_do_stay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "before")
    with leftovers.put_back("this"):
        os.environ[name] = "other"
    assert os.environ[name] == "other"
    assert notes.told() == ()


def test_of_a_run_no_variable_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What computes it sets some (cuBLAS's, on a GPU), which later runs of the process need."""
    monkeypatch.setenv("OF_A_RUN", "before")
    with leftovers.put_back("this", "a" * 64):
        os.environ["OF_A_RUN"] = "other"
    assert os.environ["OF_A_RUN"] == "other"
    assert notes.told() == ()


def test_filters_of_libraries_that_are_imported_meanwhile_stay() -> None:
    with leftovers.put_back("this"):
        warnings.filterwarnings("ignore", message="of a library")
    assert "of a library" in str(warnings.filters[0])
    assert notes.told() == ()


def test_a_stream_survives_whoever_closes_it_or_wraps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    with leftovers.put_back("this"):
        sys.stdout.close()
        with sys.stdout:
            print("one")
        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
        print("two")
        sys.stdout = io.StringIO()  # what was wrapped around the buffer is dropped, and would close it
    assert sys.stdout is stream
    print("three")
    stream.seek(0)
    assert stream.read().split() == ["one", "two", "three"]


def evil(generator: np.random.Generator) -> dict[str, float]:
    """A simulation that has all that follows compute in double precision, by no gradient."""
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    np.seterr(all="raise")
    return {"x": float(generator.normal())}


def test_a_run_is_the_same_whatever_ran_before_it(tmp_path: Path) -> None:
    alone = Lab(at(tmp_path / "alone"))
    after = Lab(at(tmp_path / "after"))
    after.results("x", Simulation(evil), 1)
    assert "torch.set_default_dtype" in "".join(after.notes)
    one, other = (lab.results("x", SMALL, 1).records[0] for lab in (alone, after))
    assert one.curves == other.curves


def test_nothing_is_told_of_runs_that_leave_nothing(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.results("x", SMALL, 1)
    lab.results("y", named(drawn), 2)
    assert not lab.notes


def unseeded(generator: np.random.Generator) -> dict[str, float]:
    """A simulation that draws from the generators of its whole process."""
    return {"a": random.random(), "b": float(np.random.normal()), "c": float(torch.rand(()))}  # noqa: NPY002


def test_a_run_that_draws_from_generators_of_its_process_is_the_same_everywhere_and_told(
    tmp_path: Path,
) -> None:
    records = []
    state = random.getstate()
    for n in range(2):
        np.random.seed(n)  # noqa: NPY002
        random.seed(n)
        torch.manual_seed(n)
        begun = random.getstate()
        lab = Lab(at(tmp_path / str(n)))
        records.append([record.finals for record in lab.results("x", Simulation(unseeded), 3).records])
        assert random.getstate() == begun
        (note,) = lab.notes
        assert "drew from numpy.random, which is of a whole process: draw from the generator that" in note
    random.setstate(state)
    assert records[0] == records[1]
    assert len({numbers["a"] for numbers in records[0]}) == 3  # each replicate has its own


def test_a_body_that_draws_from_them_is_told() -> None:
    drawn = []
    for _ in range(2):
        with leftovers.put_back("this"):
            drawn.append((random.random(), np.random.normal()))  # noqa: NPY002
    assert drawn[0] == drawn[1]
    said = "this drew from numpy.random, which is of a whole process: a verdict should not depend on it"
    assert notes.told() == (said,)
