"""Costs: a run counts once in a family and once in the total, controls included."""

from __future__ import annotations

from pathlib import Path

from harness.judging.ladder import judged
from harness.lab.lab import Lab
from harness.report import costs
from harness.tests import reports
from harness.tests.items import ABOVE, NEGATIVE, item, looking
from harness.tests.simulated import at


def test_a_run_counts_once_in_a_family_and_once_in_the_total() -> None:
    shared, alone, control = (
        reports.run_read("aa", 8.0),
        reports.run_read("bb", 2.0),
        reports.run_read("cc", 1.0),
    )
    second = reports.run_read("aa", 4.0, replicate=1)
    claims = [
        reports.claim("a", family="test_one", runs=(shared, alone), control_runs=(control, shared)),
        reports.claim("b", family="test_one", runs=(shared, second)),
        reports.claim("c", family="test_two", runs=(shared,)),
    ]
    one, two, total = costs.costs(claims)
    assert (one.family, one.claims, one.runs, one.seconds, one.shared) == ("test_one", 2, 4, 15.0, 8.0)
    assert (two.family, two.claims, two.runs, two.seconds, two.shared) == ("test_two", 1, 1, 8.0, 8.0)
    assert (total.claims, total.runs, total.seconds, total.shared) == (3, 4, 15.0, 8.0)
    assert [(s.item.id, s.seconds) for s in costs.slowest(claims)] == [
        (claims[1].id, 12.0), (claims[0].id, 11.0), (claims[2].id, 8.0),
    ]  # fmt: skip


def test_an_item_reports_what_its_controls_read(tmp_path: Path) -> None:
    body, _ = looking()
    lab = Lab(at(tmp_path))
    reported = judged(item(body, NEGATIVE, NEGATIVE, x=ABOVE), lab)
    read = {(run.address, run.replicate) for run in reported.control_runs}
    assert len(read) == len(reported.control_runs) == 5
    assert {address for address, _ in read} == {a for c in reported.controls for a in c.runs}
    assert not read & {(run.address, run.replicate) for run in reported.runs}
