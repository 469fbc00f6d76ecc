"""A compiled library in the user's cache: code that runs in this process, so it is trusted as records are.

    <cache>/native/abcd....so        the library of these sources for this compiler and processor
                   abcd....json      its seal: the SHA-256 of its bytes, and whether it works

It is loaded only if the folder and both files are this user's and writable by nobody else, and if its bytes
are the sealed ones. It is sealed only after a process of its own has loaded and tried it, for a library that
is not whole takes down the process that loads it. What is damaged is built again, and ``notes`` says so.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import msgspec

from harness.spec.untrusted import contents, decoded

COMPILE_SECONDS = 300
LOAD_SECONDS = 300
LARGEST = 2**26
"""Bytes of a library: 64 MiB, of which it takes a fraction of one."""

WRONG = "its answers are wrong"
"""What the first load of a library says that can be loaded and computes something else."""
ELSEWHERE = ("ImportError", "ModuleNotFoundError", "MemoryError")
"""Failures of a first load that say nothing of the library."""
STOPPED = (SIGINT, SIGTERM, 9)
"""Signals that come from outside; 9 is SIGKILL, where there is one."""

notes: list[str] = []
"""What people should hear of the library, a line each, until ``told``."""

Works = Callable[[Path], "FirstLoad"]


class FirstLoad(msgspec.Struct, frozen=True):
    """What came of a library's first load.

    Attributes:
        fault: what is wrong with it, "" if nothing is.
        lasting: whether it would be so again; not, if it was stopped from outside.
    """

    fault: str = ""
    lasting: bool = True


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a library: what it was made of, the SHA-256 of its bytes, what is wrong with it."""

    made_of: str
    sha256: str
    fault: str = ""


def compiled(sources: Sequence[Path], flags: str, works: Works) -> Path | None:
    """The library of these sources, from the cache or made now; None where there is none that works.

    Of several processes one makes it and the others wait.

    Args:
        sources: those named .cpp are compiled, side by side, and include the others.
        flags: of the compiler.
        works: tries a library in a process of its own.

    Raises:
        OSError: the cache cannot be written.
        subprocess.SubprocessError: the compiler fails.
    """
    from filelock import FileLock

    command = compiler()
    if command is None:
        return None
    # the macros tell version and instruction set
    ask = [*command, "-march=native", "-dM", "-E", "-x", "c++", os.devnull]
    macros = subprocess.run(ask, capture_output=True, check=True, timeout=60).stdout
    if b"#define __FAST_MATH__" in macros:
        notes.append("the native kernel is off: the compiler that CXX names computes with -ffast-math")
        return None
    parts = (*(source.read_bytes() for source in sources), flags.encode(), macros)
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    folder = _folder()
    if folder is None:
        return None
    path = folder / f"{digest[:32]}.so"
    if _seal(path, digest) is None:
        with FileLock(path.with_suffix(".lock")):
            if _seal(path, digest) is None:
                units = [source for source in sources if source.suffix == ".cpp"]
                _make(path, digest, [*command, *flags.split()], units, works)
    seal = _seal(path, digest)
    if seal and seal.fault:
        notes.append(f"the native kernel is off, another one trains: {seal.fault}")
    return path if seal and not seal.fault else None


def told() -> tuple[str, ...]:
    """The notes since they were last told."""
    lines = tuple(dict.fromkeys(notes))
    notes.clear()
    return lines


def compiler() -> list[str] | None:
    """``CXX`` if it is set, else g++ or clang++, as a command; None if there is none."""
    named = shlex.split(os.environ.get("CXX", ""))
    for program in [named[0]] if named else ["g++", "clang++"]:
        path = shutil.which(program)
        if path is not None:
            return [path, *named[1:]]
    return None


def tried(code: str, library: Path) -> FirstLoad:
    """Run Python code on a library in a process of its own, which says what is wrong by a line.

    Args:
        code: it finds the library's path in ``sys.argv[1]``.
        library: the file.
    """
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [here, *sys.path]))
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(library)],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FirstLoad(f"its first load did not end within {LOAD_SECONDS} s", lasting=False)
    if done.returncode == 0:
        return FirstLoad()
    if done.returncode < 0:
        number = -done.returncode
        return FirstLoad(f"it ends its process by {Signals(number).name}", lasting=number not in STOPPED)
    said = (done.stderr.strip().splitlines() or [f"its first load ended with status {done.returncode}"])[-1]
    return FirstLoad(said, lasting=not said.startswith(ELSEWHERE))


def _folder() -> Path | None:
    """The folder of libraries; None where it is not this user's alone."""
    import platformdirs

    folder = platformdirs.user_cache_path("overclaim") / "native"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.lstat()
    if stat.S_ISDIR(state.st_mode) and _is_mine(state) and _is_writable_by_others(state):
        folder.chmod(0o700)  # one of an earlier version, made as the user's mask has it
        state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or not _is_mine(state) or _is_writable_by_others(state):
        notes.append("the native kernel is off: its folder in the cache is not this user's alone")
        return None
    return folder


def _seal(path: Path, digest: str) -> Seal | None:
    """The seal of a library that is whole and this user's alone; None of any other."""
    try:
        for file in (path, path.with_suffix(".json")):
            state = file.lstat()
            if not (stat.S_ISREG(state.st_mode) and _is_mine(state)) or _is_writable_by_others(state):
                return None
        seal = decoded(contents(path.with_suffix(".json"), 2**16), Seal)
        whole = hashlib.sha256(contents(path, LARGEST)).hexdigest() == seal.sha256
    except (OSError, ValueError):
        return None
    return seal if whole and seal.made_of == digest else None


def _make(path: Path, digest: str, command: Sequence[str], units: Sequence[Path], works: Works) -> None:
    """Compile a library, try it, and put it in place with its seal, unless its first load was stopped."""
    if os.path.lexists(path.with_suffix(".json")):
        notes.append("the native kernel's library in the cache was damaged: built again")
    for stale in (path.with_suffix(".json"), path):
        _clear(stale)
    with tempfile.TemporaryDirectory(dir=path.parent) as building:
        made = Path(building, "native.so")
        _compile(command, units, made)
        made.chmod(0o600)
        first = works(made)
        if not first.lasting:
            notes.append(f"the native kernel is off, another one trains: {first.fault}")
            return
        data = made.read_bytes()
        seal = Seal(made_of=digest, sha256=hashlib.sha256(data).hexdigest(), fault=first.fault)
        for name, content in ((path.name, data), (path.with_suffix(".json").name, msgspec.json.encode(seal))):
            draft = Path(building, name)
            with open(draft, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(0o600)
            draft.replace(path.parent / name)


def _compile(command: Sequence[str], units: Sequence[Path], made: Path) -> None:
    """Compile units side by side, for other processes wait for them, and link them.

    Raises:
        subprocess.SubprocessError: the compiler fails.
    """
    from concurrent.futures import ThreadPoolExecutor

    def run(*arguments: str) -> None:
        subprocess.run([*command, *arguments], capture_output=True, check=True, timeout=COMPILE_SECONDS)

    objects = [str(made.with_name(f"{unit.stem}.o")) for unit in units]
    with ThreadPoolExecutor(len(units)) as side_by_side:
        list(side_by_side.map(lambda unit, to: run("-c", str(unit), "-o", to), units, objects))
    run(*objects, "-o", str(made))


def _clear(path: Path) -> None:
    """Make room for a file: what is no file is moved, not removed."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}"))
    else:
        path.unlink(missing_ok=True)


def _is_mine(state: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or state.st_uid == os.geteuid()


def _is_writable_by_others(state: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and bool(state.st_mode & 0o022)
