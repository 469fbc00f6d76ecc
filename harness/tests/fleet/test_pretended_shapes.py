"""Every shape of net of the full tier trains on a pretended GPU to the plain path's numbers.

A small one of each kind of net, optimizer, loss and precision is trained here, on small images where a net
has no width, and captured after one step of warming up; all of them, as wide as in the papers and warmed up
as ever, under ``-m pretended`` (a few minutes). Images that stay on disk have kernels and tests of their own.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.fleet import captured, trainer
from harness.fleet._pretended import pretended
from harness.fleet.stacked import Stack
from harness.fleet.trainer import Member, Trained
from harness.lab.runs import parents_of, parts
from harness.spec import Experiment, Value, canonical, digest, plain
from harness.spec.keeping import Keeping
from harness.spec.splits import Split
from harness.suite.entries import item_of
from harness.suite.listing import functions
from harness.tests.trainings import by_reference_of, far

pytestmark = pytest.mark.usefixtures("prepared")
IMAGES, TESTED, BATCH = 12, 4, 8
"""A full batch and one that is not; both kinds are captured."""
NARROW, NARROWER = 4, 0.25
"""Widths in the place of the papers': channels or units, and a share of a net's own."""
LR = 0.003
"""A rate at which rounding is not amplified: batch normalization of few images does that at higher ones."""
ROUNDINGS = 16 * 2**-8
"""Relative difference of losses in bfloat16 by kernels that add up in another order: of eight bits, which
batch normalization of few images amplifies. What trains in it is held in float32 too, as near as that."""
KINDS = (
    "Cnn5", "Conv", "Curve(Vgg)", "Dropout(Conv)", "Dropout(Mlp)", "Dropout(SmallAlexNet)",
    "Dropout(SmallInception)", "EpflAlexNet", "LeNet300", "Masked(Conv)", "Masked(Dropout(Conv))",
    "Masked(LeNet300)", "Mlp", "Redrawn(Conv)", "Redrawn(LeNet300)", "Redrawn(Mlp)", "Redrawn(Vgg)",
    "ResNet18", "SlowHead(Cnn5)", "SmallAlexNet", "SmallInception", "StudentCnn", "Vgg",
)  # fmt: skip
PIXELS = 8
"""Height and breadth of images for a net without a width, whose dense layers then are small."""


def kind_of(model: object) -> str:
    """The names of a model's classes, from outside to inside."""
    inner = getattr(model, "model", None)
    return f"{type(model).__name__}({kind_of(inner)})" if isinstance(inner, Value) else type(model).__name__


@functools.cache
def shapes() -> dict[str, list[Experiment]]:
    """An experiment of each shape of the full tier by its kind, the cheapest first."""
    waiting = [
        part
        for function in functions(Path(__file__).parents[3], ["full"])
        for value in item_of(function).computed()
        for part in parts(plain(value))
    ]
    by_shape: dict[str, Experiment] = {}
    while waiting:
        value: Any = waiting.pop()
        waiting += parents_of(value)
        if isinstance(value, Experiment) and not value.data.streamed:
            cut = small(value)
            by_shape.setdefault(trained_alike(cut), cut)
    kinds: dict[str, list[Experiment]] = {}
    for experiment in sorted(by_shape.values(), key=cost):
        kinds.setdefault(kind_of(experiment.model), []).append(experiment)
    return kinds


def small(experiment: Experiment) -> Experiment:
    """An epoch of few steps."""
    cut = experiment.but(stop=None, probes=(), start=())
    if not cut.optimizer.epochs:
        return cut
    optimizer: Any = cut.optimizer
    return cut.but(optimizer__epochs=1, optimizer__batch=BATCH, optimizer__lr=min(LR, optimizer.lr))


def trained_alike(experiment: Experiment) -> str:
    """What a kernel's work depends on, whatever the data are beside their shape."""
    data, optimizer = experiment.data, experiment.optimizer
    alike = optimizer.alike if isinstance(optimizer, Keeping) else ()
    updated = type(optimizer).__name__, optimizer.momentum, optimizer.weight_decay, *alike
    of_net = canonical(experiment.model), list(data.shape), data.classes
    return digest([of_net, updated, experiment.loss, experiment.precision, experiment.losses])


def cost(experiment: Experiment) -> float:
    return float(experiment.model.cost(experiment.data.shape, experiment.data.classes))


def drawn(experiment: Experiment, replicate: int, pixels: int | None = None) -> Split:
    """Random images and labels of the shape of its data, or of so many pixels a side."""
    generator = np.random.default_rng(replicate)
    data = experiment.data
    shape = data.shape if pixels is None else (data.shape[0], pixels, pixels)

    def images(n: int) -> np.ndarray:
        return generator.standard_normal((n, *shape)).astype(np.float32)

    y, y_test = (generator.integers(data.classes, size=n) for n in (IMAGES, TESTED))
    return Split(images(IMAGES), y, y, np.zeros(IMAGES, bool), images(TESTED), y_test, data.classes)


def of_each(experiments: Sequence[Experiment]) -> Iterator[Experiment]:
    """A narrow net with each optimizer, loss and precision; what trains in bfloat16 in float32 too."""
    seen: set[str] = set()
    for experiment in experiments:
        narrowed = experiment.but(model=narrow(experiment.model))
        for cut in in_full_too(narrowed):
            optimizer = cut.optimizer
            decays = bool(optimizer.weight_decay)
            key = repr((type(optimizer), decays, cut.loss, cut.precision, cut.losses, normalized(cut.model)))
            if key not in seen:
                seen.add(key)
                yield cut


def in_full_too(experiment: Experiment) -> list[Experiment]:
    """An experiment in bfloat16 in float32 before."""
    if experiment.precision == "bfloat16":
        return [experiment.but(precision="float32"), experiment]
    return [experiment]


def narrow(model: Any) -> Any:
    """A model of the same layers with few channels, as far as its class has a width."""
    inner = getattr(model, "model", None)
    if isinstance(inner, Value):
        return model.but(model=narrow(inner))
    width = getattr(model, "width", None)
    if width is None:
        return model
    return model.but(width=min(NARROWER, width) if isinstance(width, float) else min(NARROW, width))


def normalized(model: Any) -> bool:
    return bool(getattr(model, "batch_norm", False))


def equal(result: Trained, expected: Trained, precision: str) -> None:
    """The plain path's numbers, to rounding; at reduced precision to that."""
    near = ROUNDINGS if precision == "bfloat16" else 2e-3
    assert result.curves.keys() == expected.curves.keys()
    for name, values in expected.curves.items():
        if name.endswith("loss"):
            assert result.curves[name] == pytest.approx(values, rel=near)
    assert far(result, expected) <= 2e-2


def hold(experiment: Experiment, monkeypatch: pytest.MonkeyPatch, pixels: int | None = None) -> None:
    """Train two replicates by the plain path, and on the GPU as a stack and one alone, or else each alone."""
    members = [Member(experiment, r, drawn(experiment, r, pixels)) for r in range(2)]
    plainly = [by_reference_of(member) for member in members]
    together: dict[int, Trained] = {}
    seconds = itertools.cycle([9.0, 1.0])  # a stack always pays
    monkeypatch.setattr(trainer, "_seconds", lambda kernel, device: next(seconds))
    noisy = {"Dropout", "Curve"} & set(re.findall(r"\w+", kind_of(experiment.model)))
    trains = experiment.optimizer.epochs > 0
    stackable = not noisy and trains
    with pretended() as gpu:
        trainer.train_together(members, "cuda", together.__setitem__)
        alone = trainer.train(members[0], "cuda") if stackable else together[0]
    equal(alone, plainly[0], experiment.precision)
    for i, expected in enumerate(plainly):
        equal(together[i], expected, experiment.precision)
    assert (together[0].kernel == "stacked") is stackable
    assert alone.kernel.startswith("captured") is trains
    # of a full batch and of the last one: by the stack and the single net, or else by each of the two
    assert gpu.captured == 2 * 2 * trains


def warm_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are captured after one step of warming up: what that changes, each of them does."""
    monkeypatch.setattr(captured, "WARM_UP", 1)
    step = Stack._step
    warmed: list[torch.Tensor] = []

    def once(stack: Stack, begin: int, size: int, first: torch.Tensor | None = None) -> None:
        if first is not None and not torch.cuda.is_current_stream_capturing():
            if any(first is other for other in warmed):
                return
            warmed.append(first)  # of one graph
        step(stack, begin, size, first)

    monkeypatch.setattr(Stack, "_step", once)


def test_every_kind_of_net_is_named_here() -> None:
    assert sorted(shapes()) == sorted(KINDS)
    assert sum(map(len, shapes().values())) > 70


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_net_of_each_kind_trains_on_a_gpu(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up_once(monkeypatch)
    pixels = PIXELS if re.search(r"\bConv\b", kind) else None
    for experiment in of_each(shapes()[kind]):
        hold(experiment, monkeypatch, pixels)


@pytest.mark.pretended
@pytest.mark.parametrize("kind", KINDS)
def test_all_nets_of_each_kind_train_on_a_gpu(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for experiment in shapes()[kind]:
        for one in in_full_too(experiment):
            hold(one, monkeypatch)
