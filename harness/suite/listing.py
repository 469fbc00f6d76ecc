"""Every claim there is, found by pytest's own collection, in process and without training anything."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import deselect_by_keyword

from harness.spec import TIERS
from harness.suite.entries import claim_id, claim_of, is_claim, is_tested, tier_of


class Uncollected(ValueError):
    """The claims cannot be collected: a file does not import, or ``-k`` is no expression."""

    status = 2


class _Collector:
    def __init__(self) -> None:
        self.items: list[Any] = []

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
        raise ValueError("no folder claims/ here; run it at the top of a checkout")
    collector = _Collector()
    said = io.StringIO()
    os.environ.setdefault(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # start-up: none of them matters to a listing
    arguments = ["--collect-only", "-qq", "claims", "--rootdir", str(root), *(["-k", words] if words else [])]
    with contextlib.redirect_stdout(said), tempfile.TemporaryDirectory() as nowhere:
        # a store of its own: collecting needs none, and the user's may be out of reach
        options = ["--store", nowhere, "-o", "addopts="]
        status = int(pytest.main([*arguments, *options], plugins=[collector]))
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        print(said.getvalue(), file=sys.stderr)
        raise Uncollected("the claims cannot be collected: see above")
    return [item for item in collector.items if tier_of(item) in tiers]


def collected(root: Path, words: str = "") -> list[dict[str, Any]]:
    """Claims below ``root/claims`` as plain data, one entry per claim over all its tiers.

    Raises:
        Uncollected, ValueError: as ``functions``.
    """
    listed: dict[str, dict[str, Any]] = {}
    for item in functions(root, words=words):
        claim = claim_of(item)
        entry = listed.setdefault(
            claim_id(item),
            {
                "id": claim_id(item),
                "paper": claim.paper.key,
                "where": claim.where,
                "says": claim.says,
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
        entry["run"][tier] = f'python -m pytest "{item.nodeid}"'
    return list(listed.values())
