"""Kernel interpolation, and solvers on features, from the block of rows at which they were stopped."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic import kernel_interpolation as kernels
from harness.analytic import resuming
from harness.analytic.gabor import CHUNK, FilterBank, GaborMagnitudes, OnFeatures
from harness.analytic.kernel_interpolation import Interpolant, KernelInterpolation, interpolate
from harness.analytic.resuming import Between, Halfway, Keeping, Parts, under, within
from harness.analytic.scores import flat, label_sets
from harness.data.blocks import blocks
from harness.spec.contracts import Weights
from harness.spec.splits import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.analytic.gabor import FittedFeatures

    Floats: TypeAlias = NDArray[np.float64]

AT_ONCE = 5 * CHUNK
"""Images whose features are one part: whole chunks, for a product's last bits can tell its number of rows."""


def kernel_interpolation(
    solver: KernelInterpolation,
    split: Split,
    generator: np.random.Generator,
    begun: Halfway | None,
    between: Between,
) -> dict[str, Any]:
    """What ``KernelInterpolation.solve`` gives; parts are the solution, then blocks of predictions.

    The matrix is not kept: it is as large as the memory that was taken for it.
    """
    import numpy as np

    sets = label_sets(split, solver.labels, generator)
    points, test, targets = flat(split.x_train), flat(split.x_test), sets.targets
    parts = Parts(begun, between)
    if begun:
        solution = _solution(solver, points, begun.arrays)
    else:
        parts.begins(dict)
        ridge, left_out = solver.ridge, solver.left_out
        solution = interpolate(
            solver.kernel, points, targets, ridge=ridge, left_out=left_out, device=solver.device
        )
    outputs = [begun.arrays["outputs"]] if begun and "outputs" in begun.arrays else []

    def kept() -> Weights:
        solved = _kept(solution)
        return {**solved, "outputs": np.concatenate(outputs)} if outputs else solved

    wanted = [(x, rows) for x in (points, test) for rows in kernels._rows(len(x))]
    for x, rows in wanted[parts.done - 1 :]:
        parts.begins(kept)
        outputs.append(solution._of_block(x[rows]))
    predictions = np.concatenate(outputs)
    fitted = predictions[: len(points)]
    scores = {**sets.scores("train", fitted), **sets.scores("test", predictions[len(points) :])}
    if solution.left_out is not None:
        scores |= sets.scores("left_out", solution.left_out)
    return sets.plain({**scores, "norm": sets.norms(solution.norms(fitted))})


def _kept(solution: Interpolant) -> dict[str, np.ndarray]:
    """What a checkpoint keeps of a solution: its points are the data."""
    import numpy as np

    solved = solution.coefficients
    coefficients = solved if isinstance(solved, np.ndarray) else solved.cpu().numpy()
    others = {} if solution.left_out is None else {"left out": solution.left_out}
    return {"coefficients": coefficients, **others}


def _solution(solver: KernelInterpolation, points: Floats, held: Weights) -> Interpolant:
    """The solution of which a checkpoint keeps this, where ``interpolate`` would have made it."""
    coefficients, left_out = held["coefficients"], held.get("left out")
    if solver.device == "cpu":
        return Interpolant(solver.kernel, points, coefficients, left_out)
    import torch

    device = kernels._cuda()
    x = torch.from_numpy(points).to(device, torch.float64)
    return Interpolant(solver.kernel, x, torch.from_numpy(coefficients).to(device), left_out)


def on_features(
    solver: OnFeatures, split: Split, generator: np.random.Generator, begun: Halfway | None, between: Between
) -> dict[str, Any]:
    """What ``OnFeatures.solve`` gives; parts are features of some images, then those of the solver itself."""
    features = solver.features.fitted(split.x_train, generator)
    parts = Parts(begun, between)
    held = within("features: ", begun.arrays) if begun else {}
    mapped = _Mapped(features, {"train": split.x_train, "test": split.x_test}, held)
    for name, rows in mapped.left():
        parts.begins(mapped.kept)
        mapped.add(name, rows)
    seen = dataclasses.replace(split, x_train=mapped.made["train"], x_test=mapped.made["test"])
    if not resuming.is_resumable(solver.solver):
        parts.begins(mapped.kept)
        return dict(solver.solver.solve(seen, generator))
    before = mapped.parts
    reached = within("solver: ", begun.arrays) if begun else {}
    halfway = Halfway(begun.step - before, reached) if begun and reached else None
    if halfway is None:
        parts.begins(mapped.kept)

    def both(step: int, keeping: Keeping) -> None:
        between(before + step, lambda: {**mapped.kept(), **under("solver: ", keeping())})

    return dict(resuming.solve_on(solver.solver, seen, generator, halfway, both))


class _Mapped:
    """The features of training and test images, as far as they were made.

    Features of our own are made of a chunk of images at a time, and so can be left between them. Others may
    look at all images at once: they are no parts, and are made again.

    Attributes:
        parts: how many there are in all.
    """

    def __init__(self, features: FittedFeatures, images: dict[str, Any], held: Weights) -> None:
        self.features, self.images = features, images
        self.made: dict[str, Any] = dict(held)
        self.done = {name: len(held.get(name, ())) for name in images}
        self.rows: dict[str, list[slice]] = {name: [] for name in images}
        if isinstance(features, FilterBank | GaborMagnitudes):
            self.rows = {name: list(blocks(len(x), AT_ONCE)) for name, x in images.items()}
        else:
            self.made = {name: features.of(x) for name, x in images.items()}
        self.parts = sum(map(len, self.rows.values()))

    def left(self) -> list[tuple[str, slice]]:
        """The parts that are left: training or test, and which rows."""
        return [
            (name, part) for name, rows in self.rows.items() for part in rows if part.start >= self.done[name]
        ]

    def add(self, name: str, rows: slice) -> None:
        """Make the features of some images."""
        import numpy as np

        images, done = self.images[name], self.done[name]
        part = self.features.of(images[rows])
        if len(self.made.get(name, ())) != len(images):
            whole = np.empty((len(images), part.shape[1]), part.dtype)
            whole[:done] = self.made[name][:done] if done else 0
            self.made[name] = whole
        self.made[name][rows] = part
        self.done[name] = rows.stop

    def kept(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps."""
        return under("features: ", {name: self.made[name][:done] for name, done in self.done.items() if done})
