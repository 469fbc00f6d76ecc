"""Every claim there is, found by pytest's own collection, in process and without training anything."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from _pytest.mark import deselect_by_keyword

from harness.spec import TIERS
from harness.suite.entries import PLUGIN, claim_id, claim_of, command_of, is_claim, is_tested, tier_of

NOWHERE = (
    "no folder claims/ here: run it at the top of a checkout, or of a repository of your own claims; "
    f"installed ones are judged by python -m pytest -p {PLUGIN} --pyargs claims -m quick"
)


class Uncollected(ValueError):
    """The claims cannot be collected: a file does not import, or ``-k`` is no expression."""

    status = 2


class Unselected(ValueError):
    """No claim is what was asked for."""

    status = 2


class _Collector:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.failed: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(_reason(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[Any], config: pytest.Config) -> None:
        # taken before tiers are deselected, then emptied: nothing is planned, so no data is looked for
        deselect_by_keyword(items, config)
        self.items = [item for item in items if is_claim(item) and is_tested(item)]
        items.clear()


def functions(root: Path, tiers: Collection[str] = TIERS, words: str = "") -> list[Any]:
    """The collected pytest functions of the claims below ``root/claims``, an item per tier and parameters.

    Args:
        root: top of a checkout.
        tiers: only items of these.
        words: only items that match, as with pytest's ``-k``.

    Raises:
        Uncollected: a file does not import, or ``words`` is no expression; pytest's output says which.
        ValueError: there are no claims at ``root``.
    """
    if not (root / "claims").is_dir():
        raise ValueError(NOWHERE)
    collector = _Collector()
    said = io.StringIO()
    os.environ.setdefault(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # start-up: none of them matters to a listing
    arguments = ["--collect-only", "-qq", "claims", "--rootdir", str(root), *(["-k", words] if words else [])]
    quiet = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
    with quiet[0], quiet[1], tempfile.TemporaryDirectory() as nowhere:
        # a store of its own: collecting needs none, and the user's may be out of reach
        # and the plugin, also where no conftest.py loads it
        options = ["--store", nowhere, "-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN]
        status = int(pytest.main([*arguments, *options], plugins=[collector]))
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise Uncollected(f"the claims cannot be collected: {_causes(collector.failed, said.getvalue())}")
    return [item for item in collector.items if tier_of(item) in tiers]


def _causes(failed: Sequence[str], said: str) -> str:
    """Why pytest collected nothing, in one line: the first file that failed, or what pytest itself said."""
    if failed:
        return failed[0] + (f" (and {len(failed) - 1} more files)" if len(failed) > 1 else "")
    lines = [line for line in said.splitlines() if line.strip()]
    wrong = [line.partition(": error: ")[2] for line in lines if ": error: " in line]
    wrong += [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    first = (wrong or lines or ["pytest does not say why"])[0]
    raised = [line.removeprefix("E").strip() for line in lines if line.startswith("E  ")]
    return f"{first.rstrip('.')}: {raised[-1]}" if raised else first


def _reason(report: pytest.CollectReport) -> str:
    """Why a file cannot be collected, in one line that begins with the file."""
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    errors = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    told = (errors or lines or ["it cannot be imported"])[-1]
    return told if told.startswith(report.nodeid) else f"{report.nodeid}: {told}"


def selected(root: Path, tiers: Collection[str] = TIERS, words: str = "") -> list[Any]:
    """``functions``, of which there are some.

    Raises:
        Unselected: nothing is what was asked for.
        Uncollected, ValueError: as ``functions``.
    """
    chosen = functions(root, tiers, words)
    if not chosen:
        at = "" if set(tiers) >= set(TIERS) else f" of tier {' or '.join(tiers)}"
        raise Unselected(
            f"no claim{at} matches -k {words!r}: `python -m harness list` names them"
            if words
            else f"no claim{at} is in the folder claims/ here: docs/OWN_CLAIMS.md says how to write one"
        )
    return chosen


def collected(root: Path, words: str = "") -> list[dict[str, Any]]:
    """Claims below ``root/claims`` as plain data, one entry per claim over all its tiers.

    Raises:
        Unselected, Uncollected, ValueError: as ``selected``.
    """
    listed: dict[str, dict[str, Any]] = {}
    for item in selected(root, words=words):
        claim = claim_of(item)
        entry = listed.setdefault(
            claim_id(item),
            {
                "id": claim_id(item),
                "paper": claim.paper.key,
                "where": claim.where,
                "kind": claim.kind.value,
                "says": claim.says,
                "changed": [msgspec.to_builtins(change) for change in claim.changed],
                "tiers": [],  # its own: some parameters are not tested at every tier of their claim
                "adapted": {},
                "control": [control.says for control in getattr(item.function, "controls", ())],
                "expected": {},
                "expected_because": {},
                "run": {},
            },
        )
        tier = tier_of(item)
        entry["tiers"].append(tier)
        entry["adapted"][tier] = claim.adapted[tier]
        expected, because = claim.expects(tier)
        entry["expected"][tier] = expected.value
        entry["expected_because"][tier] = because
        entry["run"][tier] = command_of(item)
    return list(listed.values())
