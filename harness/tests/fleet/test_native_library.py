"""How the native kernel's library comes about, and that nothing happens where it cannot."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.fleet import native

ROOT = Path(native.__file__).parents[2]


def in_process(code: str, cache: Path, **environment: str) -> subprocess.Popen[str]:
    """Another Python with its own empty cache."""
    places = {"XDG_CACHE_HOME": str(cache), "HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", f"from harness.fleet import native\n{code}"],
        env={**os.environ, **places, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    "environment", [{"CXX": "/bin/false"}, {"CXX": "no-such-compiler"}, {native.OFF: "0"}], ids=str
)
def test_without_a_compiler_there_is_silently_no_kernel(environment: dict[str, str], tmp_path: Path) -> None:
    process = in_process("print(native.available(), native.available())", tmp_path, **environment)
    assert process.communicate(timeout=60) == ("False False\n", "")


def test_a_cache_that_cannot_be_written_means_no_kernel(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("not a folder")
    process = in_process("print(native.available())", place)
    assert process.communicate(timeout=60) == ("False\n", "")


@pytest.fixture
def quick_compiler(tmp_path: Path) -> str:
    """The real one without optimization, which is most of its time."""
    real = shutil.which("g++") or shutil.which("clang++")
    if real is None:
        pytest.skip("no compiler")
    script = tmp_path / "quick"
    script.write_text(f'#!/bin/sh\nexec {real} $(echo "$@" | sed s/-O3/-O0/)\n')
    script.chmod(0o755)
    return str(script)


def test_two_processes_may_compile_at_once(quick_compiler: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    code = "import ctypes\npath = native._compiled()\nctypes.CDLL(str(path)).native_free\nprint(path)"
    both = [in_process(code, cache, CXX=quick_compiler) for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    [library] = cache.rglob("*.so")
    assert answers == [(f"{library}\n", "")] * 2


def test_a_library_with_wrong_answers_is_not_used(quick_compiler: str, tmp_path: Path) -> None:
    source, path = tmp_path / "stub.cpp", tmp_path / "stub.so"
    names = ("native_free", "native_copy", "native_errors", "native_epoch")
    functions = "".join(f"double {name}(...) {{ return 0; }}\n" for name in names)
    source.write_text(f'extern "C" {{\nvoid* native_new(...) {{ return (void*)1; }}\n{functions}}}\n')
    subprocess.run([quick_compiler, "-shared", "-fPIC", "-o", path, source], check=True)
    assert not native._correct(native._declared(ctypes.CDLL(str(path))))
