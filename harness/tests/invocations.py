"""Everything that can be written wrongly on the command lines: what is written, and words that must be said.

A row is one invocation: of ``python -m harness`` by the name of its command, of pytest by "pytest". The words
are a pattern that the one line of error must hold: the cause, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.tests.reports import claim, report
from harness.tests.suites import write_claims

LONG = "x" * 300
LESS = (
    r"or leave|leave it out|give another|give a directory|use another|fetch or export|check its path|name one"
)


class Invocation(NamedTuple):
    """A command line, the variables set for it, and the pattern of the line it must end with."""

    line: tuple[str, ...]
    says: str
    variables: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        shown = [part if part and part != LONG else "LONG" if part else "''" for part in self.line]
        return " ".join([*(f"{name}={value}" for name, value in self.variables), *shown])


CLAIMS = """
from harness import Experiment, Sgd
from harness.data import Cifar10
from harness.models import Mlp

@claim(PAPER, "S1", says="x is large", reported="words", adapted={"quick": "small", "full": "none"})
@trained(x=Tiers(quick=about(1.0), full=Experiment(Cifar10(n=100), Mlp(8), Sgd(lr=0.1, epochs=2))))
@control(says="no shift", x=Tiers(quick=NULL, full=Experiment(Cifar10(n=50), Mlp(8), Sgd(lr=0.1, epochs=2))))
def test_large(x, check):
    check(above(x.final("x" if "x" in x.measures else "test_error"), -9.0, because="small"))
"""

MINE = """
import math

from harness.models import Mlp


class NeedsOne:
    def __init__(self, x):
        pass


class Nothing:
    pass


class Explodes:
    def __init__(self):
        raise RuntimeError("boom" + chr(10) + "more")


def function():
    pass


NET = Mlp(8)
"""


def write_checkout(folder: Path) -> Path:
    """A checkout with one claim, two reports of nothing in common, and files of every wrong kind."""
    import os

    top = write_claims(folder, CLAIMS)
    for name, text in {
        "text": "words\n", "mine.py": MINE, "broken.py": "def f(:\n", "raises.py": "1 / 0\n",
        "exits.py": "raise SystemExit(3)\n", "empty.npz": "", "page.npz": "<!DOCTYPE html>",
        "half.gz": "", "bad/report.json": "{", "deep/report.json": "[" * 9999, "other/report.json": "{}",
    }.items():  # fmt: skip
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text(text)
    (top / "half.gz").write_bytes(b"\x1f\x8b\x08garbage")
    (top / "empty").mkdir()
    for name, one in (("a", claim()), ("b", claim("another"))):
        (top / name).mkdir()
        (top / name / "report.json").write_bytes(msgspec.json.encode(report(one)))
    os.mkfifo(top / "pipe")
    return top


STORES = {
    "": "empty", "text": "text holds no records|text holds shipped records",
    "half.gz": "half.gz is damaged|half.gz holds shipped records",
    "none.gz": "--store none.gz: no such file of records", LONG: "File name too long",
    "text/below": "Not a directory|no store at|cannot be made",
    "pipe": "not a directory|Not a directory|no store at",
    "/proc/store": "/proc/store: No such file|no store at /proc/store|cannot be made at /proc/store",
}  # fmt: skip
ROOTS = {
    "": "empty", "nowhere": "--data-root nowhere: no such directory", LONG: "File name too long",
    "text": "--data-root text: no such directory", "text/below": "no such directory",
    "pipe": "--data-root pipe: no such directory",
}  # fmt: skip
DEVICES = dict.fromkeys(
    ("", "nonsense", "cuda:x", "cpu:7", "cpu:", "CPU", "cuda:-1", "cuda:", "gpu", "mps", "0", "cuda 1"),
    "use cpu, cuda or cuda:0",
) | {"cuda:9": "sees no GPU here"}
TO_COMPUTE = DEVICES | {"cuda": "sees no GPU here; use another or --device cpu"}
"""What only computing needs: a plan is made for GPUs that are elsewhere, too."""
ONS = {
    "": "use ray, or ray=HOST:PORT", "dask": "use ray, or ray=HOST:PORT", "ray=": "use ray, or ray=HOST:PORT",
    "ray=head": "no HOST:PORT", "ray=head:x": "no HOST:PORT",
    "ray=ray://head:1": "on a machine of the cluster",
    "ray=127.0.0.1:1": "nothing answers at 127.0.0.1:1|needs Ray, which is not installed",
}  # fmt: skip
COUNTS = dict.fromkeys(("0", "-1", "x", "1.5", "", "²", "1e3"), "is not a number from 1 up")
ABSENT = {
    "nowhere": "nowhere: No such file", "empty": "report.json: No such file", "text": "not a report",
    "bad": "bad/report.json: not a report", "deep": "not a report", "other": "not a report",
    "pipe": "pipe: not a regular file", LONG: "File name too long", "": "empty path",
}  # fmt: skip
TIERS = dict.fromkeys(
    ("quickly", "Quick", "", "quick,standard", "standrad", "all"), "one of quick, standard, full"
)
WORDS = {
    "no_such": r"matches -k 'no_such'.*python -m harness list", "": "leave -k out", " ": "leave -k out",
    "and and": "Wrong expression passed to '-k'", "(": "Wrong expression", "a==b": "Wrong expression",
}  # fmt: skip
VARIABLES = {
    ("HARNESS_STORE", "text"): "text holds no records", ("HARNESS_STORE", "half.gz"): "half.gz is damaged",
    ("HARNESS_STORE", "none.gz"): "HARNESS_STORE none.gz: no such file",
    ("HARNESS_DATA", "nowhere"): "HARNESS_DATA nowhere: no such directory",
    ("HARNESS_DATA", "text"): "HARNESS_DATA text: no such directory",
    ("HARNESS_NATIVE", "off"): "HARNESS_NATIVE=off: use 0 or 1", ("HARNESS_NATIVE", "false"): "use 0 or 1",
    ("HARNESS_NATIVE", "no"): "use 0 or 1", ("HARNESS_KERNEL", "fast"): "use reference, or unset it",
    ("HARNESS_RANKS", "0"): "a number from 1 up", ("HARNESS_RANKS", "x"): "a number from 1 up",
    ("HARNESS_LOADERS", "-1"): "a number from 0 up", ("HARNESS_STOER", "s"): "nothing reads it: unset it",
    ("HARNESS_TIER", "full"): "nothing reads it: unset it",
}  # fmt: skip


def _each(line: Iterable[str], option: str, wrong: dict[str, str]) -> Iterator[Invocation]:
    """A row for each wrong value of an option, or of an argument where the option is ""."""
    before = (*line, option) if option else tuple(line)
    yield from (Invocation((*before, value), says) for value, says in wrong.items())


def _of_selections() -> Iterator[Invocation]:
    for command in ("plan", "train"):
        yield from _each([command], "", TIERS)
        yield from _each([command], "-k", WORDS)
        yield from _each([command], "--store", STORES)
        yield from _each([command], "--data-root", ROOTS)
        yield from _each([command], "--device", TO_COMPUTE if command == "train" else DEVICES)
        yield from _each([command], "--processes", COUNTS)
        yield Invocation((command, "standard"), "no claim of tier standard")
        yield Invocation((command, "full", "-k", "small"), "no claim of tier full matches -k 'small'")
        yield Invocation((command, "-k"), "expected one argument")
    yield from _each(["train"], "--on", ONS)
    yield Invocation(("train", "--on", "ray", "--device", "cuda:1"), "with --on ray use cuda")
    yield from _each(["list"], "-k", WORDS)
    yield from _each(["list", "--json", "--reports"], "", {
        "": "empty path", "nowhere": "--reports nowhere: no such folder", "text": "--reports text: no such",
        "bad": "bad: no report of a tier in it", "empty": "empty: no report of a tier in it",
    })  # fmt: skip
    yield Invocation(("list", "--reports", "a"), "--reports is for --json: leave it out, or add --json")
    yield from _each(["doctor"], "", TIERS)
    yield from _each(["doctor"], "--data-root", ROOTS)
    yield from _each(["doctor"], "--device", DEVICES)
    yield Invocation(("list", "quick"), "unrecognized arguments: quick")
    yield Invocation(("list", "-m", "quick"), "unrecognized arguments: -m quick")
    for (name, value), says in VARIABLES.items():
        yield Invocation(("plan",), says, ((name, value),))


def _of_reports() -> Iterator[Invocation]:
    yield Invocation(("report",), "give folders to render, or --diff A B")
    yield from _each(["report"], "", ABSENT)
    yield from _each(["report", "--diff", "a"], "", ABSENT)
    yield from _each(["report", "a"], "--out", {
        "": "empty path", "text": "text: File exists", "text/b": "Not a directory",
        "/proc/x": "/proc/x: No such",
    })  # fmt: skip
    yield from (
        Invocation(tuple(line.split()), says)
        for line, says in {
            "report a --json": "--json and --markdown are for --diff",
            "report --check": "expected at least one argument", "report --check a a": "a is given twice",
            "report b --check a": "give folders to render, or", "report --check a --out x": "--out is for",
            "report --check a --diff a b": "give folders to render, or", "report --csv": "give folders",
            "report --check a --markdown": "are for --diff", "report --check a --csv": "--csv is of",
            "report --diff a a --csv": "--csv is of", "report a --csv --out x": "--csv prints, so",
            "report a --csv --json": "not allowed",
            "report a --data-root .": "--data-root is for --check",
            "report a --markdown": "--json and --markdown are for --diff", "report a a": "a is given twice",
            "report --diff": "expected 2 arguments", "report --diff a": "expected 2 arguments",
            "report --diff a b": "no claim has a result in both reports",
            "report --diff a a --out x": "--out is for rendering",
            "report --diff a a --json --markdown": "not allowed with", "report b --diff a a": "give folders",
            "report --out x": "give folders to render", "report --diff a a b": "unrecognized|give folders",
        }.items()
    )  # fmt: skip
    yield from _each(["report", "--check"], "", ABSENT)
    yield from _each(["report", "--check", "b", "--data-root"], "", ROOTS)


def _of_bundles_and_audits() -> Iterator[Invocation]:
    yield from _each(["report", "bundle"], "", ABSENT)
    yield from _each(
        ["report", "bundle", "a", "--license"], "", {"": "no SPDX", "GPL 3": "no SPDX identifier"}
    )
    yield from _each(["report", "bundle", "a", "--out"], "", {
        "": "empty path", "text": "--out text: a file is there", "b": "a folder that holds something else",
    })  # fmt: skip
    yield from _each(["report", "audit"], "", ABSENT)
    yield from _each(["report", "audit", "a", "--records"], "", {
        "": "empty path", "nowhere": "nowhere: No such file.*or by --records", "text": "holds no records",
        "half.gz": "half.gz is damaged", "pipe": "not a regular file", "empty": "empty: Is a directory",
    })  # fmt: skip
    yield from _each(["report", "audit", "a", "--again"], "", COUNTS)
    yield from _each(["report", "audit", "b", "--data-root"], "", ROOTS)
    yield from (
        Invocation(tuple(line.split()), says)
        for line, says in {
            "report bundle": "required: DIR", "report bundle a b": "unrecognized arguments: b",
            "report bundle a": "records.jsonl.gz: no records beside the report",
            "report audit": "required: DIR", "report audit a b": "unrecognized arguments: b",
            "report audit a": r"records.jsonl.gz: No such file.*beside it, or by --records FILE",
            "report audit a --out x": "unrecognized arguments: --out x",
            "report audit a --store x": "unrecognized arguments: --store x",
        }.items()
    )  # fmt: skip
    yield from _each(["fresh"], "", TIERS)
    yield from _each(
        ["fresh", "quick", "--first"], "", {"x": "from 0 up", "50": "begin at 3000", "-1": "from 0"}
    )
    yield from _each(["fresh", "quick", "--against"], "", ABSENT)
    yield Invocation(("fresh",), "required: TIER")
    yield Invocation(("fresh", "quick", "-k", ""), "leave -k out")


def _of_stores() -> Iterator[Invocation]:
    for action in (("ls",), ("verify",), ("gc",), ("export", "a")):
        yield from _each(["store", *action], "--store", STORES)
    yield from _each(["store", "gc"], "", TIERS)
    yield from _each(
        ["store", "carry", "--from"],
        "",
        {"": "a commit or a file", "none": "git|commit", "text": "text holds no records"},
    )
    yield from _each(["store", "carry", "--from", "HEAD", "--sample"], "", COUNTS)
    yield from _each(["store", "carry", "--from", "HEAD", "--seed"], "", {"x": "invalid int value: 'x'"})
    yield from _each(["store", "export", "a", "--out"], "", {"": "empty path"})
    yield from _each(
        ["store", "export"], "", {"nowhere": "nowhere: No such file", "bad": "not a report", "": "empty"}
    )
    yield from (
        Invocation(tuple(line.split()), says)
        for line, says in {
            "store": "required: ls|verify", "store list": "invalid choice: 'list'",
            "store ls more": "unrecognized arguments: more", "store export": "required: REPORT_DIR",
            "store carry": "required: --from", "store verify --data-root a": "unrecognized arguments",
        }.items()
    )  # fmt: skip


def _of_data() -> Iterator[Invocation]:
    yield from _each(["data", "gc"], "--data-root", ROOTS)
    for action in ("list", "verify"):
        yield from _each(["data", action], "--data-root", ROOTS)
        yield from _each(
            ["data", action], "", {"mnits": "one of mnist, cifar10", "": "one of mnist", "CIFAR10": "one of"}
        )
    for name in ("cifar10", "mnist", "imagenet"):
        yield Invocation(("data", "list", name), "give --data-root")
    yield Invocation(("data", "verify"), "no collection is here: python -m harness data list")
    yield Invocation(("data", "get", "imagenet"), "cannot be downloaded without an account: put")
    yield from _each(["data", "get"], "", {"mnits": "one of mnist, cifar10"})
    yield from _each(
        ["data", "get", "mnist", "--data-root"], "", {"text": "File exists.: check", "/proc/x": "check the"}
    )
    digests = {
        "nowhere": "no such file or folder", "": "empty path",
        "text": "it is no npz file, but something else",
        "empty": "neither an npz file nor", "empty.npz": "an empty file",
        "page.npz": "no npz file, but something",
        "pipe": "no such file", LONG: "File name too long",
    }  # fmt: skip
    yield from _each(["data", "digest"], "", digests)
    yield Invocation(("data", "digest"), "required: PATH")
    yield Invocation(("data",), "required: list|get|verify|digest|gc")
    yield Invocation(("data", "see"), "invalid choice: 'see'")


def _of_checks() -> Iterator[Invocation]:
    named = {
        "": "give FILE:NAME", "mine.py": "give FILE:NAME", "mine.py:": "give FILE:NAME",
        ":x": "give FILE:NAME",
        "mine.py:no": "mine.py has no no", "no.py:x": "no file no.py", "no.module:x": "cannot be imported",
        "broken.py:f": "SyntaxError", "raises.py:f": "ZeroDivisionError", "exits.py:f": "SystemExit",
        "mine.py:function": "is a function: name a class or a value", "mine.py:math": "is a module: name a",
        "mine.py:NeedsOne": "cannot be made without arguments", "mine.py:Explodes": "arguments .boom.",
        "mine.py:Nothing": "nothing that a claim can use", "empty:x": "empty has no x", "text:x": "No module",
    }  # fmt: skip
    yield from _each(["check"], "", named)
    shapes = dict.fromkeys(("x", "0,1,1", "", "8;8", "1,8,"), "is not a shape such as 3,32,32")
    yield from _each(["check", "mine.py:NET", "--shape"], "", shapes)
    yield from _each(["check", "mine.py:NET", "--classes"], "", COUNTS)
    yield from _each(["check", "mine.py:NET", "--data-root"], "", ROOTS)
    yield Invocation(
        ("check", "mine.py:NET", "--data-root", "empty"), "--data-root has no effect: mine.py:NET reads"
    )
    yield Invocation(("check",), "required: FILE:NAME")
    yield Invocation(("check", "mine.py:NET", "more"), "unrecognized arguments: more")


def _of_all() -> Iterator[Invocation]:
    yield Invocation((), "required: list|plan")
    yield from _each(
        [], "", {"lists": "invalid choice: 'lists'", "": "invalid choice", "--version": "required"}
    )
    for command in ("list", "plan", "rehearse", "train", "report", "doctor"):
        yield Invocation((command, "--nonsense"), "unrecognized arguments: --nonsense")


def _of_pytest() -> Iterator[Invocation]:
    judged = ("pytest", "claims")
    yield from _each(judged, "--store", STORES)
    yield from _each(judged, "--data-root", ROOTS)
    yield from _each(judged, "--device", TO_COMPUTE)
    yield from _each(judged, "--on", ONS)
    yield Invocation((*judged, "--on", "ray", "--device", "cuda:1"), "with --on ray use cuda")
    yield Invocation((*judged, "--on", "ray", "-n", "2"), "--on ray has the cluster train for one session")
    yield Invocation((*judged, "--on", "ray", "--no-train"), "--on is about training, and --no-train trains")
    yield Invocation((*judged, "--on", "ray", "--store", "half.gz"), "--on has no effect with --store FILE")
    yield from _each(
        judged,
        "--report",
        {
            "": "--report is empty",
            "text": "--report text: cannot write there",
            "text/b": "cannot write there",
            "/proc/x": "cannot write there",
        },
    )
    yield from _each(
        judged,
        "--first-replicate",
        {
            "-1": "begin at 3000",
            "50": "begin at 3000",
            "1000": "begin at",
            "9999999999": "replicates begin below",
            "x": "invalid int value",
        },
    )
    yield from _each(judged, "-k", WORDS | {"no_such": r"nothing is selected: .* matches -k no_such"})
    yield from _each(judged, "-m", {
        "nonsense": "nonsense", "quick and": "Wrong expression passed to '-m'", "": "-m is empty",
        "standard": "nothing is selected: no item of 2 matches -m standard", "quikc": "quikc",
        "quick and full": "nothing is selected", "not quick and not full": "nothing is selected",
    })  # fmt: skip
    yield from _each(["pytest"], "", {
        "nofile.py": "file or directory not found: nofile.py", "claims/no.py": "file or directory not found",
        "claims/test_tiny.py::test_no": "not found: .*claims/test_tiny.py::test_no",
        "claims/test_tiny.py::test_large[huge]": "not found",
    })  # fmt: skip
    for option in ("--lf", "--ff", "--nf", "--sw"):
        yield Invocation((*judged, option), f"{option} needs pytest's cache")
    yield Invocation((*judged, "--deselect", "nothing"), "--deselect nothing: no test's id begins so")
    yield Invocation((*judged, "--ignore", "nowhere"), "--ignore nowhere: no such file")
    yield Invocation((*judged, "-n", "-1"), "a number of workers from 0 up")
    yield Invocation((*judged, "--nonsense"), "unrecognized arguments: --nonsense")
    yield Invocation(
        (*judged, "--store", "half.gz", "--data-root", "."), "--data-root has no effect with --store FILE"
    )
    yield Invocation(
        (*judged, "--store", "half.gz", "--device", "cuda"), "--device has no effect with --store FILE"
    )
    yield Invocation((*judged, "--store", "half.gz", "--fresh"), "leave one of them out")
    for option in ("--plan", "-q", "--collect-only"):
        yield Invocation((*judged, "--costs", option), "--costs is told below verdicts: leave out -q")
    for (name, value), says in VARIABLES.items():
        yield Invocation(judged, says, ((name, value),))


WRONG = (
    *_of_all(), *_of_selections(), *_of_reports(), *_of_bundles_and_audits(), *_of_stores(), *_of_data(),
    *_of_checks(), *_of_pytest(),
)  # fmt: skip
