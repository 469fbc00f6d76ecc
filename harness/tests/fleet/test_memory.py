"""Memory: how much there is, and how many processes it holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness import Experiment, Sgd
from harness.data import Augmented, Cifar10, GeneratedImages, RandomFlip
from harness.data.pitfalls import CentreCrop
from harness.fleet import cgroups, memory
from harness.models import Mlp
from harness.models.alexnet import SmallAlexNet
from harness.models.cnn5 import Cnn5
from harness.models.conv246 import Conv
from harness.models.dropout import Dropout
from harness.models.epfl_alexnet import EpflAlexNet
from harness.models.inception import SmallInception
from harness.models.lenet300 import LeNet300
from harness.models.masked import Masked
from harness.models.redrawn import Redrawn
from harness.models.resnet18 import ResNet18
from harness.models.slow_head import SlowHead
from harness.models.student import StudentCnn
from harness.models.vgg import Vgg
from harness.spec import abbreviated
from harness.spec.contracts import Model
from harness.spec.streams import stream

LARGE: list[Model] = [
    SmallInception(), ResNet18(64), Cnn5(64), Vgg(16), Conv(6), Mlp(512), LeNet300(), SmallAlexNet(),
    EpflAlexNet(), StudentCnn(32, 256, 64), Redrawn(Vgg(16)), Masked(Conv(6)), Masked(Dropout(Conv(6), 0.5)),
    Dropout(Mlp(512), 0.5), Dropout(SmallInception(), 0.5), SlowHead(Cnn5(64)),
]  # fmt: skip
"""Nets of the kinds of the full tier, some half of them around another."""
SEGMENT = 20 * 2**20
"""Bytes that torch's allocator takes of a GPU at least for what is over a mebibyte (``kLargeBuffer``)."""
WHOLE = Cifar10(crop=None)


def test_memory_is_seen() -> None:
    assert 2**28 < memory.available() <= memory.UNKNOWN
    peak = memory.Peak("cpu")
    block = np.ones(2**25)
    assert peak.bytes() > block.nbytes


def test_the_peak_is_that_of_the_largest_process_that_computes_for_this_one() -> None:
    peak = memory.Peak("cpu")
    memory.note_elsewhere(2**50)
    memory.note_elsewhere(3)
    assert peak.bytes() == 2**50
    assert memory.Peak("cpu").bytes() < 2**50  # of what is computed next


def test_asking_for_a_gpus_peak_takes_up_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process that other ranks compute for made a context of its own")

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", refuse)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", refuse)
    assert memory.Peak("cuda").bytes() == 0


def test_memory_of_a_group_limits_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "memory", lambda: 3.0e9)
    monkeypatch.setattr(memory, "_machine", lambda: 8 * 10**9)
    assert memory.available() == 3 * 10**9
    monkeypatch.setattr(cgroups, "memory", lambda: float("inf"))
    assert memory.available() == 8 * 10**9


def kept_of(model: Model, batch: int) -> int:
    """Bytes that autograd keeps of a step of so many examples, told by shapes alone."""
    import torch

    module = model.build(WHOLE.shape, WHOLE.classes, stream(1, "initialization")).to("meta")
    weights = {parameter.untyped_storage()._cdata for parameter in module.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = module(torch.empty((batch, *WHOLE.shape), device="meta"))
        torch.nn.functional.cross_entropy(outputs, torch.empty(batch, dtype=torch.int64, device="meta"))
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("model", LARGE, ids=abbreviated)
def test_a_member_of_a_stack_is_estimated_within_a_factor_of_two(model: Model) -> None:
    experiment = Experiment(WHOLE, model, Sgd(lr=0.1, epochs=1, batch=128))
    _, each = memory.stacked(experiment)
    graphs = kept_of(model, 128) + kept_of(model, 50_000 % 128)  # of a batch, and of the last one
    kept = graphs + 3 * 4 * model.size(WHOLE.shape, WHOLE.classes)
    assert kept <= each < max(2 * kept, SEGMENT), (each / 2**30, kept / 2**30)


def test_images_that_are_a_members_own_are_counted_for_each() -> None:
    shared = Experiment(WHOLE, Conv(), Sgd(lr=0.1, epochs=1, batch=128))
    changed = shared.but(data=Augmented(Cifar10(whiten=False, crop=None), (RandomFlip(),)))
    drawn = shared.but(data=GeneratedImages(n=50_000, size=32))
    train, test = 50_000 * 3072 * 4, 10_000 * 3072 * 4
    together, each = memory.stacked(shared)
    assert memory.stacked(changed) == (together, each + train)  # with those that a GPU changes in epochs
    made_by_the_host = changed.but(data=Augmented(Cifar10(whiten=False, crop=None), (CentreCrop(32),)))
    assert memory.stacked(made_by_the_host) == (together - train, each + train)
    other_together, other = memory.stacked(drawn)
    assert other - each > train
    assert together - other_together >= train + test
    # by which fewer fit on a GPU of 80 GB
    free = 70 * 2**30
    assert memory.fitting(shared, free) > 1.2 * memory.fitting(changed, free)
    assert memory.fitting(shared, 0) == 1


def test_nets_whose_weights_are_drawn_anew_are_counted_as_those_they_are_drawn_of() -> None:
    shape, classes = WHOLE.shape, WHOLE.classes
    plain = memory.counted(Conv(2), shape, classes)
    assert memory.counted(Redrawn(Conv(2)), shape, classes) == plain
    assert memory.counted(Redrawn(Conv(2), draw=2), shape, classes) == plain


@pytest.mark.parametrize("error", [NotImplementedError, TypeError("a user's own class")])
def test_what_shapes_do_not_tell_is_estimated(
    error: type[Exception] | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> memory.Step:
        raise error

    experiment = Experiment(WHOLE, Conv(), Sgd(lr=0.1, epochs=1))
    known = memory.step_of(experiment)
    monkeypatch.setattr(memory, "counted", refuse)
    step = memory.step_of(experiment)
    assert known.kept <= step.kept < 2.5 * known.kept
    assert step.largest == known.largest > 3072 * 4


def test_a_stack_is_as_large_as_what_is_free_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    free = 40 * 2**30
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80 * 2**30))
    experiment = Experiment(WHOLE, Conv(), Sgd(lr=0.1, epochs=1, batch=128))
    shared, each = memory.stacked(experiment)
    count = memory.together(experiment, "cuda")
    assert shared + count * each <= 0.9 * free < shared + (count + 1) * each
