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
from harness.fleet import _pretended_norms as norms
from harness.fleet import numerics, ranks, trainer
from harness.fleet._pretended import pretended
from harness.fleet.optimizers import Sgd
from harness.fleet.streamed import Rank
from harness.fleet.trainer import Member, Trained
from harness.models import Dropout, SmallInception, StudentCnn
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


NORMALIZED = NET.but(model=SmallInception(width=0.125), optimizer__batch=9)
"""Batches of 9, 9 and 6, which two processes share unequally or not: over a batch of two images, as it ends
with 11, the smallest rounding is magnified."""


def trained(root: Path, experiment: Experiment = NET) -> Trained:
    """The training by the processes that ``ranks`` starts."""
    return trainer.train(Member(experiment, 1, experiment.data.split(root, 1)))


def test_batches_are_normalised_over_two_ranks_as_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: None
) -> None:
    """Each has half of every batch: its own statistics alone would give another net."""
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    numerics.prepare("cpu")
    root = write_folder(tmp_path)
    monkeypatch.setenv(ranks.LOADERS, "0")
    expected = trained(root, NORMALIZED)
    monkeypatch.setattr(ranks, "devices", lambda device: BOTH)
    monkeypatch.setattr(ranks, "_serve", serve_pretended)
    shared = trained(root, NORMALIZED)
    assert shared.curves["train_loss"] == pytest.approx(expected.curves["train_loss"], rel=1e-5)
    assert any("running_var" in name for name in expected.weights)
    for name, array in expected.weights.items():
        np.testing.assert_allclose(shared.weights[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("shape", [(12, 5), (12, 5, 4, 3)], ids=len)
@pytest.mark.parametrize("affine", [True, False])
def test_normalization_of_parts_is_that_of_the_batch(shape: tuple[int, ...], affine: bool) -> None:
    """Outputs, gradients and running statistics of unequal parts are those of torch's own for a CPU."""
    generator = torch.Generator().manual_seed(3)
    x, slope = (torch.randn(shape, generator=generator, dtype=torch.float64).float() for _ in range(2))
    mean, var, momentum, eps = torch.zeros(5), torch.ones(5), 0.1, 1e-3
    weight, bias = (torch.randn(5, generator=generator) for _ in range(2)) if affine else (None, None)
    plain = [t.clone().requires_grad_() for t in (x, weight, bias) if t is not None]
    expected_mean, expected_var = mean.clone(), var.clone()
    scale, shift = plain[1:] if affine else (None, None)
    out = torch.nn.functional.batch_norm(
        plain[0], expected_mean, expected_var, scale, shift, training=True, momentum=momentum, eps=eps
    )
    out.backward(slope)
    parts, slopes = x.split([9, 3]), slope.split([9, 3])
    means, inverses = (torch.stack(each) for each in zip(*(norms.stats(p, eps) for p in parts), strict=True))
    counts = torch.tensor([float(part[:, 0].numel()) for part in parts])
    whole, inverse = norms.gathered(x, means, inverses, mean, var, momentum, eps, counts)
    made = torch.cat([norms.normalized(p, weight, bias, whole, inverse, eps) for p in parts])
    torch.testing.assert_close(made, out.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close((mean, var), (expected_mean, expected_var), rtol=1e-5, atol=1e-6)
    of_parts = list(zip(slopes, parts, strict=True))
    sums = [norms.sums(*part, whole, inverse, weight, True, True, True) for part in of_parts]
    total, product, gain, offset = (sum(each) for each in zip(*sums, strict=True))
    by_input = [norms.backward(*part, whole, inverse, weight, total, product, counts) for part in of_parts]
    gradients = [torch.cat(by_input), *([gain, offset] if affine else [])]
    for gradient, tensor in zip(gradients, plain, strict=True):
        torch.testing.assert_close(gradient, tensor.grad, rtol=1e-4, atol=1e-5)


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
