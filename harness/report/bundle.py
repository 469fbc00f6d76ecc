"""A report as an RO-Crate: with records, the claims' sources, environment and commit, described in JSON-LD.

The crate is of version 1.1 (https://w3id.org/ro/crate/1.1) and of the profile for runs of a process
(https://w3id.org/ro/wfrun/process/0.5): an action of a software, on records and sources, made the report.
Equal contents give equal bytes: every time in it is the report's own.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from harness.evidence.schema import PaperEntry, Report

RENDERED = "pages/"
"""The folder of the pages that ``report.html`` links to."""
MADE = ("report.json", "report.md", "report.html", "badge.json", RENDERED)
"""What the session wrote; all else of the crate is what it read."""
METADATA = "ro-crate-metadata.json"
ENVIRONMENT = "environment.txt"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SPDX = "https://spdx.org/licenses/"
WHEN = (1980, 1, 1, 0, 0, 0)
"""The time stamp of every file in a zip: the earliest that one can have, for a real one differs each time."""

KINDS = {
    ".json": "application/json", ".md": "text/markdown", ".html": "text/html", ".py": "text/x-python",
    ".gz": "application/gzip", ".txt": "text/plain", ".cff": "application/yaml", ".toml": "application/toml",
    ".svg": "image/svg+xml", ".css": "text/css",
}  # fmt: skip
"""Ending of a file -> its media type; what has none of these is plain text."""
ABOUT = {
    "report.json": "The verdicts with their evidence, controls, runs and provenance: the source of truth",
    "report.md": "The report for reading, rendered from report.json",
    "report.html": "The report as a page, rendered from report.json",
    "badge.json": "The verdicts in one line, for a badge",
    "records.jsonl.gz": "What the runs left that the report read, each sealed: it is judged again from these",
    ENVIRONMENT: "The versions of everything that numbers depend on, as the report names them",
}


class Project(NamedTuple):
    """What a repository says of itself.

    Attributes:
        license_id: the SPDX identifier under which all of it may be used.
        authors: (name, whether it is a person's) of each.
        repository: where its code lies, "" where it does not say.
    """

    license_id: str
    authors: tuple[tuple[str, bool], ...] = ()
    repository: str = ""


def contents(report: Report, files: Mapping[str, bytes], project: Project) -> dict[str, bytes]:
    """Every file of the crate by its path, the metadata first.

    Args:
        report: the report, which ``files`` holds as ``report.json``.
        files: what the crate holds, by path: report and renderings, records, sources.
        project: what the repository of the sources says of itself.
    """
    whole = {**files, ENVIRONMENT: environment(report)}
    graph = list(_graph(report, whole, project))
    document = {"@context": CONTEXT, "@graph": graph}
    metadata = msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
    return {METADATA: metadata, **dict(sorted(whole.items()))}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The crate as one file, the same bytes for the same contents."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, WHEN)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target.getvalue()


def environment(report: Report) -> bytes:
    """The versions that a report names, a requirement a line, and the machine as comments."""
    seen = report.provenance
    machine = {"python", "system"}
    lines = [
        f"# commit {seen.commit}",
        f"# {seen.processor}, {seen.cores} cores, {seen.memory_gib:g} GiB, device {seen.device}",
        *(f"# {name} {version}" for name, version in sorted(seen.versions.items()) if name in machine),
        *(f"{name}=={version}" for name, version in sorted(seen.versions.items()) if name not in machine),
    ]
    return "\n".join((*lines, "")).encode()


def _graph(report: Report, files: Mapping[str, bytes], project: Project) -> Iterator[dict[str, Any]]:
    """The entities: the crate, its files, who made what with which software, and the sources judged."""
    seen = report.provenance
    top = sorted({_root_of(path) for path in files})
    authors = _authors(project)
    papers = [paper for paper in report.papers if any(claim.paper == paper.key for claim in report.claims)]
    yield {
        "@id": METADATA, "@type": "CreativeWork", "conformsTo": {"@id": CRATE}, "about": {"@id": "./"},
    }  # fmt: skip
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": _name(report),
        "description": _description(report),
        "datePublished": seen.finished,
        "license": {"@id": f"{SPDX}{project.license_id}"},
        **({"author": authors} if authors else {}),
        "conformsTo": {"@id": PROFILE},
        "hasPart": _ids(top),
        "mentions": {"@id": "#judging"},
        "citation": _ids(map(_paper_id, papers)),
    }
    yield {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    yield {"@id": f"{SPDX}{project.license_id}", "@type": "CreativeWork", "name": project.license_id}
    for number, (name, person) in enumerate(project.authors):
        yield {"@id": _author_id(number), "@type": "Person" if person else "Organization", "name": name}
    yield from _action(report, top, project)
    yield from map(_paper, papers)
    for path, data in sorted(files.items()):
        yield _file(path, data, seen.commit)
    for folder in (each for each in top if each.endswith("/")):
        within = sorted(path for path in files if path.startswith(folder))
        yield {
            "@id": folder,
            "@type": "Dataset",
            "name": folder.rstrip("/"),
            "description": _about(folder, seen.commit),
            "hasPart": _ids(within),
        }


def _author_id(number: int) -> str:
    return f"#author-{number + 1}"


def _authors(project: Project) -> list[dict[str, str]]:
    return _ids(map(_author_id, range(len(project.authors))))


def _time(text: str) -> str:
    """A time of the report with its zone as an offset, as the profile has it."""
    return f"{text[:-1]}+00:00" if text.endswith("Z") else text


def _root_of(path: str) -> str:
    """What of a path lies in the crate itself: a file, or a folder with its slash."""
    first, slash, _ = path.partition("/")
    return f"{first}{slash}"


def _ids(names: Any) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def _name(report: Report) -> str:
    return f"Verdicts on {len(report.claims)} claims, tier {' and '.join(report.tiers)}"


def _description(report: Report) -> str:
    counts: dict[str, int] = {}
    for claim in report.claims:
        counts[claim.verdict.value] = counts.get(claim.verdict.value, 0) + 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return (
        f"Claims of papers judged over trained models at commit {report.provenance.commit}: {said}. "
        "Every verdict can be judged again from records.jsonl.gz (python -m harness report audit)."
    )


def _action(report: Report, top: list[str], project: Project) -> Iterator[dict[str, Any]]:
    """The session that judged, and the software it used."""
    seen = report.provenance
    made = [name for name in top if name in MADE]
    read = [name for name in top if name not in made and name != METADATA]
    others = sorted(name for name in seen.versions if name != "overclaim")
    authors = _authors(project)
    yield {
        "@id": "#judging",
        "@type": "CreateAction",
        "name": "Claims are judged",
        "description": seen.command,
        "startTime": _time(seen.started),
        "endTime": _time(seen.finished),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        **({"agent": authors} if authors else {}),
        "instrument": {"@id": "#overclaim"},
        "object": _ids(read),
        "result": _ids(made),
    }
    yield {
        "@id": "#overclaim",
        "@type": ["SoftwareApplication", "SoftwareSourceCode"],
        "name": f"overclaim {seen.versions.get('overclaim', '')}".strip(),
        "description": f"The harness and the claims at commit {seen.commit}",
        "version": seen.commit,
        "softwareRequirements": _ids(f"#{name}" for name in others),
        **({"codeRepository": project.repository} if project.repository else {}),
    }
    for name in others:
        yield {
            "@id": f"#{name}", "@type": "SoftwareApplication", "name": name,
            "softwareVersion": seen.versions[name],
        }  # fmt: skip


def _paper_id(paper: PaperEntry) -> str:
    return paper.url if paper.url.startswith(("https://", "http://")) else f"#{paper.key}"


def _paper(paper: PaperEntry) -> dict[str, Any]:
    """A source whose claims are judged."""
    told = ", ".join(filter(None, (paper.authors, paper.venue, str(paper.year or ""))))
    return {
        "@id": _paper_id(paper), "@type": "ScholarlyArticle", "name": paper.title, "description": told,
        "identifier": paper.key,
    }  # fmt: skip


def _file(path: str, data: bytes, commit: str) -> dict[str, Any]:
    """A file, with its size and digest."""
    ending = f".{path.rpartition('.')[2]}" if "." in path else ""
    return {
        "@id": path,
        "@type": "File",
        "name": path,
        "description": ABOUT.get(path) or _about(path, commit),
        "encodingFormat": KINDS.get(ending, "text/plain"),
        "contentSize": str(len(data)),
        "identifier": f"sha256:{hashlib.sha256(data).hexdigest()}",
    }


def _about(path: str, commit: str) -> str:
    """What a file or folder is that has no description of its own."""
    if path.startswith(RENDERED):
        return f"{path}: rendered from report.json"
    return f"{path} of the repository as it was at commit {commit}"
