"""Two processes that share a training on pretended GPUs, and meet by gloo, count as two on the CPU do."""

from __future__ import annotations

import contextlib
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch.distributed
from torch.nn.parallel import DistributedDataParallel

from harness.data import digests
from harness.fleet import numerics, ranks, trainer
from harness.fleet._pretended import pretended
from harness.fleet.optimizers import Sgd
from harness.fleet.streamed import Rank
from harness.fleet.trainer import Member, Trained
from harness.models import Dropout, StudentCnn
from harness.spec import Experiment
from harness.tests.folders import TINY, write_folder

NET = Experiment(
    TINY, Dropout(StudentCnn(8, 16, 16), 0.3), Sgd(lr=0.05, epochs=2, batch=11, weight_decay=1e-4)
)
BOTH = ["cuda:0", "cuda:0"]
"""Each process sees one GPU, its own."""

_serve, _meet, _epoch = ranks._serve, torch.distributed.init_process_group, Rank.epoch


def serve_pretended(pipe: Connection, part: ranks.RankPart) -> None:
    """Be a rank whose GPU is pretended, with gloo in place of NCCL, which takes none of that kind."""
    with pretended() as gpu, contextlib.ExitStack() as changes:

        class Pretended(DistributedDataParallel):
            """What torch's own code in C++ makes for it lies on the GPU, too."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                with gpu.scope(True):
                    super().__init__(*args, **kwargs)

            def forward(self, *args: Any, **kwargs: Any) -> Any:
                """The net's outputs."""
                with gpu.scope(True):
                    return super().forward(*args, **kwargs)

        def meet(backend: str, **met: Any) -> None:
            assert backend == "nccl"
            _meet("gloo", **met)

        def epoch(rank: Rank, number: int) -> dict[str, float]:
            assert all(gpu.holds(p) for p in rank.module.parameters()), "the net lies on the GPU"
            return _epoch(rank, number)

        changes.enter_context(mock.patch.object(torch.distributed, "init_process_group", meet))
        changes.enter_context(mock.patch.object(torch.nn.parallel, "DistributedDataParallel", Pretended))
        changes.enter_context(mock.patch.dict(ranks._CALLS, epoch=epoch))
        _serve(pipe, part)


def trained(root: Path) -> Trained:
    """The training by the processes that ``ranks`` starts."""
    return trainer.train(Member(NET, 1, NET.data.split(root, 1)))


def test_two_ranks_on_pretended_gpus_train_as_two_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: None
) -> None:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    numerics.prepare("cpu")
    root = write_folder(tmp_path)
    monkeypatch.setenv(ranks.RANKS, "2")
    monkeypatch.setenv(ranks.LOADERS, "0")
    expected = trained(root)
    monkeypatch.setattr(ranks, "devices", lambda device: BOTH)
    monkeypatch.setattr(ranks, "_serve", serve_pretended)
    pretending = trained(root)
    assert pretending.curves == expected.curves
    assert len(pretending.curves["train_loss"]) == 2
    assert all(np.array_equal(pretending.weights[n], array) for n, array in expected.weights.items())
