"""What is said of code before anything is judged: what no address can cover is named, once."""

from __future__ import annotations

from pathlib import Path

from harness.tests.suites import run, write

BODY = """
import own


@claim(PAPER, "1", reported="words", adapted=SMALL, says="s")
@trained(x=Simulation(own.drawn, {"centre": 1.0}))
@control(x=NULL, says="nothing")
def test_own(x, check):
    check(above(x.final("x"), 0.5, because="half"))
"""
OWN = "import helpful\n\n\ndef drawn(generator, centre):\n    return {'x': helpful.shifted(centre)}\n"


def test_a_change_of_a_users_own_module_trains_anew(tmp_path: Path) -> None:
    write(tmp_path, BODY)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "helpful.py").write_text("def shifted(x):\n    return x + 1\n")
    run(tmp_path, "--fresh").says("trained 10 of 10 runs")
    planned = run(tmp_path, "--plan")
    planned.says("plan: 0 runs to train, 10 in the store")
    assert "nothing is selected" not in planned.text
    (tmp_path / "helpful.py").write_text("def shifted(x):\n    return x + 2\n\n\ndef beside():\n    pass\n")
    run(tmp_path, "--plan").says("plan: 5 runs to train", "5 in the store")


def test_code_that_cannot_be_seen_is_named_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, BODY)
    made = "import sys, types\n\nhelpful = sys.modules['helpful'] = types.ModuleType('helpful')\n"
    (tmp_path / "conftest.py").write_text((tmp_path / "conftest.py").read_text() + made)
    (tmp_path / "own.py").write_text(OWN)
    session = run(tmp_path, "--plan")
    session.says("not seen by addresses: helpful; after a change of such code train with --fresh")
    assert session.text.count("not seen by addresses") == 1
