"""Names by content: what does not matter gives no other one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.data.archives import Archive
from harness.data.stored import StoredImages
from harness.lab import names as naming
from harness.lab.names import Names, specification
from harness.spec import From, Simulation
from harness.tests.simulated import SMALL, Norm
from harness.tests.tiny import TINY, arrays_of, write_npz

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


def test_a_run_that_each_body_asks_for_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names, chained = Names(Path()), SMALL.but(start=From(SMALL))
    first = [names.run(chained, replicate) for replicate in (0, 1)]
    monkeypatch.setattr(naming, "digest", lambda value: pytest.fail("it was named before"))
    assert [names.run(chained, replicate) for replicate in (0, 1)] == first
    assert first[0].parents == (names.run(chained.starts[0].parent, 0),)


class TinyImages(StoredImages, frozen=True):
    """The code of CIFAR-10 on a collection of 80 images."""

    archive: ClassVar[Archive] = TINY


def test_other_files_give_another_name_and_copies_of_them_the_same(tmp_path: Path) -> None:
    stored = SMALL.but(data=TinyImages())
    other = arrays_of(TINY, seed=1)
    roots = [
        write_npz(tmp_path / "one"), write_npz(tmp_path / "copy"), write_npz(tmp_path / "other", **other),
    ]  # fmt: skip
    one, copy, changed = (Names(root).run(stored, 0).key for root in roots)
    assert one == copy
    assert one != changed


def test_functions_of_one_name_in_two_files_are_two() -> None:
    functions: list[Any] = []
    for module in ("one_file", "other_file"):
        scope: dict[str, Any] = {"__name__": module}
        exec("def measured(generator): return {'x': generator.random()}", scope)
        functions.append(scope["measured"])
    one, other = (specification(Simulation(function)) for function in functions)
    assert one != other


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
