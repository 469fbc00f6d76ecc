"""The code of another commit: its tree beside this one, and what its code says there."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.commands import at_commit
from harness.lab.provenance import CODE

if TYPE_CHECKING:
    from harness.lab.shipped import Header

COMMIT = re.compile(r"[0-9a-f]{40}")


class CodeName(msgspec.Struct, frozen=True):
    """What a commit's code says of one experiment.

    Attributes:
        address, sources: its name, and the (name, digest) of each collection it reads.
        told: its specification in the words of the records' header.
        believed: its data is not here: the digests are those of the header.
        of: the address of the training that it reads, if it is a probe; else its own.
    """

    address: str
    sources: tuple[tuple[str, str], ...]
    told: str
    believed: bool
    of: str


class CodeNames(msgspec.Struct, frozen=True):
    """How a commit's code names the experiments of its claims, by specification, and its classes' fields."""

    names: dict[str, CodeName]
    fields: dict[str, tuple[str, ...]]


@contextlib.contextmanager
def of(commit: str) -> Iterator[tuple[Path, str]]:
    """A checkout of a commit beside this one, and the commit's full name.

    Raises:
        ValueError: this is no git checkout, or it has no such commit.
    """
    whole = git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").strip()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git("worktree", "add", "--detach", "--quiet", str(tree), whole)
        try:
            yield tree, whole
        finally:
            git("worktree", "remove", "--force", str(tree))


@contextlib.contextmanager
def trusted(commit: str) -> Iterator[Path]:
    """The tree of a commit that a stranger named: this checkout where its code is the same, else one beside.

    Only commits of this checkout's own history are trusted: code that was merely fetched is not run.

    Raises:
        ValueError: the commit is none, is unknown here, or is not in the history of what is checked out.
    """
    if not COMMIT.fullmatch(commit):
        raise ValueError(f"{commit[:60]!r} is no commit: nothing says by which code it was judged")
    if not answers("cat-file", "-e", f"{commit}^{{commit}}"):
        raise ValueError(f"commit {commit[:12]} is not in this checkout: fetch it, or judge by the code here")
    if not answers("merge-base", "--is-ancestor", commit, "HEAD"):
        raise ValueError(
            f"commit {commit[:12]} is not in the history of what is checked out here: check it out if you "
            "trust its code"
        )
    if is_here(commit):
        yield Path.cwd()
        return
    with of(commit) as (tree, _):
        yield tree


def is_here(commit: str) -> bool:
    """Whether the code that is checked out here is that of a commit, to the byte."""
    code = [f":(top){files}" for files in CODE]
    same = answers("diff", "--quiet", commit, "--", *code)
    return same and not git("status", "--porcelain", "--untracked-files=all", "--", *code).strip()


def git(*arguments: str) -> str:
    """What git says.

    Raises:
        ValueError: it failed; the line is its last.
    """
    done = _git(*arguments)
    if done.returncode:
        cause = done.stderr.strip().splitlines() or ["no such commit in this checkout"]
        raise ValueError(f"git {arguments[0]} {arguments[-1]}: {cause[-1]}")
    return done.stdout


def answers(*arguments: str) -> bool:
    """Whether git answers a question with yes."""
    return _git(*arguments).returncode == 0


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ValueError(f"git cannot be run: {error.strerror}") from None


def told(tree: Path, *arguments: str) -> Any:
    """What ``at_commit.py`` says inside a tree.

    Raises:
        ValueError: it failed; the line is its last.
    """
    script = Path(at_commit.__file__).resolve()
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=tree, env=environment(tree), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(f"that commit's code failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return msgspec.json.decode(done.stdout.strip().splitlines()[-1])


def names(tree: Path, data_root: Path, header: Header) -> CodeNames:
    """How a tree's code names what its claims read; of data that is not here by the digests of a header.

    Raises:
        ValueError: the code failed (one line).
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "told.json"
        asked.write_bytes(shipped_data(header))
        return msgspec.convert(told(tree, "names", str(data_root), str(asked)), CodeNames)


def shipped_data(header: Header) -> bytes:
    """What a header says of the data of its experiments, as ``at_commit.py`` reads it."""
    known = {what: named.sources for what, named in header.names.items() if named.sources}
    return msgspec.json.encode({"fields": header.fields, "sources": known})


def ran(command: list[str], tree: Path) -> tuple[int, str]:
    """A command of a tree's code, untouched by variables of this process that change what is judged."""
    kept = {name: value for name, value in environment(tree).items() if not _changes(name)}
    done = subprocess.run(
        command, cwd=tree, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def _changes(name: str) -> bool:
    return name.startswith(("HARNESS_", "PYTEST_"))


def environment(tree: Path) -> dict[str, str]:
    """The variables of this process, by which Python finds the code of a tree first."""
    path = os.pathsep.join(filter(None, [str(tree), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}
