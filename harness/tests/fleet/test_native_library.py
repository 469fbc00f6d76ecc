"""How the native kernel's library comes about, and that nothing happens where it cannot."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.fleet import native, native_library
from harness.fleet.native_library import FirstLoad

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


# -- the cache ----------------------------------------------------------------------------------------


@pytest.fixture
def stub(tmp_path: Path, quick_compiler: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A little library's source, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", quick_compiler)
    monkeypatch.setattr(native_library, "notes", [])
    source = tmp_path / "stub.cpp"
    source.write_text('extern "C" int answer() { return 42; }\n')
    return source


class FirstLoads:
    """Counts how often a library was tried, which is how often one was built."""

    def __init__(self, *outcomes: FirstLoad) -> None:
        self.outcomes, self.count = outcomes or (FirstLoad(),), 0

    def __call__(self, library: Path) -> FirstLoad:
        self.count += 1
        return self.outcomes[min(self.count, len(self.outcomes)) - 1]


def built(stub: Path, loads: FirstLoads) -> Path | None:
    return native_library.compiled([stub], "-shared -fPIC", loads)


def answers(library: Path | None) -> bool:
    return library is not None and ctypes.CDLL(str(library)).answer() == 42


def resealed(library: Path, **changes: str) -> None:
    file = library.with_suffix(".json")
    file.write_bytes(msgspec.json.encode({**msgspec.json.decode(file.read_bytes()), **changes}))


def flipped(library: Path) -> None:
    data = bytearray(library.read_bytes())
    data[len(data) // 2] ^= 1
    library.write_bytes(data)


def a_folder(library: Path) -> None:
    library.unlink()
    (library / "thesis").mkdir(parents=True)


def a_link(library: Path) -> None:
    library.rename(library.with_name("elsewhere"))
    library.symlink_to(library.with_name("elsewhere"))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda library: os.truncate(library, library.stat().st_size - 100),
    "half": lambda library: os.truncate(library, library.stat().st_size // 2),
    "a hundred bytes": lambda library: os.truncate(library, 100),
    "empty": lambda library: os.truncate(library, 0),
    "longer": lambda library: library.write_bytes(library.read_bytes() + b"\0"),
    "zeros": lambda library: library.write_bytes(bytes(library.stat().st_size)),
    "a bit": flipped,
    "text": lambda library: library.write_text("a library, perhaps\n"),
    "a hole of a terabyte": lambda library: os.truncate(library, 2**40),
    "gone": Path.unlink,
    "a folder": a_folder,
    "a link": a_link,
    "writable by others": lambda library: library.chmod(0o666),
    "a seal writable by others": lambda library: library.with_suffix(".json").chmod(0o620),
    "a torn seal": lambda library: os.truncate(library.with_suffix(".json"), 20),
    "a seal of other sources": lambda library: resealed(library, made_of="0" * 64),
    "a seal of other bytes": lambda library: resealed(library, sha256="0" * 64),
    "a deep seal": lambda library: library.with_suffix(".json").write_text("[" * 60_000),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_library_is_built_again_and_that_is_said(how: str, stub: Path) -> None:
    loads = FirstLoads()
    library = built(stub, loads)
    assert library is not None
    assert built(stub, loads) == library
    assert (loads.count, native_library.notes) == (1, [])
    DAMAGE[how](library)
    assert answers(built(stub, loads))
    assert built(stub, loads) == library
    assert loads.count == 2
    assert native_library.notes == ["the native kernel's library in the cache was damaged: built again"]
    assert how != "a folder" or [*library.parent.glob("*.so.*/thesis")]  # moved, not removed


def test_a_compiler_that_computes_otherwise_is_not_used(
    stub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", f"{os.environ['CXX']} -ffast-math")
    assert built(stub, FirstLoads()) is None
    assert native_library.notes == [
        "the native kernel is off: the compiler that CXX names computes with -ffast-math"
    ]


def test_a_library_without_a_seal_is_built_again_in_silence(stub: Path) -> None:
    loads = FirstLoads()
    library = built(stub, loads)
    assert library is not None
    library.with_suffix(".json").unlink()  # of an earlier version, or killed before the seal
    assert answers(built(stub, loads))
    assert (loads.count, native_library.notes) == (2, [])


def test_a_library_that_fails_its_first_load_is_not_built_twice(stub: Path) -> None:
    loads = FirstLoads(FirstLoad("its answers are wrong"))
    assert built(stub, loads) is built(stub, loads) is None
    assert loads.count == 1
    assert native_library.told() == ("the native kernel is off, another one trains: its answers are wrong",)


def test_a_first_load_that_was_stopped_from_outside_says_nothing_of_the_library(stub: Path) -> None:
    loads = FirstLoads(FirstLoad("it ends its process by SIGKILL", lasting=False), FirstLoad())
    assert built(stub, loads) is None
    assert answers(built(stub, loads))


@pytest.mark.parametrize("place", ["folder", "library", "seal"])
def test_what_another_user_owns_is_not_loaded(
    place: str, stub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = FirstLoads()
    library = built(stub, loads)
    assert library is not None
    path = {"folder": library.parent, "library": library, "seal": library.with_suffix(".json")}[place]
    this, is_mine = path.lstat(), native_library._is_mine

    def of_others(state: os.stat_result) -> bool:
        again = (state.st_ino, state.st_ctime_ns) == (this.st_ino, this.st_ctime_ns)
        return not again and is_mine(state)

    monkeypatch.setattr(native_library, "_is_mine", of_others)
    again = built(stub, loads)
    if place == "folder":
        says = "the native kernel is off: its folder in the cache is not this user's alone"
        assert (again, loads.count, native_library.notes) == (None, 1, [says])
    else:
        assert answers(again)
        assert loads.count == 2


def test_a_folder_that_others_may_write_to_is_closed_to_them(stub: Path) -> None:
    library = built(stub, FirstLoads())
    assert library is not None
    library.parent.chmod(0o777)
    assert built(stub, FirstLoads()) == library
    assert library.parent.stat().st_mode & 0o777 == 0o700
    assert library.stat().st_mode & 0o777 == library.with_suffix(".json").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_a_link_is_not_used(stub: Path, tmp_path: Path) -> None:
    library = built(stub, FirstLoads())
    assert library is not None
    library.parent.rename(tmp_path / "elsewhere")
    library.parent.symlink_to(tmp_path / "elsewhere")
    assert built(stub, FirstLoads()) is None


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGILL", "SIGBUS", "SIGKILL"])
def test_a_library_that_kills_its_process_kills_only_its_first_load(signal: str, stub: Path) -> None:
    stub.write_text(
        "#include <signal.h>\n__attribute__((constructor)) static void fall() "
        f"{{ signal({signal}, SIG_DFL); raise({signal}); }}\n"
    )

    def works(library: Path) -> FirstLoad:
        return native_library.tried("import ctypes, sys; ctypes.CDLL(sys.argv[1])", library)

    assert native_library.compiled([stub], "-shared -fPIC", works) is None
    says = f"the native kernel is off, another one trains: it ends its process by {signal}"
    assert native_library.notes == [says]


def test_a_first_load_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    code = "import sys; sys.exit(sys.argv[1] + ' is strange')"
    assert native_library.tried(code, tmp_path) == FirstLoad(f"{tmp_path} is strange")
    code = "raise SystemExit('its answers are wrong')"
    assert native_library.tried(code, tmp_path) == FirstLoad(native_library.WRONG)
    code = "import nothing_of_this_name"
    assert not native_library.tried(code, tmp_path).lasting
    assert native_library.tried("", tmp_path) == FirstLoad()
    assert native_library.tried("raise SystemExit(7)", tmp_path).fault == "its first load ended with status 7"


def test_two_processes_may_compile_at_once(stub: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from harness.fleet.native_library import FirstLoad, compiled\n"
        f"print(compiled([Path({str(stub)!r})], '-shared -fPIC', lambda library: FirstLoad()))"
    )
    both = [in_process(code, tmp_path / "cache") for _ in range(2)]
    answers = [process.communicate(timeout=120) for process in both]
    [library] = (tmp_path / "cache").rglob("*.so")
    assert answers == [(f"{library}\n", "")] * 2


@pytest.fixture
def copying_compiler(quick_compiler: str, tmp_path: Path) -> str:
    """One that has the native kernel compiled already: what it links is this machine's own library."""
    library = native._compiled()
    assert library is not None
    script = tmp_path / "copying"
    script.write_text(
        f"#!/bin/sh\nfor made; do :; done\ncase $* in\n*-dM*) exec {quick_compiler} $* ;;\n"
        f'*" -c "*) : > $made ;;\n*) exec cp {library} $made ;;\nesac\n'
    )
    script.chmod(0o755)
    return str(script)


def test_a_cut_library_costs_no_process_and_is_built_again(copying_compiler: str, tmp_path: Path) -> None:
    """Mapped beyond its end, it would kill with SIGBUS whoever calls into it, every session anew."""
    code = (
        "import os\ntried, native._tried = native._tried, lambda library: native.native_library.FirstLoad()\n"
        "library = native._compiled()\nnative._tried = tried\n"  # which is tried when it is built again
        "os.truncate(library, library.stat().st_size // 2)\n"
        "print(native.available(), *native.native_library.notes)"
    )
    process = in_process(code, tmp_path / "cache", CXX=copying_compiler)
    says = "True the native kernel's library in the cache was damaged: built again\n"
    assert process.communicate(timeout=300) == (says, "")


def test_a_library_with_wrong_answers_is_not_used(quick_compiler: str, tmp_path: Path) -> None:
    source, path = tmp_path / "stub.cpp", tmp_path / "stub.so"
    names = ("native_free", "native_copy", "native_copy_buffers", "native_errors", "native_epoch")
    functions = "".join(f"double {name}(...) {{ return 0; }}\n" for name in names)
    source.write_text(f'extern "C" {{\nvoid* native_new(...) {{ return (void*)1; }}\n{functions}}}\n')
    subprocess.run([quick_compiler, "-shared", "-fPIC", "-o", path, source], check=True)
    assert not native._correct(native._declared(ctypes.CDLL(str(path))))
