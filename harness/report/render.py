"""Report values written as files, and report files read back as values."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.evidence.schema import Report, decode, encode
from harness.report import badge, html, markdown
from harness.report.contents import gather
from harness.report.drawings import KeptDrawings
from harness.spec.untrusted import contents

REPORT_FILES = ("report.json", "report.md", "report.html", "badge.json")
"""What a report's folder gets, beside the folder of further pages."""


def load(paths: Iterable[str | Path]) -> tuple[Report, ...]:
    """Read ``report.json`` files, or the directories that hold one each.

    Raises:
        ValueError: one line, which names the file: missing, unreadable, or not a report of this schema.
    """
    return tuple(_load(Path(path)) for path in paths)


def _load(path: Path) -> Report:
    file = path / "report.json" if path.is_dir() else path
    try:
        return decode(contents(file))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def keep(report: Report, directory: Path) -> None:
    """Write ``report.json`` alone: what was judged, before anything is rendered of it.

    Raises:
        ValueError, OSError: as ``write``.
    """
    data = encode(report)
    directory.mkdir(parents=True, exist_ok=True)
    _replace(directory / "report.json", data)


def write(
    reports: Report | Sequence[Report], directory: str | Path, drawings: KeptDrawings | None = None
) -> tuple[Path, ...]:
    """Write ``report.md``, ``report.html`` and ``badge.json``, and ``report.json`` if it is one report.

    What ``report.html`` links to goes into ``pages/`` beside it, in place of an earlier report's.
    Several reports (usually one per tier) become one site; their own ``report.json`` stay the truth.
    Everything is rendered from what the JSON says, so it can be rendered again from there to the same bytes.

    Args:
        drawings: where figures that were drawn before are had.

    Raises:
        ValueError: a number of the report is not finite where the schema needs one.
        OSError: the directory cannot be written.
    """
    several = (reports,) if isinstance(reports, Report) else tuple(reports)
    encoded = [encode(report) for report in several]
    page = gather(decode(data) for data in encoded)
    files = {
        "report.md": markdown.render(page).encode(),
        "badge.json": badge.render(page),
    }
    if len(encoded) == 1:
        files = {"report.json": encoded[0], **files}
    directory = Path(directory)
    site = {name: text.encode() for name, text in html.site(page, drawings).items()}
    for name, data in site.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    _remove_others(directory / html.FOLDER, {directory / name for name in site})
    written = {name: directory / name for name in REPORT_FILES if name in files or name in site}
    for name, data in files.items():
        _replace(directory / name, data)
    return tuple(written.values())


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove pages and figures of an earlier report, which nothing links to any more."""
    for pattern in ("*.html", "figures/*.svg"):
        for path in folder.glob(pattern):
            if path not in kept:
                path.unlink()


def require_writable(directory: Path) -> None:
    """Make sure that a report can be written here, before what it tells of is worked out.

    Raises:
        OSError: the folder cannot be made or written, or something else lies where a file is to be.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in REPORT_FILES:
        if (directory / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")
    for name in (html.FOLDER, html.FIGURES):
        if (directory / name).exists() and not (directory / name).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{name} is no folder")
    with tempfile.TemporaryFile(dir=directory):
        pass


def _replace(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    return partial.replace(path)
