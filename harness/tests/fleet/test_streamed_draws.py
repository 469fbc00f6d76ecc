"""What a streamed training draws: by its replicate and by its epoch, as one in memory does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.data import RedrawnLabels, decoding, digests
from harness.fleet import trainer
from harness.fleet.optimizers import Sgd
from harness.fleet.streamed import Rank
from harness.fleet.trainer import Member
from harness.models import Dropout, StudentCnn
from harness.models._dropout_nets import SeededDropout
from harness.spec import Experiment
from harness.tests.folders import TINY, write_folder

pytestmark = pytest.mark.usefixtures("prepared")

NET = Experiment(TINY, StudentCnn(8, 16, 16), Sgd(lr=0.05, epochs=2, batch=12))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    return write_folder(tmp_path / "folder")


def train(root: Path, experiment: Experiment, replicate: int) -> None:
    trainer.train(Member(experiment, replicate, experiment.data.split(root, replicate)))


def test_images_are_augmented_for_their_epoch_and_replicate(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, int, int]] = []
    draw_of = decoding.draw_of

    def noted(replicate: int, epoch: int, row: int) -> int:
        drawn.append((replicate, epoch, row))
        return draw_of(replicate, epoch, row)

    monkeypatch.setattr(decoding, "draw_of", noted)
    for replicate in (0, 1):
        train(root, NET.but(data__augmented=True), replicate)
    rows = range(TINY.train_size)
    assert set(drawn) == {(replicate, epoch, row) for replicate in (0, 1) for epoch in (0, 1) for row in rows}
    assert len({draw_of(*key) for key in set(drawn)}) == len(set(drawn))


def test_dropout_masks_are_those_of_one_replicate_epoch_and_layer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    seeded = SeededDropout.seed

    def heard(part: SeededDropout, seed: int, device: torch.device) -> None:
        seeds.append(seed)
        seeded(part, seed, device)

    monkeypatch.setattr(SeededDropout, "seed", heard)
    for replicate in (0, 1, 0):
        train(root, NET.but(model=Dropout(NET.model)), replicate)
    first, other, again = np.array(seeds).reshape(3, -1)
    assert len({*first, *other}) == len(first) + len(other)
    assert first.tolist() == again.tolist()


def test_labels_are_redrawn_in_every_epoch(root: Path) -> None:
    split = TINY.but(labels=RedrawnLabels()).split(root, 0)
    rank, labels = Rank(NET, 0, split, "cpu"), []
    for epoch in (0, 1):
        rank.epoch(epoch)
        labels.append(rank.labels.tolist())
        assert split.redraw is not None
        assert labels[-1] == split.redraw(epoch).tolist()
    assert labels[0] != labels[1]
