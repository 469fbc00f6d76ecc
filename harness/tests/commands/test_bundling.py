"""``report bundle``: everything that an archive needs, described as an RO-Crate, the same bytes twice."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main
from harness.commands.exporting import NAME
from harness.report.bundle import CONTEXT, CRATE, ENVIRONMENT, METADATA, PROFILE


@pytest.fixture
def folder(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a report, to be bundled in its checkout."""
    monkeypatch.chdir(judged)
    shutil.copytree(judged / "rep", tmp_path / "rep")
    return tmp_path / "rep"


def bundle(folder: Path, *options: str) -> int:
    return main(["report", "bundle", str(folder), "--license", "CC-BY-4.0", *options])


def entities(crate: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((crate / METADATA).read_bytes())
    assert document["@context"] == CONTEXT
    return {entity["@id"]: entity for entity in document["@graph"]}


def test_a_crate_holds_report_records_sources_and_environment(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "crate"
    assert bundle(folder, "--out", str(out)) == 0
    held = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    pages = {path for path in held if path.startswith("pages/")}
    assert pages == {p.relative_to(folder).as_posix() for p in (folder / "pages").rglob("*.*")} != set()
    assert held - pages == {
        METADATA, ENVIRONMENT, NAME, "report.json", "report.md", "report.html", "badge.json",
        "claims/test_tiny.py", "pyproject.toml",
    }  # fmt: skip
    assert (out / "report.json").read_bytes() == (folder / "report.json").read_bytes()
    assert (out / "claims/test_tiny.py").read_bytes() == Path("claims/test_tiny.py").read_bytes()
    versions = json.loads((folder / "report.json").read_bytes())["provenance"]["versions"]
    lines = (out / ENVIRONMENT).read_text().splitlines()
    assert f"numpy=={versions['numpy']}" in lines
    assert f"# python {versions['python']}" in lines


def test_the_metadata_say_what_each_file_is_and_who_made_it(folder: Path, tmp_path: Path) -> None:
    assert bundle(folder, "--out", str(tmp_path / "crate")) == 0
    graph = entities(tmp_path / "crate")
    seen = json.loads((folder / "report.json").read_bytes())["provenance"]
    assert graph[METADATA]["conformsTo"] == {"@id": CRATE}
    assert graph[METADATA]["about"] == {"@id": "./"}
    root = graph["./"]
    assert root["conformsTo"] == {"@id": PROFILE}
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert root["datePublished"] == seen["finished"]
    action = graph[root["mentions"]["@id"]]
    assert action["instrument"] == {"@id": "#overclaim"}
    assert graph["#overclaim"]["version"] == seen["commit"]
    assert {"@id": NAME} in action["object"]
    assert {"@id": "report.json"} in action["result"]
    assert {"@id": "pages/"} in action["result"]
    assert graph["pages/"]["description"] == "pages/: rendered from report.json"
    assert action["startTime"].endswith("+00:00")
    record = graph[NAME]
    assert record["identifier"] == f"sha256:{hashlib.sha256((folder / NAME).read_bytes()).hexdigest()}"
    assert record["contentSize"] == str((folder / NAME).stat().st_size)
    paper = graph[root["citation"][0]["@id"]]
    assert (paper["@type"], paper["name"]) == ("ScholarlyArticle", "T")


def test_everything_that_is_named_is_there(folder: Path, tmp_path: Path) -> None:
    assert bundle(folder, "--out", str(tmp_path / "crate")) == 0
    graph = entities(tmp_path / "crate")
    named = [
        one["@id"]
        for entity in graph.values()
        for value in entity.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict)
    ]
    assert not [name for name in named if name not in graph and name != CRATE]
    files = {path.relative_to(tmp_path / "crate").as_posix() for path in (tmp_path / "crate").rglob("*.*")}
    assert files - graph.keys() == set()


def test_a_zip_has_the_same_bytes_twice(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    assert bundle(folder, "--out", str(one)) == 0
    (folder / "report.json").touch()
    assert bundle(folder, "--out", str(other)) == 0
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        assert names[0] == METADATA
        assert archive.testzip() is None
    assert f"{len(names)} files" in capsys.readouterr().out


def test_a_crate_that_was_unpacked_follows_from_its_records(folder: Path, tmp_path: Path) -> None:
    assert bundle(folder, "--out", str(tmp_path / "crate")) == 0
    assert main(["report", "audit", str(tmp_path / "crate")]) == 0


def test_a_crate_is_made_anew_and_nothing_else_is_replaced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crate"
    assert bundle(folder, "--out", str(out)) == 0
    (out / "stray").write_text("left over")
    assert bundle(folder, "--out", str(out)) == 0
    assert not (out / "stray").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.zip").mkdir()
    for name in ("mine", "file", "folder.zip"):
        assert bundle(folder, "--out", str(tmp_path / name)) == 1
    assert (tmp_path / "mine/thesis").read_text() == "mine"
    assert len(capsys.readouterr().err.splitlines()) == 3


def refused(folder: Path, capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    file = folder / "report.json"
    content = json.loads(file.read_bytes())
    content["provenance"].update(changes)
    file.write_text(json.dumps(content))
    assert bundle(folder, "--out", str(folder / "crate.zip")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_no_archive_should_have_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "commit abababababab is not in this checkout" in refused(folder, capsys, commit="ab" * 20)
    assert "commit --exec is not in this checkout" in refused(folder, capsys, commit="--exec")
    assert "judged with uncommitted changes" in refused(folder, capsys, dirty=True)
    content = json.loads((folder / "report.json").read_bytes())
    content["claims"][0]["runs"][0]["replicate"] = 50
    (folder / "report.json").write_text(json.dumps(content))
    lacking = refused(folder, capsys)
    assert re.search(r"1 of \d+ runs that the report read are not there: python -m harness store", lacking)
    (folder / NAME).unlink()
    assert "no records beside the report: python -m harness store export" in refused(folder, capsys)


def test_an_archive_needs_a_license(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "bundle", str(folder), "--out", str(folder / "crate")]) == 1
    assert "pyproject.toml names no license" in capsys.readouterr().err
