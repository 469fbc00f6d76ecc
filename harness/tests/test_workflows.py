"""The repository's machinery: workflows that may do little, tox environments that share one torch.

YAML is no dependency, so workflows are read as text; that they are valid is actionlint's to say.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from harness.__main__ import COMMANDS
from harness.tests.suites import COMPANY, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]
EMPTY = ("quick", "standard", "full", "speed", "report", "mutants", "torture")


@pytest.fixture(params=WORKFLOWS, ids=NAMES)
def workflow(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text(encoding="utf-8")


def below(text: str) -> str:
    """The text without its head, which has a ``run:`` of its own."""
    return text.partition("\njobs:\n")[2]


def members(text: str) -> dict[str, str]:
    """What stands below each name of ``jobs:``."""
    parts = re.findall(r"^  ([\w-]+):\n((?:(?:    .*)?\n)*)", below(text), flags=re.MULTILINE)
    return dict(parts)


def scripts(text: str) -> list[str]:
    """What a shell gets to run: values of ``run:``, of one line or of an indented block."""
    blocks = re.findall(r"^( *)(?:- )?run:(.*\n(?:\1 {2,}.*\n|\n)*)", below(text), flags=re.MULTILINE)
    return [script for _, script in blocks]


def test_both_are_there() -> None:
    assert NAMES == ["claims", "full"]
    assert set(members(WORKFLOWS[0].read_text())) == {"instrument", "quick", "badge"}
    assert set(members(WORKFLOWS[1].read_text())) == {"judge"}


def test_actions_are_githubs_own_at_a_major_version(workflow: str) -> None:
    used = re.findall(r"uses: (\S+)", workflow)
    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []
    assert workflow.count("uses: actions/checkout@") == workflow.count("persist-credentials: false")


def test_only_what_runs_none_of_our_code_may_write(workflow: str) -> None:
    assert "\npermissions:\n  contents: read\n\n" in workflow
    for name, body in members(workflow).items():
        writes = re.findall(r"^ +[\w-]+: write$", body, flags=re.MULTILINE)
        assert [right.strip() for right in writes] == (["contents: write"] if name == "badge" else [])
        if writes:
            assert "uses:" not in body
            assert "python" not in body
            assert "github.event_name == 'push'" in body
            assert "github.event.repository.default_branch" in body
    assert "secrets." not in workflow


def test_each_part_ends_and_no_workflow_runs_beside_itself(workflow: str) -> None:
    assert re.search(r"^concurrency:\n  group: \S", workflow, flags=re.MULTILINE)
    assert all(
        re.search(r"^    timeout-minutes: \d+", body, flags=re.MULTILINE)
        for body in members(workflow).values()
    )
    assert re.search(r"^defaults:\n  run:\n    shell: bash", workflow, flags=re.MULTILINE)


def test_nothing_is_pasted_into_a_shell(workflow: str) -> None:
    assert len(scripts(workflow)) == len(re.findall(r"\brun: *\S", below(workflow)))
    assert [script for script in scripts(workflow) if "${{" in script] == []


def test_commands_exist(workflow: str) -> None:
    options = (ROOT / "harness" / "suite" / "plugin.py").read_text()
    text = " ".join(scripts(workflow))
    assert set(re.findall(r"-m harness (\w+)", text)) <= set(COMMANDS)
    ours = set(re.findall(r" (--[a-z-]+) ", text)) & {"--plan", "--fresh", "--store", "--report", "--device"}
    assert ours
    assert all(f'"{option}"' in options for option in ours)


def test_the_quick_tier_is_judged_on_every_push_and_pull_request() -> None:
    text = WORKFLOWS[0].read_text()
    head = text.partition("\njobs:\n")[0]
    assert "\n  push:\n    branches-ignore: [badges]\n  pull_request:\n" in head
    quick = members(text)["quick"]
    for needed in ("claims -m quick", "--junitxml", "GITHUB_STEP_SUMMARY", "upload-artifact", "--diff"):
        assert needed in quick
    assert "run: tox\n" in members(text)["instrument"]
    assert "run: tox -e company" in members(text)["instrument"]


@pytest.fixture(scope="module")
def tox() -> configparser.ConfigParser:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini")
    return settings


def test_tox_alone_lints_and_tests(tox: configparser.ConfigParser) -> None:
    assert tox["tox"]["env_list"] == "lint, tests"
    assert "ruff check" in tox["testenv:lint"]["commands"]
    assert "mypy" in tox["testenv:tests"]["commands"]
    assert "pytest" in tox["testenv:tests"]["commands"]
    assert "pytest" not in tox.sections()


def test_company_is_what_its_tests_ask_for_beside_the_environment_of_torch(
    tox: configparser.ConfigParser,
) -> None:
    section = tox["testenv:company"]
    brought = [row.partition(">")[0] for row in section["deps"].split()]
    assert brought == sorted(COMPANY.values())
    assert section["commands_pre"].endswith("run -e tests --notest")
    assert section["commands"].startswith("{[inside]python} -m pytest ")


def test_one_environment_holds_torch(tox: configparser.ConfigParser) -> None:
    """The others install nothing, have folders of their own, and run that one's Python once it is there."""
    installing = [
        name for name in tox.sections() if name.startswith("testenv") and not tox[name].get("skip_install")
    ]
    assert installing == ["testenv:tests"]
    shared = tox[f"testenv:{{{','.join(EMPTY)}}}"]
    assert "deps" not in shared
    assert "{env_name}" in shared["env_dir"]
    assert shared["commands_pre"].endswith("run -e tests --notest")
    commands = [row.split(": ", 1) for row in shared["commands"].strip().splitlines()]
    assert all(command.startswith("{[inside]python} -m ") for _, command in commands)
    assert {name for names, _ in commands for name in names.split(",")} == set(EMPTY)


def test_no_report_lands_in_an_environment_of_the_same_name(tox: configparser.ConfigParser) -> None:
    """The gate writes to .tox/report and .tox/store, so no environment may live there."""
    gate = (ROOT / ".ci" / "run").read_text()
    written = set(re.findall(r"--(?:store|report) (\S+)", gate))
    homes = {f".tox/{name}" for name in ("lint", "tests")} | {f".tox/empty/{name}" for name in EMPTY}
    assert written
    assert not written & homes
    assert tox[f"testenv:{{{','.join(EMPTY)}}}"]["env_dir"] == "{work_dir}/empty/{env_name}"
