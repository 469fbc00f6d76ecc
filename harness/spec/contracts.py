"""Contracts: what each thing that people add must offer, and what it may rely on.

Whoever adds a data set, a corruption, an augmentation, a model, an optimizer, a stopping rule, a solver, a
probe, a transform or a kernel writes one class that offers what its contract lists. The class is a frozen
``harness.Value`` (a kernel is not), and usually derives from the base of its room: ``harness.data`` has
``Examples``, ``LabelChange``, ``InputChange`` and ``ImageChange``, ``harness.models`` has ``Architecture``.
``python -m harness check FILE:NAME`` says whether a class keeps its contract.

Units and types throughout: images are float32 [n, channels, height, width] (or float32 [n, values]), labels
int64 [n] from 0 to classes - 1, weights float32 arrays by name. Arrays that are passed in may be shared with
other runs and are never written to, unless a contract says so. Random numbers come from the generator that
is passed in alone, so that the same run gives the same bits wherever it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

from harness.spec.splits import Source, Split
from harness.spec.watched import Watched

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Images = NDArray[np.float32]
    Labels = NDArray[np.int64]

Weights = dict[str, "np.ndarray"]
"""Parameters and buffers of a module by the names of its state_dict, float32 but for a few counters."""


class LayerCount(NamedTuple):
    """What one layer has and does; pooling and normalization without gain have and cost nothing here.

    Attributes:
        parameters: how many numbers of it are trained.
        multiply_adds: of one forward pass of one example.
    """

    parameters: int
    multiply_adds: int


class Described(Protocol):
    """What every value has because it derives from ``harness.Value``: fields that can be replaced."""

    def but(self, **changes: Any) -> Self:
        """The same value with some fields replaced."""


# -- data -------------------------------------------------------------------------------------------------


@runtime_checkable
class Sourced(Protocol):
    """A value whose results depend on files, which its address therefore names by their content."""

    def source(self, root: Path | None) -> Source:
        """What is read under the data root, by its honest name and the digest of its content.

        The digest is the same at every call as long as the content is.

        Raises:
            DataError: something is missing or damaged, in one line that says how to mend it.
        """


class Dataset(Described, Sourced, Protocol):
    """Images (or vectors) with labels, of which each replicate gets its own split.

    Sizes and shape are known before anything is read, because plans and estimates rest on them, and every
    split has exactly these sizes, this shape, and labels from 0 to ``classes`` - 1.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (channels, height, width), or (values,)."""

    @property
    def classes(self) -> int:
        """The number of classes."""

    @property
    def train_size(self) -> int:
        """The number of training examples."""

    @property
    def test_size(self) -> int:
        """The number of test examples."""

    @property
    def streamed(self) -> bool:
        """Whether the images stay on disk because memory does not hold them."""

    @property
    def standardized(self) -> bool:
        """Whether each image has mean zero and deviation one already, so that its pixels may not change."""

    @property
    def whole(self) -> bool:
        """Whether it is a published collection with all its images, none of them drawn for a replicate."""

    @property
    def true_labels(self) -> bool:
        """Whether no training label is corrupted."""

    def split(self, root: Path | None, replicate: int) -> Split:
        """The arrays of a replicate, drawn from ``harness.spec.streams`` alone.

        Raises:
            DataError: as ``source``.
        """


class Corruption(Described, Protocol):
    """A change of the training labels."""

    @property
    def per_epoch(self) -> bool:
        """Whether labels are drawn anew for every epoch, so that none stays to be memorized."""

    @property
    def keeps_labels(self) -> bool:
        """Whether labels stay as they are, because this is the absence of a corruption."""

    def apply(self, labels: Labels, classes: int, generator: np.random.Generator) -> Labels:
        """New labels int64 [n] in 0 to ``classes`` - 1 for these [n], which are not written to.

        Args:
            labels: the true labels.
            classes: number of classes.
            generator: the replicate's stream of labels; where labels change every epoch, the epoch's.
        """


class InputCorruption(Described, Protocol):
    """A change of the images, made once, before training."""

    @property
    def drawn(self) -> bool:
        """Whether it uses the generator, so that each replicate sees other images."""

    def apply(
        self, train: Images, test: Images, generator: np.random.Generator, *, in_place: bool = False
    ) -> tuple[Images, Images]:
        """Training and test images after the change, of the same shapes and float32.

        Args:
            train: preprocessed training images.
            test: preprocessed test images.
            generator: the replicate's stream of noise.
            in_place: whether the arrays may be written over; without it they are left as they are.
        """


class Augmentation(Described, Protocol):
    """A change of the training images that is drawn anew for every image and epoch."""

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of an image afterwards, given the one before.

        Raises:
            ValueError: images of that shape cannot be changed so.
        """

    def apply(self, images: Images, generator: np.random.Generator) -> Images:
        """The images of one epoch, float32 in [0, 1]; those passed in are not written to.

        Args:
            images: of values in [0, 1], not standardized.
            generator: the epoch's stream of augmentation.
        """

    def settle(self, images: Images) -> Images:
        """The images as test images are treated: brought to the same shape, and not changed at random."""


# -- models ------------------------------------------------------------------------------------------------


class Model(Described, Protocol):
    """A network, of which each replicate gets its own initial weights.

    ``harness.models.Architecture`` derives ``size`` and ``cost`` from ``layers``, and ``layers`` from what
    ``build`` makes, so a class that derives from it needs ``build`` alone.
    """

    def build(self, shape: tuple[int, ...], classes: int, generator: np.random.Generator) -> torch.nn.Module:
        """A float32 module on the CPU from examples [batch, *shape] to logits [batch, classes].

        All weights are drawn from the generator: equal states give equal weights, others give others.
        Random numbers that the module needs while it trains come from a part with ``seed``: see ``Noisy``.

        Raises:
            ValueError: examples of this shape do not fit the network.
        """

    def layers(self, shape: tuple[int, ...], classes: int) -> Sequence[LayerCount]:
        """Parameters and multiply-adds of each layer, for estimates.

        Raises:
            ValueError: as ``build``.
        """

    def size(self, shape: tuple[int, ...], classes: int) -> int:
        """The number of parameters that are trained: those of the module that ``build`` makes."""

    def cost(self, shape: tuple[int, ...], classes: int) -> float:
        """Multiply-adds of one forward pass of one example."""


@runtime_checkable
class Noisy(Protocol):
    """A part of a module that draws random numbers while it trains, such as dropout."""

    generator: torch.Generator | None

    def seed(self, seed: int, device: torch.device) -> None:
        """Begin a new stream of draws on the device; the trainer does so before every epoch."""


# -- training ----------------------------------------------------------------------------------------------


class Optimizer(Described, Protocol):
    """How weights descend: the law of the learning rate, one step, and the budget.

    What keeps more between its steps than a velocity offers what ``harness.spec.keeping`` lists as well.
    """

    @property
    def epochs(self) -> int:
        """The budget; training may end earlier by the experiment's stopping rule.

        0 for no training: the run ends with the weights that it starts from, and has no curves. Then
        ``plain_step`` is False, ``update`` is never called, and ``batch`` is for estimates alone.
        """

    @property
    def batch(self) -> int:
        """Examples per step; the last step of an epoch may have fewer."""

    @property
    def momentum(self) -> float:
        """0 for no velocities: then ``update`` gets an empty list (but see ``harness.spec.keeping``)."""

    @property
    def weight_decay(self) -> float:
        """The coefficient of the L2 penalty."""

    @property
    def plain_step(self) -> bool:
        """Whether ``update`` is v <- momentum v + gradient + weight_decay w;  w <- w - rate v.

        Kernels that write this step out by themselves train only by optimizers that say so.
        """

    @property
    def fast_kernels(self) -> bool:
        """Whether kernels that write the step out may train a single run; else ``update`` is called."""

    def lr_at(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step, counted from 0 over all epochs."""

    def update(
        self,
        weights: Sequence[torch.Tensor],
        gradients: Sequence[torch.Tensor],
        velocities: Sequence[torch.Tensor],
        lr: float,
    ) -> None:
        """Take one step: ``weights`` and ``velocities`` change in place.

        Args:
            weights: the parameters, float32, in the module's order.
            gradients: of the batch's mean loss, of the same shapes.
            velocities: of the same shapes, at first zero; empty without momentum.
            lr: the step's learning rate.
        """


class Stop(Described, Protocol):
    """A rule that ends training before the budget."""

    def reached(self, curves: dict[str, list[float]]) -> bool:
        """Whether it is time to stop.

        Args:
            curves: one number per epoch so far of ``train_loss``, ``train_error`` and ``test_error``; where
                some labels are corrupted also of ``corrupted_error`` and ``clean_error``.
        """


class Solver(Described, Protocol):
    """What is computed from data without gradient descent of a module, or by a loop of its own."""

    def solve(self, split: Split, generator: np.random.Generator) -> Mapping[str, Any]:
        """Named numbers, and named sequences or arrays of numbers.

        Args:
            split: the replicate's arrays, which are not written to.
            generator: the replicate's stream of solutions.
        """


@runtime_checkable
class CostedSolver(Solver, Protocol):
    """A solver that can say beforehand about how much it computes; of others a second is assumed."""

    def cost(self, data: Dataset) -> float:
        """Multiply-adds of ``solve`` on a split of this data set."""


class Probe(Described, Protocol):
    """What is measured on trained weights; a record of its own, so that a new probe retrains nothing."""

    def measure(self, model: torch.nn.Module, split: Split) -> Mapping[str, Any]:
        """Named numbers, and named sequences or arrays of numbers.

        Args:
            model: the trained module in evaluation mode, on the run's device; it may be changed.
            split: the arrays it was trained on, which are not written to.
        """


class Transform(Described, Protocol):
    """What the weights of a trained net become before the next net of a chain starts from them."""

    def apply(self, weights: Weights, generator: np.random.Generator) -> Weights:
        """The start of the next net: names and shapes as in the ``state_dict`` of its module.

        Args:
            weights: of the parent, not written to.
            generator: the replicate's stream of transforms.
        """


class Joining(Described, Protocol):
    """A transform of several parents' weights at once."""

    def apply(self, parents: list[Weights], generator: np.random.Generator) -> Weights:
        """The start of the next net: names and shapes as in the ``state_dict`` of its module.

        Args:
            parents: weights of each, in the order of ``Experiment.start``, not written to.
            generator: the replicate's stream of transforms.
        """


class Kernel(Protocol):
    """One run in training: the same arithmetic as the plain path, up to rounding, in a way of its own.

    It is made with the module at its initial weights, experiment, replicate, split and device.
    """

    @property
    def kernel(self) -> str:
        """Its name in the provenance of records."""

    @property
    def steps(self) -> int:
        """Steps of one epoch."""

    watched: Watched
    """The errors that it measures after every epoch; it may always measure all."""

    def load(self, arrays: Weights | None) -> None:
        """Go on from weights and, of a checkpoint, velocities (``velocity.0`` ...); None changes nothing."""

    def weights(self) -> Weights:
        """Copies of parameters and buffers by name, as in the module's ``state_dict``."""

    def state(self) -> Weights:
        """What a checkpoint keeps: the weights, and velocities as ``velocity.0`` ..."""

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, counted from 0, in the order of the replicate's stream, then measure.

        Returns:
            ``train_loss``, the mean over the epoch's examples before their steps; if they are watched,
            ``train_error``, ``test_error`` and, of corrupted labels, ``corrupted_error``, ``clean_error``.
        """

    def fits(self, error: float) -> bool:
        """Whether the training error after the epoch just trained is at most this."""

    def completed(self, row: dict[str, float]) -> dict[str, float]:
        """The row of the epoch just trained with all measures, watched or not; {} before any epoch."""


@runtime_checkable
class Rehearsable(Protocol):
    """A kernel that can be timed before it is chosen."""

    def rehearse(self, steps: int) -> None:
        """Take some steps for a stopwatch; what it trains is spoilt by it."""
