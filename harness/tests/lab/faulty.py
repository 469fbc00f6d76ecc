"""Classes as people write them, each with one fault; a few are right."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import AdamL2, Sgd, Value
from harness.data import Examples, ImageChange, InputChange, LabelChange, Source
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, Split, split_of
from harness.models import Architecture
from harness.spec.streams import stream


def drawn_(module: nn.Module, generator: np.random.Generator) -> nn.Module:
    """A module whose parameters are drawn from a generator."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(generator.normal(size=tuple(parameter.shape)) / 10))
    return module


class MaxoutNet(nn.Module):
    """One hidden layer of pairs, of which the larger is passed on."""

    def __init__(self, inputs: int, units: int, classes: int) -> None:
        super().__init__()
        self.pairs, self.last = nn.Linear(inputs, 2 * units), nn.Linear(units, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pairs = self.pairs(x.flatten(1)).unflatten(1, (2, -1))
        logits: torch.Tensor = self.last(pairs.amax(1))
        return logits


class Maxout(Architecture, frozen=True):
    """A model that writes ``build`` alone: it is right."""

    units: int = 5

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> nn.Module:
        return drawn_(MaxoutNet(int(np.prod(shape)), self.units, classes), generator)


# -- models ------------------------------------------------------------------------------------------------


class BuildOnly(Value, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return Maxout().build(shape, classes, generator)


class NoValue:
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return Maxout().build(shape, classes, generator)


class IgnoresGenerator(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return MaxoutNet(int(np.prod(shape)), self.units, classes)


class FixedSeed(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return super().build(shape, classes, np.random.default_rng(0))


class WrongSize(Maxout, frozen=True):
    def size(self, shape: tuple[int, ...], classes: int) -> int:
        return 1000


class EndlessCost(Maxout, frozen=True):
    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        return float("inf")


class TwoClasses(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return super().build(shape, 2, generator)


class Double(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return super().build(shape, classes, generator).double()


class InPlace(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return nn.Sequential(nn.ReLU(inplace=True), super().build(shape, classes, generator))


class TorchDropout(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.5), super().build(shape, classes, generator))


class OtherParameters(Architecture, frozen=True):
    def build(self, inputs: int, outputs: int) -> nn.Module:  # type: ignore[override]
        return nn.Linear(inputs, outputs)


class Raises(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        raise KeyError("no such thing\nand more of it")


class Leaves(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> nn.Module:
        raise SystemExit("good bye")


class NoModule(Maxout, frozen=True):
    def build(self, shape: Any, classes: Any, generator: Any) -> Any:
        return [1]


# -- corruptions and augmentations -------------------------------------------------------------------------


class NoFlags(Value, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return labels


class OverwritesLabels(LabelChange, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        labels[:] = 0
        return labels


class Shortens(LabelChange, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return labels[1:]


class SmallIntegers(LabelChange, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return labels.astype(np.int32)


class OneTooMany(LabelChange, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return labels + 1


class GlobalDraws(LabelChange, frozen=True):
    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return np.array([random.randrange(classes) for _ in labels])


class TwoParameters(LabelChange, frozen=True):
    def apply(self, labels: Any, generator: Any) -> Any:
        return labels


class Reversed(LabelChange, frozen=True):
    keeps_labels = True

    def apply(self, labels: Any, classes: Any, generator: Any) -> Any:
        return labels[::-1].copy()


class OverwritesImages(InputChange, frozen=True):
    def apply(self, train: Any, test: Any, generator: Any, *, in_place: bool = False) -> Any:
        train *= 2
        return train, test


class SharedNoise(InputChange, frozen=True):
    drawn = False

    def apply(self, train: Any, test: Any, generator: Any, *, in_place: bool = False) -> Any:
        return train + generator.random(dtype=np.float32), test


class Widens(ImageChange, frozen=True):
    def apply(self, images: Any, generator: Any) -> Any:
        return np.pad(images, ((0, 0), (0, 0), (0, 0), (1, 1)))


class Float64(ImageChange, frozen=True):
    def apply(self, images: Any, generator: Any) -> Any:
        return images * generator.random(len(images))[:, None, None, None]


# -- data sets ---------------------------------------------------------------------------------------------


class Dots(Examples, frozen=True):
    """A data set of one pixel, which is right; each fault below is a change of it."""

    n: int = 20

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, 1, 1)

    @property
    def classes(self) -> int:
        return 2

    @property
    def train_size(self) -> int:
        return self.n

    @property
    def test_size(self) -> int:
        return 4

    def source(self, root: Path | None) -> Source:
        return Source("dots", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        return split_of(self.images(stream(replicate, "data")), TrueLabels(), 2, replicate)

    def images(self, draws: np.random.Generator) -> ImageSet:
        def part(n: int) -> tuple[Any, Any]:
            return draws.standard_normal((n, 1, 1, 1), dtype=np.float32), draws.integers(2, size=n)

        return ImageSet(*part(self.n), *part(4))


class Fewer(Dots, frozen=True):
    @property
    def train_size(self) -> int:
        return 21


class Doubles(Dots, frozen=True):
    def images(self, draws: np.random.Generator) -> ImageSet:
        images = super().images(draws)
        return images._replace(x_train=images.x_train.astype(np.float64))


class NotFinite(Dots, frozen=True):
    def images(self, draws: np.random.Generator) -> ImageSet:
        images = super().images(draws)
        images.x_test[0] = np.nan
        return images


class ThirdClass(Dots, frozen=True):
    def images(self, draws: np.random.Generator) -> ImageSet:
        images = super().images(draws)
        images.y_train[0] = 2
        return images


class NewDigest(Dots, frozen=True):
    def source(self, root: Path | None) -> Source:
        return Source("dots", str(random.random()))


class OtherImages(Dots, frozen=True):
    def split(self, root: Path | None, replicate: int) -> Split:
        return split_of(self.images(np.random.default_rng()), TrueLabels(), 2, replicate)


class NoSource(Examples, frozen=True):
    n: int = 2


# -- training ----------------------------------------------------------------------------------------------


class Halved(Sgd, frozen=True):
    """Another step, of which the base knows by itself: it is right."""

    def update(self, weights: Any, gradients: Any, velocities: Any, lr: float) -> None:
        super().update(weights, gradients, velocities, lr / 2)


class SaysPlain(Halved, frozen=True):
    plain_step = True


class NoStep(Sgd, frozen=True):
    def update(self, weights: Any, gradients: Any, velocities: Any, lr: float) -> None:
        pass


class NamedRate(Sgd, frozen=True):
    def lr_at(self, step: int, steps_per_epoch: int) -> Any:
        return "fast"


class StepsTwiceInStacks(AdamL2, frozen=True):
    def update_together(self, weights: Any, gradients: Any, velocities: Any, rates: torch.Tensor) -> None:
        super().update_together(weights, gradients, velocities, rates)
        super().update_together(weights, gradients, velocities, rates)


class BeginsNothing(AdamL2, frozen=True):
    def begun(self, weights: Any) -> Any:
        return []


class StopsByName(Value, frozen=True):
    def reached(self, curves: Any) -> bool:
        return bool(curves["accuracy"][-1] > 0.9)


class StopsByNumber(Value, frozen=True):
    def reached(self, curves: Any) -> Any:
        return curves["train_error"][-1]


class SolvesAlone(Value, frozen=True):
    def solve(self, split: Any) -> dict[str, float]:
        return {}
