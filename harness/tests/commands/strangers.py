"""A stranger's report to audit: made in a checkout of one commit, and then tampered with."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.commands import auditing, trees
from harness.commands.exporting import NAME
from harness.report import badge, markdown, render
from harness.report.audit import Audited
from harness.report.contents import gather
from harness.tests.suites import run

CLAIMS = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
    check.draw("Figure 1", series="s", x=[1.0, 2.0], y=x.curve("curve"))

@claim(PAPER, "S2", says="x is larger than no shift", reported="words", adapted=SMALL)
@trained(x=about(2.0), none=NULL)
@control(says="hardly larger", none=about(1.9))
def test_larger(x, none, check):
    check(above(x.final("x") - none.final("x"), 0.5, because="half"))

@claim(PAPER, "S3", says="sums commute", reported="words", adapted=SMALL)
@trained(world=0)
@control(says="one off", world=1)
@given(n=st.integers(0, 100))
def test_exact(world, n):
    assert n + world == n
"""

in_a_process = trees.ran
Change = Callable[[dict[str, Any]], object]


def forked(command: list[str], tree: Path) -> tuple[int, str]:
    """A session as a fork of one that has imported everything already."""
    done = run(tree, *command[3:])
    return done.status, done.text


def audit(folder: Path, **changes: Any) -> Audited:
    options = {"folder": folder, "records": None, "here": False, "again": 0, "data_root": None, "json": False}
    return auditing.audited(argparse.Namespace(**{**options, **changes}))


def lines(done: Audited) -> str:
    return "\n".join(map(str, done.findings))


def rewrite(folder: Path, change: Change, *, rendered: bool = True) -> None:
    """Change ``report.json``, and the files beside it with it, as a forger would who is no fool."""
    content = json.loads((folder / "report.json").read_bytes())
    change(content)
    (folder / "report.json").write_text(json.dumps(content))
    (folder / "report.html").unlink()  # which takes longer to draw than all the rest
    shutil.rmtree(folder / "pages")
    if rendered:
        page = gather(render.load([folder]))
        (folder / "report.md").write_text(markdown.render(page))
        (folder / "badge.json").write_bytes(badge.render(page))


def of(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(claim for claim in content["claims"] if claim["id"].endswith(f"::test_{name}"))


def reseal(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the records' file, header first, and seal every line anew."""
    rows = [json.loads(row)["body"] for row in gzip.decompress((folder / NAME).read_bytes()).splitlines()]
    change(rows)
    rows[0]["records"] = len(rows) - 1
    sealed = []
    for row in rows:
        body = json.dumps(row).encode()
        sealed.append(b'{"sha256":"%s","body":%s}' % (hashlib.sha256(body).hexdigest().encode(), body))
    (folder / NAME).write_bytes(gzip.compress(b"\n".join(sealed) + b"\n"))
