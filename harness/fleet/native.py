"""The native kernel: small nets in C++, compiled on demand, one thread, whole epochs per call.

``net(module, shape, ...)`` gives a net in training, or None where the module is not of the kind that
native.cpp trains or where nothing can be compiled: then another kernel does the work. The compiled
library stays in the user's cache (``native_library``); ``HARNESS_NATIVE=0`` switches the kernel off.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from harness.fleet import native_check, native_library
from harness.fleet.native_plans import Named, NativePlan, plan_of
from harness.fleet.native_rules import NativeRule

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

KERNEL = "native"
OFF = "HARNESS_NATIVE"
"""Set this variable to 0 to train without the native kernel."""

SOURCES = (
    "native.cpp", "native_dense.cpp", "native_convolution.h", "native_dense.h", "native_maps.h",
    "native_moments.h", "native_vectors.h",
)  # fmt: skip
FLAGS = "-O3 -march=native -std=c++17 -ffp-contract=fast -fno-strict-aliasing -shared -fPIC"
EVALUATION_BATCH = 128  # at least: each batch arranges the weights anew

_loading = threading.Lock()


def available() -> bool:
    """Whether there is a library, compiled now or before, that gives right answers."""
    return os.environ.get(OFF) != "0" and _library() is not None


def net(
    module: nn.Module,
    shape: tuple[int, ...],
    *,
    batch: int,
    loss: str,
    rule: NativeRule,
    precision: str = "float32",
) -> NativeNet | None:
    """A net in training from the module's weights, or None: then use another kernel.

    Args:
        module: one that ``plan_of`` describes; it is read, not changed.
        shape: of one example.
        batch: examples per step (one more is accepted: a last single example joins its neighbours).
        loss: "cross_entropy", or "squared" (mean over examples and classes, one-hot targets).
        rule: of a step.
        precision: "float32", or "bfloat16": operands and results of every layer and gradient are rounded
            to it, as under torch's autocast; sums are taken, and weights kept, in float32.
    """
    plan = plan_of(module, shape)
    if plan is None or not available():
        return None
    library = _library()
    assert library is not None
    made = NativeNet(plan, library, shape, batch, loss, rule, precision)
    made.load({name: tensor.detach().numpy() for name, tensor in module.state_dict().items()})
    return made


class NativeExamples(NamedTuple):
    """Images and labels that were checked, with their addresses: theirs for as long as this is kept."""

    x: np.ndarray
    y: np.ndarray
    images: int
    labels: int


class NativeNet:
    """One replica in training. One call at a time; calls of different nets run in parallel threads.

    Images are read as they are, float32 [examples, *shape] in C order; training is fastest where they
    begin at a multiple of 64 bytes, as torch's own tensors do.
    """

    def __init__(
        self,
        plan: NativePlan,
        library: ctypes.CDLL,
        shape: tuple[int, ...],
        batch: int,
        loss: str,
        rule: NativeRule,
        precision: str = "float32",
    ) -> None:
        import numpy as np

        if loss not in ("cross_entropy", "squared"):
            raise ValueError(f'loss={loss!r}: use "cross_entropy" or "squared"')
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f'precision={precision!r}: use "float32" or "bfloat16"')
        self.plan, self.shape, self.rule = plan, tuple(shape), rule
        self.taken = 0
        if precision == "bfloat16" and not plan.plain:
            raise ValueError(f"no plan of this kind is trained in {precision}")
        self._most = batch + 1
        self._library = library
        none_dropped = np.zeros(len(plan.layers), dtype=np.int64)
        self._none_dropped = none_dropped, none_dropped.ctypes.data
        self._told: list[float] = []  # rates and bounds of the last epoch: as a rule those of the next one
        self._rates, self._rates_at = none_dropped, 0
        self._bounds, self._bounds_at = none_dropped, 0
        self._steps = dict.fromkeys(plan.counters, 0)
        spec, reals = _numbers(plan)
        room = self._most if plan.graph else max(self._most, EVALUATION_BATCH)
        stages = len(plan.graph.stages) if plan.graph else 0
        flags = (int(loss == "squared"), int(precision == "bfloat16"))
        counts = (stages, len(plan.convolutions), len(plan.layers), room, *flags)
        steps = np.array(rule, dtype=np.float64)
        self._net = library.native_new(spec.ctypes.data, reals.ctypes.data, *counts, steps.ctypes.data)
        if not self._net:
            raise MemoryError(f"no memory for a net with batches of {batch}")
        weakref.finalize(self, library.native_free, self._net)

    def load(self, weights: dict[str, np.ndarray], velocities: Sequence[np.ndarray] = ()) -> None:
        """Take over weights and buffers by name; what ``velocities`` gave, or all zero."""
        self._copy([weights[name] for name, _ in self.plan.parameters], velocities)
        counts = velocities[2 * len(self.plan.parameters) :] if self.rule.adaptive else ()
        self.taken = int(counts[0]) if counts else 0
        if self.plan.buffers:
            self._copy_buffers([weights[name] for name, _ in self.plan.buffers])
        self._steps = {name: int(weights[name]) for name in self.plan.counters}

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers, under the names and in the shapes of ``state_dict``."""
        import numpy as np

        plan = self.plan
        arrays = _parts(self._copy()[0], plan.parameters)
        if plan.buffers:
            arrays |= _parts(self._copy_buffers(), plan.buffers)
        return arrays | {name: np.array(steps) for name, steps in self._steps.items()}

    def velocities(self) -> list[np.ndarray]:
        """Copies of all velocities in the order of the parameters; none without momentum.

        Of Adam: means of gradients, then of their squares, each in this order, then the number of steps.
        """
        import numpy as np

        if not (self.rule.momentum or self.rule.adaptive):
            return []
        _, moving, squares = self._copy()
        moved = list(_parts(moving, self.plan.parameters).values())
        if not self.rule.adaptive:
            return moved
        return [*moved, *_parts(squares, self.plan.parameters).values(), np.array(self.taken)]

    def epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        order: np.ndarray,
        batches: Sequence[tuple[int, int]],
        rates: Sequence[float],
    ) -> float:
        """Train one step per batch, without holding Python's lock.

        Args:
            x: float32 [examples, *shape]; y: labels, int64 [examples].
            order: examples in the order of training, int64; one may come several times.
            batches: (begin, end) of each step in ``order``, one after the other.
            rates: the learning rate of each step.

        Returns:
            The sum over the examples trained of the loss before their step.

        Raises:
            ValueError: arrays of another type, shape or memory order; labels or examples that do not
                exist; batches with gaps, or larger than the net was made for.
        """
        import numpy as np

        if order.dtype != np.int64 or not 0 <= order.min() <= order.max() < len(x):
            raise ValueError("order must be int64 and name examples that exist")
        bounds = self.bounds(batches, len(order))
        return self.descend(self.read(x, y), np.ascontiguousarray(order), bounds, rates)

    def errors(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """1 where the prediction differs from the label, uint8 [examples].

        Raises:
            ValueError: as ``epoch``.
        """
        return self.wrong(self.read(x, y))

    def read(self, x: np.ndarray, y: np.ndarray) -> NativeExamples:
        """Examples checked once for all epochs: what the library reads without asking must be there.

        Raises:
            ValueError: as ``epoch``.
        """
        if x.dtype != "float32" or x.shape[1:] != self.shape or not x.flags.c_contiguous:
            raise ValueError(f"x must be float32 [examples, {', '.join(map(str, self.shape))}] in C order")
        if y.dtype != "int64" or y.shape != x.shape[:1] or not y.flags.c_contiguous:
            raise ValueError("y must be int64 [examples] without gaps")
        if len(y) and not 0 <= y.min() <= y.max() < self.plan.classes:
            raise ValueError(f"labels must be 0 to {self.plan.classes - 1}")
        return NativeExamples(x, y, x.ctypes.data, y.ctypes.data)

    def bounds(self, batches: Sequence[tuple[int, int]], count: int) -> np.ndarray:
        """Where the steps of an epoch over ``count`` examples begin, and where the last ends: int64.

        Raises:
            ValueError: as ``epoch``.
        """
        import numpy as np

        bounds = np.array([batches[0][0], *(end for _, end in batches)], dtype=np.int64)
        sizes = np.diff(bounds)
        if any(begin != bound for (begin, _), bound in zip(batches, bounds, strict=False)):
            raise ValueError("batches must follow one another")
        least = self.plan.least
        if sizes.min() < least or sizes.max() > self._most or bounds[0] < 0 or bounds[-1] > count:
            raise ValueError(f"batches must lie within the order and have {least} to {self._most} examples")
        return bounds

    def descend(
        self,
        examples: NativeExamples,
        order: np.ndarray,
        bounds: np.ndarray,
        rates: Sequence[float],
        kept: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> float:
        """Train an epoch over what has been checked; the order is int64 without gaps and within it.

        Args:
            kept: layer whose inputs are dropped -> which are not, bool [examples of the order, inputs].
        """
        import numpy as np

        if len(rates) != len(bounds) - 1:
            raise ValueError(f"{len(bounds) - 1} batches, but {len(rates)} learning rates")
        if rates != self._told:
            self._told, self._rates = list(rates), np.array(rates, dtype=np.float64)
            self._rates_at = self._rates.ctypes.data
        if bounds is not self._bounds:
            self._bounds, self._bounds_at = bounds, bounds.ctypes.data
        none, dropped = self._none_dropped
        if kept:
            none = np.array([kept[i].ctypes.data if i in kept else 0 for i in range(len(none))])
            dropped = none.ctypes.data
        read = (examples.images, examples.labels)
        pointers = (order.ctypes.data, self._bounds_at, self._rates_at)
        more = (len(rates), dropped, self.taken)
        total = self._library.native_epoch(self._net, *read, *pointers, *more)
        self.taken += len(rates)
        for name in self._steps:
            self._steps[name] += len(rates)
        return float(total)

    def wrong(self, examples: NativeExamples) -> np.ndarray:
        """Predict what has been checked: 1 where it differs from the label, uint8 [examples]."""
        import numpy as np

        count = len(examples.y)
        wrong = np.empty(count, dtype=np.uint8)
        self._library.native_errors(self._net, examples.images, examples.labels, count, wrong.ctypes.data)
        return wrong

    def _copy(
        self, weights: Sequence[np.ndarray] | None = None, velocities: Sequence[np.ndarray] = ()
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, velocities and squares out of the net, flat; or into it where weights are given."""
        import numpy as np

        parameters = self.plan.parameters
        size = sum(math.prod(shape) for _, shape in parameters)
        flat, moving, squares = np.zeros((3, size), dtype=np.float32)
        count = len(parameters)
        first, second = velocities[:count], velocities[count : 2 * count]
        for array, kept in ((flat, weights or ()), (moving, first), (squares, second)):
            if kept:
                np.concatenate([part.ravel() for part in kept], out=array)
        third = squares.ctypes.data if self.rule.adaptive else None
        into = int(weights is not None)
        self._library.native_copy(self._net, flat.ctypes.data, moving.ctypes.data, third, into)
        return flat, moving, squares

    def _copy_buffers(self, arrays: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """All buffers out of the net as a flat array, or into it where they are given."""
        import numpy as np

        flat = np.zeros(sum(math.prod(shape) for _, shape in self.plan.buffers), dtype=np.float32)
        if arrays is not None:
            np.concatenate([array.ravel() for array in arrays], out=flat)
        self._library.native_copy_buffers(self._net, flat.ctypes.data, int(arrays is not None))
        return flat


def _numbers(plan: NativePlan) -> tuple[np.ndarray, np.ndarray]:
    """The integers and the reals of a plan, as native.cpp reads them."""
    import numpy as np

    convolutions = [n for convolution in plan.convolutions for n in convolution]
    dense = [n for layer in plan.layers for n in layer.integers]
    integers = [*(plan.graph.integers if plan.graph else ()), *convolutions, *dense]
    reals = [*(plan.graph.reals if plan.graph else ()), *(n for layer in plan.layers for n in layer.reals)]
    return np.array(integers, dtype=np.int64), np.array(reals, dtype=np.float64)


def _parts(flat: np.ndarray, named: Sequence[Named]) -> dict[str, np.ndarray]:
    """Copies of the arrays that lie in a flat one, one after the other."""
    parts, begin = {}, 0
    for name, shape in named:
        end = begin + math.prod(shape)
        parts[name] = flat[begin:end].reshape(shape).copy()
        begin = end
    return parts


def _library() -> ctypes.CDLL | None:
    """The library, compiled if need be; None for the rest of the process if anything is wrong with it."""
    with _loading:
        return _loaded()


@functools.cache
def _loaded() -> ctypes.CDLL | None:
    with contextlib.suppress(Exception):  # whatever it is, another kernel does the work
        path = _compiled()
        if path is not None:
            library = _declared(ctypes.CDLL(str(path)))
            if _correct(library):
                return library
    return None


def _compiled() -> Path | None:
    """The library of these sources, which a process of its own has tried; None where there is none."""
    here = Path(__file__).parent
    return native_library.compiled([here / name for name in SOURCES], FLAGS, _tried)


def _tried(library: Path) -> native_library.FirstLoad:
    """Load and try a library in a process of its own."""
    code = "import sys; from harness.fleet import native; native.load_first(sys.argv[1])"
    return native_library.tried(code, library)


def load_first(library: str) -> None:
    """Load a library and end this process if its answers are wrong."""
    if not _correct(_declared(ctypes.CDLL(library))):
        raise SystemExit(native_library.WRONG)


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with the types of its functions, which release Python's lock."""
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.native_new.argtypes = [pointer, pointer, *[number] * 6, pointer]
    library.native_new.restype = pointer
    library.native_free.argtypes = [pointer]
    library.native_free.restype = None
    library.native_copy.argtypes = [*[pointer] * 4, number]
    library.native_copy.restype = None
    library.native_copy_buffers.argtypes = [pointer, pointer, number]
    library.native_copy_buffers.restype = None
    library.native_epoch.argtypes = [*[pointer] * 6, number, pointer, ctypes.c_int64]
    library.native_epoch.restype = ctypes.c_double
    library.native_errors.argtypes = [pointer, pointer, pointer, ctypes.c_int64, pointer]
    library.native_errors.restype = None
    return library


def _correct(library: ctypes.CDLL) -> bool:
    """Whether one step of nets with every kind of layer agrees with torch."""
    return native_check.agrees(
        lambda plan, shape, n, rule: NativeNet(plan, library, shape, n, "cross_entropy", rule)
    )
