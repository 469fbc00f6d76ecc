"""What the package says of itself: metadata, citation, and what is run before a commit."""

from __future__ import annotations

import re
import tomllib

from claims import papers
from harness.spec.claim import Paper
from harness.spec.said import OURS
from harness.tests import citation
from harness.tests.suites import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = citation.FILE.read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")


def test_the_sources_are_the_references_of_the_citation() -> None:
    assert citation.cited(CITATION) == CITATION, "write it anew: python -m harness.tests.citation"
    sources = [paper for paper in vars(papers).values() if isinstance(paper, Paper) and paper.key != OURS]
    assert len(sources) > 30
    assert len(re.findall(r"^  - type: ", CITATION, re.MULTILINE)) == len(sources)


def test_names_have_their_particles_and_people_of_one_name_are_not_one() -> None:
    assert '      - family-names: "van der Schaar"\n        given-names: "Mihaela"\n' in CITATION
    assert '      - family-names: "Du"\n        given-names: "Simon S."\n' in CITATION
    assert '      - name: "Wang, Wang, Wang"\n' in CITATION


def test_citation_and_package_say_the_same() -> None:
    (version,) = re.findall(r"^version: (.+)$", CITATION, re.MULTILINE)
    assert version == PROJECT["version"]
    (license,) = re.findall(r"^license: (.+)$", CITATION, re.MULTILINE)
    assert license == PROJECT["license"]
    named = re.findall(r'^authors:\n  - name: "(.+)"$', CITATION, re.MULTILINE)
    assert named == [author["name"] for author in PROJECT["authors"]]
    (keywords,) = re.findall(r"^keywords: \[(.+)\]$", CITATION, re.MULTILINE)
    assert keywords.split(", ") == PROJECT["keywords"]


def test_the_package_says_who_what_and_for_whom() -> None:
    assert "Framework :: Pytest" in PROJECT["classifiers"]
    assert [one for one in PROJECT["classifiers"] if one.startswith("License")] == []
    assert {url for url in PROJECT["urls"].values() if not url.startswith("https://")} == set()
    assert papers.ZHANG2017.url in PROJECT["urls"].values()
    assert papers.EPFL.url in PROJECT["urls"].values()


def test_before_a_commit_runs_what_tox_runs() -> None:
    """They run by the tools of the environment, so nothing else is downloaded, and no version differs."""
    assert re.findall(r"- id: (\S+)", HOOKS) == ["ruff-check", "ruff-format", "mypy"]
    assert HOOKS.count("language: system") == 3
    assert re.findall(r"repo: (\S+)", HOOKS) == ["local"]
    entries = re.findall(r"entry: (\w+(?: \w+)?)", HOOKS)
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert [entry for entry in entries if f"    {entry}" not in tox] == []
