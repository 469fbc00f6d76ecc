"""The repository's machinery: workflows that may do little, tox environments that share one torch.

YAML is no dependency, so workflows are read as text; that they are valid is actionlint's to say.
"""

from __future__ import annotations

import argparse
import configparser
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from harness.__main__ import COMMANDS
from harness.commands import rehearse
from harness.lab import environment
from harness.report import readme
from harness.tests.suites import COMPANY, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]
CLAIMS, _, VERDICTS = (path.read_text() for path in WORKFLOWS)
LOCK = (ROOT / ".github" / "locked.txt").read_text(encoding="utf-8")
COMPANY_LOCK = (ROOT / ".github" / "company.txt").read_text(encoding="utf-8")
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WRITES = {
    "badge": {"contents"},
    "pages": {"pages", "id-token"},
    "attestation": {"attestations", "id-token"},
}
"""What parts of workflows may write."""
LOCKED = "-m pip install --require-hashes -r .github/locked.txt"
ITSELF = "-m pip install --no-deps --no-build-isolation -e ."
"""The two lines by which CI installs: all from the lock, and this repository beside it."""
BESIDE = '-m pip install --require-hashes -r .github/company.txt --target "$RUNNER_TEMP/company"'
"""How other plugins of pytest are installed: apart, since some act unasked."""
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


def test_all_are_there() -> None:
    assert NAMES == ["claims", "full", "verdicts"]
    assert set(members(CLAIMS)) == {"instrument", "quick", "rehearsal", "attestation", "pages", "badge"}
    assert set(members(WORKFLOWS[1].read_text())) == {"judge"}
    assert set(members(VERDICTS)) == {"judge"}


def test_actions_are_githubs_own_pinned_by_commit(workflow: str) -> None:
    used = re.findall(r"uses: (.+)", workflow)
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []
    assert workflow.count("uses: actions/checkout@") == workflow.count("persist-credentials: false")


def test_an_action_is_the_same_everywhere() -> None:
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (.+)", path.read_text())}
    assert len(used) == len({action.partition("@")[0] for action in used})
    assert "package-ecosystem: github-actions" in (ROOT / ".github" / "dependabot.yml").read_text()


def test_only_what_runs_none_of_our_code_may_write(workflow: str) -> None:
    assert "\npermissions:\n  contents: read\n\n" in workflow
    for name, body in members(workflow).items():
        writes = re.findall(r"^ +([\w-]+): write$", body, flags=re.MULTILINE)
        assert set(writes) == WRITES.get(name, set())
        if writes:
            assert "checkout@" not in body
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
    options = (ROOT / "harness" / "suite" / "options.py").read_text()
    text = " ".join(scripts(workflow))
    assert set(re.findall(r"-m harness (\w+)", text)) <= set(COMMANDS)
    ours = set(re.findall(r" (--[a-z-]+) ", text)) & {"--plan", "--fresh", "--store", "--report", "--device"}
    assert ours
    assert all(f'"{option}"' in options for option in ours)


def test_the_quick_tier_is_judged_on_every_push_and_pull_request() -> None:
    head = CLAIMS.partition("\njobs:\n")[0]
    assert "\n  push:\n    branches-ignore: [badges]\n  pull_request:\n" in head
    quick = members(CLAIMS)["quick"]
    for needed in ("claims -m quick", "--junitxml", "GITHUB_STEP_SUMMARY", "upload-artifact", "--diff"):
        assert needed in quick


def test_the_full_tier_is_rehearsed_where_neither_gpu_nor_data_are() -> None:
    said = re.search(r"run: python -m harness (rehearse .*)", members(CLAIMS)["rehearsal"])
    assert said
    parser = argparse.ArgumentParser()
    rehearse.add(parser.add_subparsers())
    options = parser.parse_args(said[1].split())
    assert (options.tiers, options.pretend, options.made_up) == (["full"], True, True)


def test_the_instrument_is_tested_by_what_tox_runs(tox: configparser.ConfigParser) -> None:
    (tested,) = (script for script in scripts(CLAIMS) if "ruff check" in script)
    lint, tests = (tox[f"testenv:{name}"]["commands"].split("\n") for name in ("lint", "tests"))
    whole = [re.sub(r"\{posargs:(.*)\}", r"\1", command) for command in (*lint, *tests)]
    assert [line.strip() for line in tested.splitlines()[1:] if line.strip()] == list(filter(None, whole))


def test_report_page_and_badge_are_published_and_the_report_attested() -> None:
    parts = members(CLAIMS)
    assert "upload-pages-artifact@" in parts["quick"]
    assert "site/index.html" in parts["quick"]
    assert "deploy-pages@" in parts["pages"]
    assert "has_pages" in parts["pages"], "where there are no Pages, nothing fails"
    kept = re.findall(r"name: (report-\w+)", parts["quick"])
    attested = parts["attestation"]
    assert re.findall(r"name: (report-\w+)", attested) == kept
    assert "store export" in parts["quick"]
    assert re.findall(r"report/(\S+)", attested.partition("subject-path")[2]) == [
        "report.json",
        "records.jsonl.gz",
    ]
    assert all("needs: quick\n" in parts[name] for name in ("attestation", "pages", "badge"))


def test_verdicts_are_compared_across_kernels_and_versions_every_week() -> None:
    assert re.search(r'^  schedule:\n    - cron: "\d+ \d+ \* \* \d"', VERDICTS, re.MULTILINE)
    body = members(VERDICTS)["judge"]
    assert "HARNESS_KERNEL: ${{ matrix.kernel }}" in body
    kernels = set(re.findall(r'^ +kernel: "?(\w*)"?$', body, re.MULTILINE))
    assert kernels == {"", *environment.VALUES["HARNESS_KERNEL"]}
    assert 'python: "3.x"' in body
    assert "report --diff reports/quick" in body


def test_what_ci_installs_is_locked_and_from_one_index(workflow: str) -> None:
    assert "index-url" not in workflow.lower().replace("_", "-")
    installs = re.findall(r"(-m pip install .+)", " \n".join(scripts(workflow)))
    quiet = [line.replace("--quiet ", "").strip() for line in installs]
    newest = [line for line in quiet if line == "-m pip install --upgrade -e ."]
    assert len(newest) == (workflow == VERDICTS), "one leg is of what users get who install today"
    locked = [line for line in quiet if line not in (*newest, BESIDE)]
    assert locked == [LOCKED, ITSELF] * (len(locked) // 2)
    assert quiet.count(BESIDE) == (workflow == CLAIMS)
    assert locked
    assert "run: tox" not in workflow, "it would install what is not locked"


def requirements(lock: str = LOCK) -> dict[str, str]:
    """Name of each locked package -> its version."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", lock, re.MULTILINE))


@pytest.mark.parametrize("lock, least", [(LOCK, 50), (COMPANY_LOCK, 10)], ids=["locked", "company"])
def test_every_package_is_locked_with_hashes(lock: str, least: int) -> None:
    rows = [row for row in lock.splitlines() if row and not row.lstrip().startswith("#")]
    heads = [row for row in rows if not row.startswith("    --hash=sha256:")]
    assert len(heads) == len(requirements(lock)) > least
    followed = [after for row, after in pairwise([*rows, ""]) if row in heads]
    assert [after for after in followed if not re.match(r"    --hash=sha256:[0-9a-f]{64}\b", after)] == []


def test_the_company_is_locked_beside_the_same_pytest(tox: configparser.ConfigParser) -> None:
    from packaging.requirements import Requirement

    there = requirements(COMPANY_LOCK)
    asked = map(Requirement, tox["testenv:company"]["deps"].split())
    assert [str(one) for one in asked if not one.specifier.contains(there.get(one.name, "0"))] == []
    both = {name for name in there if name in requirements()}
    assert "pytest" in both
    assert [name for name in both if there[name] != requirements()[name]] == []


def test_the_lock_holds_what_the_project_needs_within_its_bounds() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = map(Requirement, (*project["dependencies"], *project["optional-dependencies"]["dev"]))
    locked = requirements()
    wrong = [str(one) for one in needed if not one.specifier.contains(locked.get(one.name, "0"))]
    assert wrong == [], "write the lock anew: its second line says how"
    assert f"python-version {project['requires-python'].removeprefix('>=')}" in LOCK


def test_the_lock_is_of_the_versions_that_the_committed_reports_are_of() -> None:
    locked = requirements()
    for report in readme.committed(ROOT):
        computed = {n: v for n, v in report.provenance.versions.items() if n in ("torch", "numpy", "scipy")}
        assert {name: locked[name] for name in computed} == computed


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
