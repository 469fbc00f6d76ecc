"""What a training draws: by its replicate and by its epoch, and by nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from harness.data import Augmented, Digits, RandomCrop
from harness.fleet import trainer
from harness.fleet.trainer import Member
from harness.models import Dropout, Mlp
from harness.models._dropout_nets import SeededDropout
from harness.tests.simulated import SMALL
from harness.tests.trainings import split, trained

pytestmark = pytest.mark.usefixtures("prepared")

DROPPED = SMALL.but(model=Dropout(Mlp(16, depth=2), 0.5))
SHIFTED = SMALL.but(data=Augmented(Digits(n=200, whiten=False), (RandomCrop(8, padding=1),)))


def test_dropout_masks_are_those_of_one_replicate_epoch_and_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    seeded = SeededDropout.seed

    def heard(part: SeededDropout, seed: int, device: torch.device) -> None:
        seeds.append(seed)
        seeded(part, seed, device)

    monkeypatch.setattr(SeededDropout, "seed", heard)
    for replicate in (0, 1, 0):
        trained(DROPPED, replicate)
    first, other, again = np.array(seeds).reshape(3, 3, 2)  # training, epoch, layer
    assert len({*first.flat, *other.flat}) == 12
    assert first.tolist() == again.tolist()


def test_images_are_augmented_for_their_epoch_and_replicate() -> None:
    asked: list[int] = []
    images = []
    for replicate in (0, 1):
        data = split(SHIFTED, replicate)
        drawn = data.augment
        assert drawn is not None

        def augment(epoch: int, drawn: Any = drawn) -> Any:
            asked.append(epoch)
            images.append(drawn(epoch))
            return images[-1]

        member = Member(SHIFTED, replicate, dataclasses.replace(data, augment=augment))
        outcome = trainer.train(member)
        model = trainer.restored(SHIFTED, data, outcome.weights, "cpu")
        with torch.inference_mode():
            predicted = model(torch.from_numpy(images[-1])).argmax(1).numpy()
        assert outcome.curves["train_error"][-1] == pytest.approx((predicted != data.y_train).mean())
    assert asked == [0, 1, 2, 0, 1, 2]
    assert len({image.tobytes() for image in images}) == 6
