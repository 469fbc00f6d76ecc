"""A rank that is spawned: those of other tests are copies of a process that has imported what ranks need."""

from __future__ import annotations

from multiprocessing import context
from pathlib import Path

import pytest

from harness.data import digests
from harness.fleet import ranks
from harness.fleet.optimizers import Sgd
from harness.fleet.streamed import Rank
from harness.models import StudentCnn
from harness.spec import Experiment
from harness.tests.folders import TINY, write_folder

NET = Experiment(TINY, StudentCnn(8, 16, 16), Sgd(lr=0.05, epochs=1, batch=11))


@pytest.mark.usefixtures("prepared")
def test_a_process_that_is_spawned_trains_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    split = ranks.on_disk(NET.data.split(write_folder(tmp_path / "folder"), 1))
    spawned = ranks.Ranks(NET, 1, split, ["cpu"])
    (process,) = spawned._finalizer.peek()[2][1]  # type: ignore[index]
    assert isinstance(process, context.SpawnProcess)
    row = spawned.ask("epoch", 0)
    assert row == pytest.approx(Rank(NET, 1, split, "cpu", loaders=0).epoch(0), rel=1e-5)
