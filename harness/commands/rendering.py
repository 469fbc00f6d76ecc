"""Files beside a stranger's report, held against what is rendered from it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import trees
from harness.report.audit import MOST, Audited, Finding, same_rendering, shown

if TYPE_CHECKING:
    from harness.evidence.schema import Report

RENDERED = ("badge.json", "report.md", "report.html")
PAGES = "pages"
"""The folder of what ``report.html`` links to."""


def hold(done: Audited, report: Report, folder: Path, tree: Path) -> None:
    """Hold the files beside a report against what is rendered of it, by the code here or its commit's."""
    from harness.spec.untrusted import contents

    beside = {name: folder / name for name in _names(folder)}
    if not beside:
        return
    try:
        here = _renders(report)
    except Exception as error:  # what is told may fit nothing that a renderer expects
        done.findings.append(Finding(where="report.json", says=f"it cannot be rendered: {shown(str(error))}"))
        return
    there: dict[str, bytes] | None = None
    for name, file in beside.items():
        try:
            data = contents(file, MOST)
        except OSError as error:
            done.findings.append(Finding(where=name, says=f"cannot be read: {error.strerror or error}"))
            continue
        same = name in here and same_rendering(name, data, here[name])
        if not same and tree != Path.cwd():
            there = _renders_there(report, tree) if there is None else there
            same = name in there and same_rendering(name, data, there[name])
        if not same:
            done.findings.append(Finding(where=name, says="is not what is rendered from report.json"))
        elif name in RENDERED:
            done.files.append(name)
    wrong = {finding.where for finding in done.findings}
    if any(name not in RENDERED for name in beside) and not wrong & {*beside} - {*RENDERED}:
        done.files.append(PAGES)


def _names(folder: Path) -> list[str]:
    """What lies beside a report and may be rendered from it: files by their path from the folder."""
    pages = (path for path in sorted((folder / PAGES).rglob("*")) if path.is_file() or path.is_symlink())
    return [*(n for n in RENDERED if (folder / n).exists()), *(str(p.relative_to(folder)) for p in pages)]


def _renders(report: Report) -> dict[str, bytes]:
    """All files as they are rendered from a report by the code here; figures without what is drawn."""
    from harness.report import badge, html, markdown
    from harness.report.contents import gather

    page = gather([report])
    whole = html.Site(page)
    files = {**whole.pages_as_written(), **dict.fromkeys(whole.figures(), "")}
    return {
        "badge.json": badge.render(page),
        "report.md": markdown.render(page).encode(),
        **{name: text.encode() for name, text in files.items()},
    }


def _renders_there(report: Report, tree: Path) -> dict[str, bytes]:
    """All files as the code of another tree renders them; none where it fails."""
    from harness.evidence.schema import encode

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "report.json", Path(folder) / "out"
        source.write_bytes(encode(report))
        trees.ran([sys.executable, "-m", "harness", "report", str(source), "--out", str(out)], tree)
        return {name: (out / name).read_bytes() for name in _names(out)}
