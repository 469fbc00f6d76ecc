"""What a claim file that does not import says: one line where the vocabulary of claims refused something."""

from __future__ import annotations

import os
import re
import types
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest._code.code import ReprFileLocation
from _pytest.reports import CollectErrorRepr

from harness.judging.lines import frames
from harness.judging.rehearsal import said
from harness.suite.entries import is_claim

TEST = re.compile(r"^def (test_\w+)", re.MULTILINE)


def shortened(collector: pytest.Collector, report: pytest.CollectReport) -> pytest.CollectReport:
    """The report of a file that does not import: ``file:line: what`` where a call into the harness failed.

    What else fails is left as pytest tells it, with the lines around.
    """
    error = getattr(getattr(report, "call", None), "excinfo", None)
    if not isinstance(collector, pytest.Module) or error is None:
        return report
    raised = frames(error.value)
    of_file = [frame for frame in raised if frame.tb_frame.f_code.co_filename == str(collector.path)]
    if of_file and _is_ours(raised[-1]) and not _is_ours(of_file[-1]):
        line, text = of_file[-1].tb_lineno, said(error.value)
        short = CollectErrorRepr(f"{collector.nodeid}:{line}: {text}")
        short.reprcrash = ReprFileLocation(collector.nodeid, line, text)  # type: ignore[attr-defined]
        report.longrepr = short
    return report


def stopped(collector: pytest.Collector) -> pytest.CollectReport:
    """The report of a file that ends the process while it is imported."""
    text = f"{collector.nodeid}: SystemExit while it was imported"
    return pytest.CollectReport(collector.nodeid, "failed", text, None)


def hidden(items: Sequence[pytest.Item]) -> dict[str, str]:
    """Node id of a claim's item -> ``file:line: what`` where another test of its file has its name."""
    by_file: dict[Path, list[pytest.Function]] = {}
    for item in items:
        if is_claim(item):
            by_file.setdefault(item.path, []).append(item)
    hidden = {}
    for path, claims in by_file.items():
        for name, line in _twice(path).items():
            for item in claims:
                if item.originalname == name:
                    shown = os.path.relpath(path, item.config.rootpath)
                    hidden[item.nodeid] = f"{shown}:{line}: a second {name} in this file: it hides the first"
    return hidden


def _twice(path: Path) -> dict[str, int]:
    """Names that stand for two functions of a module -> line of the last."""
    import ast

    try:
        text = path.read_text(encoding="utf-8")
        names = TEST.findall(text)
        if len(names) == len(set(names)):
            return {}
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return {}
    lines: dict[str, list[int]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            lines.setdefault(node.name, []).append(node.lineno)
    return {name: at[-1] for name, at in lines.items() if len(at) > 1}


def _is_ours(frame: types.TracebackType) -> bool:
    module = frame.tb_frame.f_globals.get("__name__", "")
    return module == "harness" or module.startswith("harness.")
