"""Names by content: what does not matter gives no other one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import names as naming
from harness.lab.names import Names
from harness.spec import From
from harness.tests.simulated import SMALL, Norm

NAMES = Names(Path())


@pytest.mark.parametrize("name, changed", [("fingerprint", lambda value: "other code"), ("SEMANTICS", -1)])
def test_other_code_and_another_trainer_give_another_name(
    monkeypatch: pytest.MonkeyPatch, name: str, changed: object
) -> None:
    before = Names(Path()).run(SMALL, 0)
    monkeypatch.setattr(naming, name, changed)
    after = Names(Path()).run(SMALL, 0)
    assert after.address != before.address
    assert after.key != before.key
    assert after.kind == before.kind


def test_replicates_are_named_apart_and_start_from_their_own_parents() -> None:
    runs = [NAMES.run(SMALL.but(start=From(SMALL)), r) for r in range(3)]
    assert len({run.key for run in runs}) == 3
    assert len({run.address for run in runs}) == 1
    assert [run.parents[0].key for run in runs] == [NAMES.run(SMALL, r).key for r in range(3)]


def test_a_probed_parent_does_not_give_a_chain_another_name() -> None:
    plain, probed = From(SMALL), From(SMALL.but(probes=(Norm(),)))
    for order in ((plain, probed), (probed, plain)):
        names = Names(Path())
        keys = {names.run(SMALL.but(start=start), 0).key for start in order}
        parents = {names.run(SMALL.but(start=start), 0).parents[0].key for start in order}
        assert keys == {NAMES.run(SMALL.but(start=plain), 0).key}
        assert parents == {NAMES.run(SMALL, 0).key}
