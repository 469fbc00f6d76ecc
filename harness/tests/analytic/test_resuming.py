"""Solvers that go on from a checkpoint end with the bits of ``solve``, and do only what is left."""

from __future__ import annotations

import hashlib
import inspect
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pytest
from torch import nn

from harness import analytic
from harness.analytic import adam, least_squares, resumed_sweeps, resumed_trees, resuming, variational
from harness.analytic.adam import Adam
from harness.analytic.dense_nets import DenseNets
from harness.analytic.description_length import Net, Prequential, TwoPart
from harness.analytic.equal_steps import EqualSteps
from harness.analytic.full_batch import FullBatch, Network
from harness.analytic.gabor import GaborMagnitudes, LinearFit, OnFeatures, Pixels, RandomPatches
from harness.analytic.kernel_interpolation import (
    GaussianKernel,
    Interpolant,
    KernelInterpolation,
    LaplaceKernel,
)
from harness.analytic.landscape_of_models import Landscape
from harness.analytic.model_codes import CodedByModel
from harness.analytic.pac_bayes import PacBayes
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep, ReluFeatures
from harness.analytic.resuming import Halfway, Keeping
from harness.analytic.trees import BoostingGrid, ForestGrid
from harness.analytic.variational import Variational
from harness.data import Digits, RandomLabels
from harness.data.gaussian_images import GaussianImages
from harness.lab import arrays
from harness.models import Mlp
from harness.models.subspace import PROJECTIONS, Subspace
from harness.spec import Value
from harness.spec.contracts import Dataset
from harness.spec.splits import Split
from harness.spec.streams import stream

DATA = Digits(n=120)
FEW = GaussianImages(n=100, size=6, channels=1, n_test=20)
LABELS = (RandomLabels(0.5), RandomLabels(0.0))


class Steeper(Value, frozen=True):
    """Features of which the later ones are of another scale, so that a tame triangle is one no more."""

    def draw(self, generator: np.random.Generator, inputs: int, width: int) -> np.ndarray:
        return ReluFeatures().draw(generator, inputs, width)

    def of(self, x: np.ndarray, directions: np.ndarray, width: int) -> np.ndarray:
        features = ReluFeatures().of(x, directions, width)
        features[:, 500:501] *= 1e9
        return features


class Tilted(Mlp, frozen=True):
    """A net with a number that is drawn, and neither a weight nor a buffer."""

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        """The net, whose outputs are all multiplied by the number."""
        module = super().build(shape, classes, generator)
        share = float(generator.random())
        module.register_forward_hook(lambda _, inputs, outputs: outputs * share)
        return module


SOLVERS = [
    RandomFeatureSweep(FourierFeatures(5.0), (10, 40, 120, 130, 160, 300)),
    RandomFeatureSweep(FourierFeatures(5.0), (10, 40, 60), labels=LABELS),
    RandomFeatureSweep(ReluFeatures(), (130, 150, 400, 2000)),
    RandomFeatureSweep(FourierFeatures(1e4), (100, 130, 150, 200, 400)),
    RandomFeatureSweep(Steeper(), (130, 450, 480, 600, 700)),
    KernelInterpolation(GaussianKernel(5.0)),
    KernelInterpolation(LaplaceKernel(5.0), labels=LABELS, left_out=False, ridge=0.1),
    OnFeatures(GaborMagnitudes((4.0,), size=5), KernelInterpolation(GaussianKernel(5.0))),
    OnFeatures(RandomPatches(20, size=3), LinearFit()),
    OnFeatures(Pixels(), KernelInterpolation(GaussianKernel(5.0))),
    ForestGrid((2, 5, 20), (1, 2, 4)),
    ForestGrid((2, 5), (2, 3)),
    BoostingGrid((1, 3, 5), (1, 3)),
    BoostingGrid((2,), (2,)),
    FullBatch(0.2, penalty=0.01, until=1.9, steps=50),
    FullBatch(0.02, until=0.001, steps=5),
    EqualSteps(0.1, steps=9, look=2),
    Prequential(Net(epochs=4, patience=2, batch=20)),
    TwoPart(Net(epochs=3, batch=50)),
    Variational(epochs=3, draws=3, batch=50),
    CodedByModel(Mlp(8, batch_norm=True), epochs=3, patience=1, first=40),
    CodedByModel(Subspace(Mlp(8), 5), epochs=4, patience=2, first=40, lr=0.5),
    Landscape(Mlp(8, batch_norm=True), steps=7, batch=50, every=3),
    Adam(Mlp(8, batch_norm=True), steps=6, batch=50),
    Adam(Mlp(8, depth=2), steps=6, batch=50),
    Adam(Mlp(8, bias=False), steps=6),
    *(
        Adam(Subspace(Mlp(8, depth=2), 5, projection), reach=5.0, steps=6, batch=50)
        for projection in PROJECTIONS
    ),
    Adam(Subspace(Mlp(8, batch_norm=True), 5), steps=6, batch=50),
    Adam(Tilted(8), steps=6, batch=50),
    PacBayes(width=8, epochs=3, batch=50, steps=4, passes=1),
    PacBayes(width=8, epochs=3, batch=50, steps=0, passes=1),
    TwoPart(Net(width=16, lr=0.5, epochs=30, batch=50, patience=2)),  # which ends by its patience
    CodedByModel(Tilted(8), epochs=2, patience=1, first=40),
]


class Stopped(BaseException):
    """Somebody asked to end."""


class Checkpoint(NamedTuple):
    """How many parts were done, and the bytes that a store would keep."""

    step: int
    held: bytes


def solved(
    solver: Any, at: Checkpoint | None = None, until: int = 0, data: Dataset = DATA
) -> tuple[Mapping[str, Any], list[Checkpoint]]:
    """What a solver gives from a checkpoint on, and the checkpoints on its way until it is stopped."""
    left: list[Checkpoint] = []

    def between(step: int, keeping: Keeping) -> None:
        left.append(Checkpoint(step, arrays.packed(keeping())))
        if step == until:
            raise Stopped

    begun = None
    if at:
        held = arrays.unpacked(at.held, hashlib.sha256(at.held).hexdigest())
        assert held is not None
        begun = Halfway(at.step, held)
    try:
        results = resuming.solve_on(solver, data.split(None, 0), stream(0, "solution"), begun, between)
    except Stopped:
        results = {}
    return results, left


def require_equal(results: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Hold results to be those, in their order, type and last bit."""
    assert list(results) == list(expected)
    for name, value in expected.items():
        assert type(results[name]) is type(value), name
        assert np.asarray(results[name]).tobytes() == np.asarray(value).tobytes(), name


def some_of(left: list[Checkpoint], most: int = 9) -> list[Checkpoint]:
    """The first and the last of them and others between, all kinds of places of a short solver among them."""
    places = np.unique(np.linspace(0, len(left) - 1, most).round().astype(int))
    return [left[i] for i in places]


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_from_any_checkpoint_on_the_results_are_those_of_solve(solver: Any) -> None:
    expected = solver.solve(DATA.split(None, 0), stream(0, "solution"))
    results, left = solved(solver)
    require_equal(results, expected)
    steps = [checkpoint.step for checkpoint in left]
    assert len(left) > 1
    assert steps == list(range(steps[0], steps[-1] + 1))
    for checkpoint in some_of(left):
        results, later = solved(solver, checkpoint)
        require_equal(results, expected)
        assert [each.step for each in later] == [step for step in steps if step > checkpoint.step]


COUNTED: dict[str, tuple[Any, Any, str]] = {
    "conditions": (SOLVERS[0], least_squares, "_inverse_condition"),
    "squares factored": (SOLVERS[2], resumed_sweeps, "_factored"),
    "rows folded": (SOLVERS[3], resumed_sweeps, "_with_rows"),
    "blocks predicted": (SOLVERS[5], Interpolant, "_of_block"),
    "chunks of features": (SOLVERS[7], GaborMagnitudes, "_of_chunk"),
    "trees": (SOLVERS[10], resumed_trees, "_tree"),
    "boosted trees": (SOLVERS[12], resumed_trees, "_tree"),
    "products": (SOLVERS[14], Network, "hessian_times"),
    "steps of codes": (SOLVERS[17], DenseNets, "step"),
    "steps of a code": (SOLVERS[18], DenseNets, "step"),
    "posterior steps": (SOLVERS[19], variational, "gradients"),
    "looks": (SOLVERS[22], Landscape, "_looked"),
    "steps of Adam": (SOLVERS[23], adam._Update, "__call__"),
}


@pytest.mark.parametrize("counted", COUNTED.values(), ids=COUNTED)
def test_parts_that_were_done_are_not_done_again(
    monkeypatch: pytest.MonkeyPatch, counted: tuple[Any, Any, str]
) -> None:
    solver, owner, name = counted
    _, left = solved(solver)
    calls: list[str] = []
    real = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)
    solved(solver)
    whole, before = len(calls), []
    for checkpoint in some_of(left, most=5):
        calls.clear()
        solved(solver, until=checkpoint.step)
        before.append(len(calls))
        solved(solver, checkpoint)
        assert len(calls) == whole
    assert any(0 < done < whole for done in before)


def test_many_columns_are_added_a_part_at_a_time() -> None:
    sweep = RandomFeatureSweep(ReluFeatures(), (130, 150, 14_000, 18_300))
    expected = sweep.solve(FEW.split(None, 0), stream(0, "solution"))
    results, left = solved(sweep, data=FEW)
    require_equal(results, expected)
    narrower = RandomFeatureSweep(ReluFeatures(), (130, 150, 4000, 8000))
    assert len(left) == len(solved(narrower, data=FEW)[1]) + 1
    for checkpoint in left[-3:]:
        require_equal(solved(sweep, checkpoint, data=FEW)[0], expected)


def test_what_lies_in_columns_lies_in_columns_again() -> None:
    """A product of matrices may have other last bits where one of them lies otherwise in memory."""
    table = np.arange(6.0).reshape(2, 3)
    kept = {"rows": table, "columns": np.asfortranarray(table), "flat": table[0], "strided": table[:, ::2]}
    lying = resuming._as_they_lie(kept)
    assert all(array.flags.c_contiguous for name, array in lying.items() if name != "strided")
    back = resuming._as_they_lay(lying)
    assert all(np.array_equal(back[name], array) for name, array in kept.items())
    assert back["columns"].flags.f_contiguous
    assert back["rows"].flags.c_contiguous


def test_a_generator_goes_on_from_its_state() -> None:
    generator, other = stream(0, "solution"), stream(1, "solution")
    generator.random(3, dtype=np.float32)  # half of a word is left
    resuming.set_back(other, resuming.state_of(generator))
    assert other.random(5, dtype=np.float32).tolist() == generator.random(5, dtype=np.float32).tolist()
    assert other.permutation(50).tolist() == generator.permutation(50).tolist()


# -- which of them do ----------------------------------------------------------------------------------


def solver_classes() -> list[type[Value]]:
    """The classes of this house that solve."""
    modules = (import_module(f"harness.analytic.{m.name}") for m in pkgutil.iter_modules(analytic.__path__))
    return [
        each
        for module in modules
        for _, each in inspect.getmembers(module, inspect.isclass)
        if each.__module__ == module.__name__ and issubclass(each, Value) and hasattr(each, "solve")
    ]


def test_every_way_is_of_a_solver_that_there_is_and_is_tried_above() -> None:
    names = {f"{each.__module__}.{each.__qualname__}" for each in solver_classes()}
    assert resuming.WAYS.keys() <= names
    assert resuming.WAYS.keys() == {resuming._name(solver) for solver in SOLVERS}
    assert all(len(resuming.code(solver)) == 64 for solver in SOLVERS)


class Counting(Value, frozen=True):
    """A user's own solver, which says itself how it goes on."""

    upto: int = 5

    def solve(self, split: Split, generator: np.random.Generator) -> Mapping[str, Any]:
        """The sum of some numbers."""
        return {"sum": float(generator.random(self.upto).sum())}

    def solve_on(
        self, split: Split, generator: np.random.Generator, begun: Halfway | None, between: resuming.Between
    ) -> Mapping[str, Any]:
        """The same, one number after the other."""
        parts = resuming.Parts(begun, between)
        drawn = begun.arrays["drawn"] if begun else np.zeros(self.upto)
        if begun:
            resuming.set_back(generator, begun.arrays["generator"])
        while parts.done < self.upto:
            parts.begins(lambda: {"drawn": drawn, "generator": resuming.state_of(generator)})
            drawn[parts.done - 1] = generator.random()
        return {"sum": float(drawn.sum())}


class Otherwise(Counting, frozen=True):
    """What it solves is another matter, and how that goes on nobody said."""

    def solve(self, split: Split, generator: np.random.Generator) -> Mapping[str, Any]:
        """Nothing."""
        return {"sum": 0.0}


def test_a_solver_of_ones_own_goes_on_as_it_says() -> None:
    assert resuming.is_resumable(Counting())
    assert not resuming.is_resumable(Otherwise())
    assert len(resuming.code(Counting())) == 64
    expected = Counting().solve(DATA.split(None, 0), stream(0, "solution"))
    results, left = solved(Counting())
    require_equal(results, expected)
    for checkpoint in left:
        results, later = solved(Counting(), checkpoint)
        require_equal(results, expected)
        assert len(later) == len(left) - checkpoint.step


def test_a_class_of_ones_own_is_solved_as_it_is() -> None:
    class Mine(Adam, frozen=True):
        pass

    assert resuming.is_resumable(Adam(Mlp(3)))
    assert not resuming.is_resumable(Mine(Mlp(3)))
