"""Options of pytest's command line that would have no effect: refused in one line, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from harness.lab.allotted import allotted

CACHED = {"lf": "--lf", "failedfirst": "--ff", "newfirst": "--nf", "stepwise": "--sw"}
"""Options that remember the last session, in pytest's cache."""


def require_effects(config: pytest.Config) -> None:
    """Refuse what nothing would read.

    Raises:
        pytest.UsageError: the first such option, with what to do instead (one line).
    """
    if not hasattr(config, "workerinput"):
        for refusal in (*_empty(config), *_without_effect(config)):
            raise pytest.UsageError(refusal)


def undeselected(config: pytest.Config, deselected: Sequence[str]) -> str:
    """A ``--deselect`` that took nothing out, in one line; empty if each did.

    Args:
        config: of the session; deselected: the ids of all tests that were left out, claims or not.
    """
    for prefix in config.getoption("deselect") or ():
        if not any(node.startswith(prefix) for node in deselected):
            return f"--deselect {prefix}: no test's id begins so; --collect-only -q lists the ids"
    return ""


def _empty(config: pytest.Config) -> Iterator[str]:
    """What was given as nothing, by a variable that is not set, say."""
    option = config.option
    for name, value in (
        ("--store", option.store),
        ("--data-root", option.data_root),
        ("--report", option.report),
    ):
        if value == "":
            yield f"{name} is empty: name a path, or leave it out"
    arguments = [str(argument) for argument in config.invocation_params.args]
    for name, value in pairwise(arguments):
        if name in ("-k", "-m") and not value.strip():
            yield f"{name} is empty, which would select everything: leave {name} out"


def _unlike_time(text: str) -> Iterator[str]:
    try:
        allotted(text)
    except ValueError as error:
        yield f"--max-time: {error}"


def _without_effect(config: pytest.Config) -> Iterator[str]:
    option = config.option
    training = (
        ("--plan", option.plan), ("--fresh", option.fresh),
        ("--max-time", option.max_time), ("--on", option.on),
    )  # fmt: skip
    for name, value in training:
        if value and option.no_train:
            yield f"{name} is about training, and --no-train trains nothing: leave one of them out"
    if option.max_time is not None:
        yield from _unlike_time(option.max_time)
        if option.plan or option.collectonly:
            yield "--max-time ends what is trained or judged, and nothing is: leave it out"
    if not config.pluginmanager.has_plugin("lfplugin"):
        for name, said in CACHED.items():
            if getattr(option, name, False):
                yield f"{said} needs pytest's cache: leave out -p no:cacheprovider"
    if option.on and (getattr(option, "numprocesses", None) or getattr(option, "tx", None)):
        yield f"--on {option.on} has the cluster train for one session: leave -n out"
    if option.costs and (option.plan or option.collectonly or option.verbose < 0):
        yield "--costs is told below verdicts: leave out -q, --plan and --collect-only"
    if getattr(option, "forked", False):
        yield "--forked judges claims in processes that cannot say what they read: leave it out"
    if (getattr(option, "numprocesses", None) or 0) < 0:
        yield f"-n {option.numprocesses}: a number of workers from 0 up"
    if option.store and Path(option.store).is_file():
        if option.data_root:
            yield "--data-root has no effect with --store FILE, whose records need no data: leave it out"
        if option.on:
            yield "--on has no effect with --store FILE, of which nothing is trained: leave it out"
        if option.device != "cpu":
            yield "--device has no effect with --store FILE, of which nothing is trained: leave it out"
    for path in option.ignore or ():
        if not (config.invocation_params.dir / path).exists():
            yield f"--ignore {path}: no such file or folder"
