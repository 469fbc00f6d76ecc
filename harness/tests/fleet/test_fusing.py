"""A net is fused on a GPU where that compiles, has the same numbers and is faster, and records say so."""

from __future__ import annotations

import importlib.util
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness import Sgd
from harness.fleet import _fused_nets, fusing, numerics, trainer
from harness.fleet._pretended import pretended
from harness.fleet.fusing import FUSED
from harness.lab import recording
from harness.lab.places import Place
from harness.models import Dropout, Mlp, SmallInception
from harness.models.cnn5 import Cnn5
from harness.models.curve import Curve
from harness.models.resnet18 import ResNet18
from harness.spec.contracts import Model
from harness.tests.fleet.test_streamed import NET as STREAMED
from harness.tests.fleet.test_streamed import member as streamed_member
from harness.tests.fleet.test_streamed import root as root
from harness.tests.simulated import SMALL
from harness.tests.trainings import by_reference_of, far, member

pytestmark = pytest.mark.usefixtures("prepared")

SHORT = SMALL.but(model=Cnn5(8), optimizer=Sgd(lr=0.01, epochs=1, batch=80))
"""Three steps, the last of 40 images. What is normalized over a few images, or is the same in all of them,
lets a rounding decide which units are on: by a second epoch that came to half a per cent of the loss."""
CPU = torch.device("cpu")


def as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


@pytest.fixture(autouse=True)
def compiling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A device for which torch compiles, by which nothing changes, and which is faster."""
    monkeypatch.setattr(fusing, "_SETTLED", {})
    monkeypatch.setattr(fusing, "LEAST_STEPS", 1)
    monkeypatch.setattr(fusing, "compiles", lambda device: True)
    monkeypatch.setattr(fusing, "_seconds", lambda *_: (1.0, 2.0))
    monkeypatch.setattr(_fused_nets, "compiled", as_it_is)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def off_by_a_term(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiler that forgets a term of the gradient."""
    if function.__name__ != "backward":
        return function

    def wrong(gradient: Tensor, *rest: Any) -> Any:
        by_x, by_gain, by_offset = function(gradient, *rest)
        return by_x, by_gain * 1.001, by_offset

    return wrong


def failing(function: Callable[..., Any]) -> Callable[..., Any]:
    def fail(*arguments: Any) -> Any:
        raise RuntimeError("no backend\nand much more")

    return fail


def too_large(function: Callable[..., Any]) -> Callable[..., Any]:
    def fail(*arguments: Any) -> Any:
        raise torch.OutOfMemoryError("64 GiB")

    return fail


@pytest.mark.parametrize(
    "model",
    [Cnn5(8), ResNet18(4), SmallInception(width=0.25), Dropout(Cnn5(8), 0.3), Curve(Cnn5(8))],
    ids=repr,
)
def test_what_is_fused_trains_to_the_plain_path_s_numbers(model: Model) -> None:
    one = member(SHORT.but(model=model), 1)
    expected = by_reference_of(one)
    with pretended() as gpu, _fused_nets.witnessed() as witnesses:
        ours = trainer.train(one, "cuda")
    assert ours.kernel == "captured_channels_last"
    assert ours.normalization == FUSED
    assert witnesses
    assert gpu.captured == 4  # both ways to be timed, then a full batch, and the last one
    assert ours.curves.keys() == expected.curves.keys()
    for name, values in expected.curves.items():
        assert np.allclose(ours.curves[name], values, atol=1e-3 if name.endswith("loss") else 0.05)
    assert far(ours, expected) < 0.01


def test_a_stack_is_fused_too() -> None:
    members = [member(SHORT, replicate) for replicate in range(2)]
    expected = [by_reference_of(one) for one in members]
    trained: dict[int, Any] = {}
    with pretended(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "stack_pays", lambda members, device: True)
        trainer.train_together(members, "cuda", trained.__setitem__)
    for number, plain in enumerate(expected):
        assert trained[number].kernel == "stacked"
        assert trained[number].normalization == FUSED
        assert np.allclose(trained[number].curves["train_loss"], plain.curves["train_loss"], atol=1e-3)
        assert far(trained[number], plain) < 0.01


@pytest.mark.parametrize(
    ("compiled", "said"),
    [
        (failing, "plain: fused it fails: RuntimeError: no backend$"),
        (
            off_by_a_term,
            r"plain: fused operation 0 is \d\.\de-0\d off torch's own, where 0.0001 is rounding$",
        ),
        (too_large, "plain: there is no memory to try it fused$"),
    ],
)
def test_what_fails_or_differs_trains_as_it_was_made_and_says_so(
    monkeypatch: pytest.MonkeyPatch, compiled: Any, said: str
) -> None:
    one = member(SHORT, 1)
    expected = by_reference_of(one)
    monkeypatch.setattr(_fused_nets, "compiled", compiled)
    with pretended():
        ours = trainer.train(one, "cuda")
        again = trainer.train(one, "cuda")  # settled already
    assert re.match(said, ours.normalization)
    assert again.normalization == ours.normalization
    assert far(ours, expected) < 1e-4
    assert ours.weights.keys() == expected.weights.keys()


def test_a_net_whose_gradients_differ_as_a_whole_is_not_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation may be right, and the net yet go another way."""
    monkeypatch.setattr(_fused_nets, "_sequence", doubled)
    with pretended():
        ours = trainer.train(member(SHORT, 1), "cuda")
    assert ours.normalization.startswith("plain: fused the net's gradients are")


def doubled(net: torch.nn.Sequential, x: Tensor) -> Tensor:
    """A net that goes through its first normalization once more."""
    convolution, norm, *rest = net
    x = _fused_nets.normalized(norm, convolution(x))  # type: ignore[arg-type]
    for part in (norm, *rest):
        x = part(x)
    return x


def test_what_is_slower_trains_as_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusing, "_seconds", lambda *_: (2.0, 1.0))
    with pretended(), _fused_nets.witnessed() as witnesses:
        ours = trainer.train(member(SHORT, 1), "cuda")
    tried = len(witnesses)
    assert ours.normalization == "plain: fused it takes 2.00 times as long"
    with pretended(), _fused_nets.witnessed() as witnesses:
        trainer.train(member(SHORT, 2), "cuda")
    assert tried > len(witnesses) == 0  # a replicate is alike


def test_a_net_that_is_trained_on_is_not_moved_by_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended():
        fused = trainer.train(member(SHORT.but(optimizer__epochs=1), 1), "cuda")
        again = trainer.train(member(SHORT.but(optimizer__epochs=1), 1), "cuda")
    assert far(fused, again) == 0.0  # the first tried, the second did not


def test_short_trainings_and_nets_without_it_ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended():
        assert trainer.train(member(SHORT.but(model=Mlp(8)), 1), "cuda").normalization == ""
        monkeypatch.setattr(fusing, "LEAST_STEPS", 1000)
        assert trainer.train(member(SHORT, 1), "cuda").normalization == ""
    assert trainer.train(member(SHORT, 1), "cpu").normalization == ""
    assert fusing._SETTLED == {}


def test_images_on_disk_are_normalized_so_too(root: Path) -> None:
    experiment = STREAMED.but(model=Cnn5(4), optimizer__epochs=1)
    plain = trainer.train(streamed_member(root, experiment))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusing, "_SETTLED", {})
        ours = trainer.train(streamed_member(root, experiment))
    assert plain.normalization == ours.normalization == FUSED
    assert far(ours, plain) == 0.0


def test_what_fails_midway_leaves_nothing_behind_where_images_stay_on_disk(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then the forward pass has moved running statistics, and noise has been drawn."""
    experiment = STREAMED.but(model=Dropout(Cnn5(4), 0.3), optimizer__epochs=1)
    monkeypatch.setattr(_fused_nets, "compiled", failing_backward)
    ours = trainer.train(streamed_member(root, experiment))
    assert ours.normalization.startswith("plain: fused it fails: RuntimeError")
    monkeypatch.setattr(fusing, "compiles", lambda device: False)
    assert far(ours, trainer.train(streamed_member(root, experiment))) == 0.0


def failing_backward(function: Callable[..., Any]) -> Callable[..., Any]:
    return failing(function) if function.__name__ == "backward" else function


def test_both_are_timed_in_turn_and_the_least_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    net = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.ReLU())
    ways: list[bool] = []

    def step() -> None:
        ways.append("forward" in vars(net))

    clock = iter([0.0, 5.0, 5.0, 8.0] + [10.0, 11.0, 11.0, 13.0] * 3)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert fusing._seconds(net, step, step, CPU) == (1.0, 2.0)
    each = 1 + fusing.STEPS
    assert ways == ([True] * each + [False] * each) * (1 + fusing.ROUNDS)


def test_only_for_gpus_that_are_there_is_anything_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert not fusing.compiles(CPU)
    cuda = torch.device("cuda")
    with pretended():
        assert not fusing.compiles(cuda)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    for capability, possible in (((6, 1), False), ((7, 0), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert fusing.compiles(cuda) is possible
    monkeypatch.setenv(numerics.FORCED, "reference")
    assert not fusing.compiles(cuda)


def test_a_record_says_how_it_was_normalized(tmp_path: Path) -> None:
    from harness.lab.runs import Run

    one = member(SHORT.but(optimizer__epochs=1), 1)
    run = Run(value=one.experiment, replicate=1, address="", key="0" * 64, kind="", source="")
    place = Place(store=tmp_path, data_root=tmp_path)
    with pretended():
        trained = trainer.train(one, "cuda")
    record = recording.of_training(run, place, one.split, trained, fleet=1)
    assert record.provenance["normalization"] == FUSED
    plain = recording.of_training(run, place, one.split, trainer.train(one, "cpu"), fleet=1)
    assert "normalization" not in plain.provenance


def test_a_machine_is_examined_by_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fusing.examined(CPU) == FUSED
    monkeypatch.setattr(_fused_nets, "compiled", failing)
    assert fusing.examined(CPU) == "plain: fused it fails: RuntimeError: no backend"
    monkeypatch.setattr(fusing, "compiles", lambda device: False)
    assert "Triton" in fusing.examined(CPU)
