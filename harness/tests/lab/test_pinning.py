"""Numbers do not depend on the user's environment: what numerical libraries would read there is pinned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.fleet import numerics
from harness.lab import pinning
from harness.lab.lab import Lab
from harness.tests.simulated import at, drawn, named
from harness.tests.suites import ROOT, run, write

NAMES = (*pinning.ARITHMETIC_VARIABLES, *pinning.THREAD_VARIABLES)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment without any of these, in a process that has loaded no numerical library."""
    variables = {name: value for name, value in os.environ.items() if name not in NAMES}
    monkeypatch.setattr(os, "environ", variables)
    monkeypatch.setattr(pinning, "unheeded", {})
    monkeypatch.setattr(pinning._Pinning, "late", False)
    monkeypatch.setattr(pinning, "LIBRARIES", ())
    return variables


AVX2 = {"sse2", "avx2", "fma"}
AVX512 = AVX2 | {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


@pytest.mark.parametrize(
    ("instructions", "core"),
    [
        (AVX512, "SkylakeX"),
        (AVX512 | {"avx512_bf16", "amx_tile"}, "SkylakeX"),
        (AVX512 - {"avx512vl"}, "Haswell"),  # what no x86 has by itself but Knights Landing
        (AVX2, "Haswell"),
        (AVX2 - {"fma"}, None),
        (set(), None),
    ],
)
def test_the_environment_is_the_same_for_everybody(
    instructions: set[str], core: str | None, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinning, "instructions", lambda: instructions)
    clean = dict(environment)
    pinning.pin_arithmetic()
    pinned = dict(environment)
    assert {name: pinned[name] for name in pinning.THREAD_VARIABLES}.items() >= {("OMP_NUM_THREADS", "1")}
    assert pinned.get("OPENBLAS_CORETYPE") == core
    assert pinning.core() == (core or "")
    assert pinning.said() == ()
    for users in (dict.fromkeys(NAMES, "7"), dict.fromkeys(NAMES, ""), pinned):
        environment.clear()
        environment.update({**clean, **users})
        pinning.pin_arithmetic()
        assert environment == pinned
    assert pinning.said() == (f"not heeded, because numbers would depend on it: {', '.join(NAMES)}",)
    assert not pinning.is_late()


def test_what_a_training_on_a_gpu_has_set_is_not_the_users(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pinning.pin_arithmetic()
    monkeypatch.setattr(pinning, "LIBRARIES", ("json",))
    numerics.prepare("cuda")
    assert environment[pinning.WORKSPACE]
    pinning.pin_arithmetic()
    assert pinning.said() == ()
    assert not pinning.is_late()
    assert pinning.WORKSPACE not in environment


def test_a_library_that_is_loaded_already_computes_elsewhere(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pinning.pin_arithmetic()
    monkeypatch.setattr(pinning, "LIBRARIES", ("json",))
    pinning.pin_arithmetic()
    assert not pinning.is_late()  # it was pinned before
    assert Lab(at(tmp_path)).crew is None
    environment["OMP_NUM_THREADS"] = "2"
    pinning.pin_arithmetic()
    assert pinning.is_late()
    lab = Lab(at(tmp_path))
    try:
        assert lab.crew is not None
        assert lab.results("x", named(drawn), 2).final("x").values.shape == (2,)
        assert list(lab.notes) == ["not heeded, because numbers would depend on it: OMP_NUM_THREADS"]
    finally:
        lab.close()


def test_records_name_the_kernels_that_added_up(tmp_path: Path) -> None:
    lab = Lab(at(tmp_path))
    lab.ensure(lab.runs(named(drawn), 1))
    (record,) = lab.results("x", named(drawn), 1).records
    assert record.provenance.get("openblas", "") == pinning.core()


SUMS = """
import hashlib
from harness.lab.pinning import pin_arithmetic
pin_arithmetic()
import numpy as np
a = np.random.default_rng(0).normal(size=(300, 300))
b = np.random.default_rng(0).normal(size=(700, 400)).astype(np.float32)
computed = (a @ a, np.linalg.solve(a, a), b.T @ b, b.sum(0))
print(hashlib.sha256(b"".join(x.tobytes() for x in computed)).hexdigest())
"""


def test_sums_are_the_same_to_the_bit_whatever_the_user_has_set() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    several: list[dict[str, str]] = [
        {},
        {"OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "3"},
        {"OPENBLAS_NUM_THREADS": "4", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
    ]
    printed = {
        subprocess.run(
            [sys.executable, "-c", SUMS],
            env={**clean, **users, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for users in several
    }
    assert len(printed) == 1


GOOD = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
"""


def test_a_session_says_what_it_does_not_heed(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    done = run(tmp_path, OPENBLAS_CORETYPE="Nehalem", ONEDNN_DEFAULT_FPMATH_MODE="BF16")
    done.says("note: not heeded, because numbers would depend on it: ", "OPENBLAS_CORETYPE, ONEDNN_DEFAULT")
    assert done.status == 0
