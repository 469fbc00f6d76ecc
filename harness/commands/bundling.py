"""``python -m harness report bundle``: a report and all that it rests on as an RO-Crate, for an archive."""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness import commands as shared
from harness.commands import selection, trees
from harness.commands.exporting import NAME
from harness.report import bundle
from harness.report.audit import MOST
from harness.report.render import REPORT_FILES

if TYPE_CHECKING:
    from harness.evidence.schema import Report

SOURCES = ("claims", "pyproject.toml", "LICENSE", "CITATION.cff")
"""What of the commit goes into the crate, as far as it has it: all that says what was asked and by whom."""
PAGES = ("*.html", "*.css", "figures/*.svg")
"""What of the folder of further pages goes into the crate."""
EXAMPLES = """
reports/quick                       a zip of it, named after tier and commit, in the folder where you are
reports/quick --out crate           the same as a folder
reports/quick --out crate.zip       the same under another name
mine --license CC-BY-4.0            of claims whose pyproject.toml names no license
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bundle``."""
    parser.add_argument(
        "folder", type=selection.path, metavar="DIR", help="a report's folder, its records beside it"
    )
    parser.add_argument(
        "--out", type=selection.path, metavar="PATH",
        help="a .zip, or a folder that is new or a crate (default: overclaim-TIER-COMMIT.zip)",
    )  # fmt: skip
    parser.add_argument(
        "--license", type=_license, metavar="ID", help="SPDX identifier (default: that of pyproject.toml)"
    )


def _license(text: str) -> str:
    if not text or not all(sign.isalnum() or sign in ".-+" for sign in text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no SPDX identifier such as Apache-2.0")
    return text


def bundled(options: argparse.Namespace) -> int:
    """Write the crate.

    Raises:
        ValueError: the report, its records or its commit cannot be had (one line).
        OSError: the crate cannot be written.
    """
    from harness.report import render

    (report,) = render.load([options.folder])
    folder = options.folder if options.folder.is_dir() else options.folder.parent
    commit = report.provenance.commit
    name = f"overclaim-{'-'.join(report.tiers) or 'nothing'}-{commit[:12]}.zip"
    out: Path = options.out or Path(name)
    _require_place(out)
    files = dict(_beside(folder))
    _require_records(report, folder / NAME)
    sources = _sources(report)
    crate = bundle.contents(report, {**sources, **files}, _project(sources, options.license))
    size = _written(crate, out)
    print(f"{out}: {len(crate)} files, {shared.sized(size)}, an RO-Crate of commit {commit[:12]}")
    return 0


def _require_place(out: Path) -> None:
    """Refuse a place before anything is worked out: a folder of something else, or a file that is no zip.

    Raises:
        ValueError: what is there is not replaced (one line).
    """
    if out.suffix == ".zip":
        if out.is_dir():
            raise ValueError(f"--out {out}: a folder is there: name another")
    elif out.is_file():
        raise ValueError(f"--out {out}: a file is there: name a folder, or a .zip")
    elif out.is_dir() and any(out.iterdir()) and not (out / bundle.METADATA).is_file():
        raise ValueError(f"--out {out}: a folder that holds something else is there: name a new one")


def _beside(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The report and what lies beside it, its further pages and their figures included."""
    from harness.report.html import FOLDER
    from harness.spec.untrusted import contents

    for name in (*REPORT_FILES, NAME):
        if (folder / name).exists():
            yield name, contents(folder / name, MOST)
    for pattern in PAGES:
        for page in sorted((folder / FOLDER).glob(pattern)):
            yield page.relative_to(folder).as_posix(), contents(page, MOST)


def _require_records(report: Report, file: Path) -> None:
    """Make sure that the records are those that the report read.

    Raises:
        ValueError: there are none, or some are missing (one line).
    """
    from harness.lab.shipped import Shipped

    again = f"python -m harness store export {file.parent} writes them"
    if not file.exists():
        raise ValueError(f"{file}: no records beside the report: {again}")
    shipped = Shipped(file)
    records = (shipped.read(key) for key in shipped.keys())  # noqa: SIM118 - not a dict
    known = {(record.address, record.replicate) for record in records if record is not None}
    read = {(r.address, r.replicate) for c in report.claims for r in (*c.runs, *c.control_runs)}
    if missing := len(read - known):
        raise ValueError(f"{file}: {missing} of {len(read)} runs that the report read are not there: {again}")


def _sources(report: Report) -> dict[str, bytes]:
    """What the report's commit has of the sources, by path.

    Raises:
        ValueError: the report is of no commit that is here (one line).
    """
    seen = report.provenance
    if seen.dirty:
        raise ValueError("the report was judged with uncommitted changes, so no commit has its sources")
    named = trees.COMMIT.fullmatch(seen.commit)
    if not (named and trees.answers("cat-file", "-e", f"{seen.commit}^{{commit}}")):
        commit = seen.commit[:12] or "unknown"
        raise ValueError(f"commit {commit} is not in this checkout, and its sources neither: fetch it")
    held = trees.git("ls-tree", "--name-only", seen.commit).split("\n")
    wanted = [name for name in SOURCES if name in held]
    packed = subprocess.run(
        ["git", "archive", "--format=tar", seen.commit, "--", *wanted], capture_output=True, check=True
    ).stdout
    files: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for entry in archive:
            if entry.isfile() and (data := archive.extractfile(entry)) is not None:
                files[entry.name] = data.read()
    return files


def _project(sources: dict[str, bytes], license_id: str | None) -> bundle.Project:
    """What ``pyproject.toml`` says of the project; a license that is given replaces its own.

    Raises:
        ValueError: no license is named anywhere (one line).
    """
    try:
        project = tomllib.loads(sources.get("pyproject.toml", b"").decode()).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        project = {}
    license_id = license_id or project.get("license")
    if not isinstance(license_id, str):
        raise ValueError("pyproject.toml names no license, and an archive needs one: give --license ID")
    authors = [each for each in project.get("authors", ()) if "name" in each]
    return bundle.Project(
        license_id=license_id,
        authors=tuple((str(each["name"]), "email" in each) for each in authors),
        repository=str(project.get("urls", {}).get("Repository", "")),
    )


def _written(crate: dict[str, bytes], out: Path) -> int:
    """Write a zip or a folder; its bytes."""
    if out.suffix == ".zip":
        data = bundle.zipped(crate)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
        return len(data)
    if out.exists():
        shutil.rmtree(out)
    for path, data in crate.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(data)
    return sum(map(len, crate.values()))
