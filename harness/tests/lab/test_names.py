"""Names by content: what does not matter gives no other one."""

from __future__ import annotations

from pathlib import Path

from harness.lab.names import Names
from harness.spec import From
from harness.tests.simulated import SMALL, Norm

NAMES = Names(Path())


def test_a_probed_parent_does_not_give_a_chain_another_name() -> None:
    plain, probed = From(SMALL), From(SMALL.but(probes=(Norm(),)))
    for order in ((plain, probed), (probed, plain)):
        names = Names(Path())
        keys = {names.run(SMALL.but(start=start), 0).key for start in order}
        parents = {names.run(SMALL.but(start=start), 0).parents[0].key for start in order}
        assert keys == {NAMES.run(SMALL.but(start=plain), 0).key}
        assert parents == {NAMES.run(SMALL, 0).key}
