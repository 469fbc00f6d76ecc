"""``report --check``: which verdicts still stand for the code here, without training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.commands.exporting import NAME
from harness.tests.commands.test_carrying import commit
from harness.tests.suites import run_harness


@pytest.fixture
def checkout(judged: Path, tmp_path: Path) -> Path:
    """A copy of the checkout whose claims may be changed."""
    shutil.copytree(judged, tmp_path / "copy", ignore=shutil.ignore_patterns("store", "__pycache__"))
    return tmp_path / "copy"


def change(checkout: Path, old: str, new: str) -> None:
    file = checkout / "claims/test_tiny.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def states(checkout: Path) -> dict[str, tuple[str, str]]:
    told = run_harness(checkout, "report", "--check", "rep", "--json").json
    return {each["id"].partition("::test_")[2]: (each["state"], each["why"]) for each in told["verdicts"]}


def test_all_stands_where_nothing_changed(checkout: Path) -> None:
    done = run_harness(checkout, "report", "--check", "rep")
    assert done.status == 0
    done.says("of 3 verdicts 3 stand, 0 are stale")
    assert not (checkout / "store").exists()


def test_other_code_makes_what_it_computes_stale_and_nothing_else(checkout: Path) -> None:
    change(checkout, "0.1 * generator.normal()", "0.1 * generator.normal() + 0.0")
    done = run_harness(checkout, "report", "--check", "rep")
    assert done.status == 1
    done.says(
        "stale   ✓ reproduced   quick    large: other code or data of 2 of 2 experiments",
        "of 3 verdicts 0 stand, 2 are stale, 1 are exact, computed anew by every session",
    )
    commit(checkout)
    assert states(checkout)["exact"][0] == "exact"


def test_another_experiment_is_named(checkout: Path) -> None:
    change(checkout, "@trained(x=about(1.0))", "@trained(x=about(1.25))")
    told = states(checkout)
    assert told["large"][0] == "stale"
    assert "another experiment: Simulation(draw, params=(('centre', 1.25)" in told["large"][1]
    assert told["larger"] == ("stands", "")


def test_other_words_make_a_verdict_stale(checkout: Path) -> None:
    old, new = (
        'x is large", reported="words", adapted=SMALL',
        'x is huge", reported="words", adapted={"quick": "tiny"}',
    )
    change(checkout, old, new)
    change(checkout, 'says="hardly larger"', 'says="as large"')
    told = states(checkout)
    assert told["large"] == ("stale", "another statement, change from the source")
    assert told["larger"] == ("stale", "another control")


def test_claims_that_came_and_went_are_told(checkout: Path) -> None:
    change(checkout, "def test_larger(", "def test_renamed(")
    done = run_harness(checkout, "report", "--check", "rep")
    assert done.status == 1
    done.says(
        "gone    ✓ reproduced   quick    larger: no such claim is here any more",
        "not in the report: 1 (claims/test_tiny.py::test_renamed (quick))",
    )


def test_programs_read_it_as_json_and_records_are_not_needed(checkout: Path) -> None:
    (checkout / "rep" / NAME).unlink()
    one = run_harness(checkout, "report", "--check", "rep", "--json").json
    assert one["counts"] == {"stands": 3}
    assert [each["state"] for each in one["verdicts"]] == ["stands"] * 3


def test_what_was_not_judged_cannot_be_told(checkout: Path) -> None:
    file = checkout / "rep/report.json"
    content = json.loads(file.read_text())
    content["claims"][0].update(verdict="not run", runs=[], control_runs=[])
    file.write_text(json.dumps(content))
    assert ("unknown", "it was not judged") in states(checkout).values()


DATA = """
@claim(PAPER, "S4", says="errors are rates", reported="words", adapted=SMALL,
       expected={"quick": ("inconclusive", "few")})
@trained(x=Experiment(Mnist(n=100), Mlp(8), Sgd(lr=0.1, epochs=2)))
@control(says="noise", x=NULL)
def test_data(x, check):
    check(above(x.final("test_error"), -1.0, because="an error is a rate"))
"""


def test_data_that_is_not_here_is_told(checkout: Path) -> None:
    change(
        checkout,
        "PAPER = Paper(",
        "from harness import Experiment, Sgd\nfrom harness.data import Mnist\n"
        "from harness.models import Mlp\n\nPAPER = Paper(",
    )
    claims = checkout / "claims/test_tiny.py"
    claims.write_text(claims.read_text() + DATA)
    file = checkout / "rep/report.json"
    content = json.loads(file.read_text())
    content["claims"].append(content["claims"][0] | {"id": "claims/test_tiny.py::test_data"})
    file.write_text(json.dumps(content))
    state, why = states(checkout)["data"]
    assert state == "unknown"
    assert "MNIST" in why or "mnist" in why
