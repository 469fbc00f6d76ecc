"""Contracts tried out: what a data set, a corruption, a model and so on do with small examples.

Each function raises ``Fault`` at the first thing that breaks the contract; ``tried`` turns it into a line.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.data.archives import DataError
from harness.data.verified import discrepancy, of_epoch
from harness.spec import contracts
from harness.spec.keeping import Keeping
from harness.spec.splits import Source, Split
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    import torch

EXAMPLES = 40
"""Images or labels that a corruption or an augmentation is tried on."""
BATCH = 3
"""Examples that a model is tried on: batch normalization needs two."""
MOST_BYTES = 64 * 2**20
"""Larger data sets are not drawn to be tried: their splits are verified when something is trained on them."""
CURVES = ("train_loss", "train_error", "test_error", "corrupted_error", "clean_error")
"""What a stopping rule may read; the last two only where some labels are corrupted."""
CLOSE = 1e-5
"""What a step of size one in float32 may differ by from the formula, through the order of its sums."""


class TryoutSetting(NamedTuple):
    """The examples that a part is used with: shape of one, number of classes; and the data root."""

    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 10
    root: Path | None = None


class Fault(Exception):
    """Something that breaks a contract; the message is one line."""


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn whatever code of the user's raises into a fault that begins with ``what``."""
    try:
        yield
    except Fault:
        raise
    except (Exception, SystemExit) as error:  # a claim file may hold any code
        lines = str(error).strip().splitlines()
        raise Fault(f"{what}: {type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")) from None


def require(holds: Any, line: str) -> None:
    """Raise a fault unless something holds."""
    if not holds:
        raise Fault(line)


def tried(value: object, contract: type, setting: TryoutSetting) -> list[str]:
    """The first thing that breaks a contract when a value that offers all of it is tried out."""
    name = type(value).__name__
    try:
        with calling(f"{name} fails when it is tried"):
            TRIES[contract](value, name, setting)
    except Fault as fault:
        return [str(fault)]
    return []


# -- data --------------------------------------------------------------------------------------------------


def _try_data(data: Any, name: str, setting: TryoutSetting) -> None:
    shape, sizes = data.shape, (data.classes, data.train_size, data.test_size)
    require(
        _are_counts(shape) and len(shape), f"{name}.shape is {shape!r}: it must be a tuple of positive ints"
    )
    for what, size in zip(("classes", "train_size", "test_size"), sizes, strict=True):
        require(_are_counts((size,)), f"{name}.{what} is {size!r}: it must be a positive int")
    for flag in ("streamed", "standardized", "whole", "true_labels"):
        require(isinstance(getattr(data, flag), bool), f"{name}.{flag} is no bool")
    try:
        first, again = data.source(setting.root), data.source(setting.root)
    except DataError:
        return  # missing data are no fault of the class: the session says so
    require(isinstance(first, Source), f"{name}.source gives {type(first).__name__}: it must give a Source")
    require(all(isinstance(text, str) for text in first), f"{name}.source: name and digest must be strings")
    require(first == again, f"{name}.source gives another digest at every call: digest the content itself")
    if not data.streamed and 4 * math.prod(shape) * (sizes[1] + sizes[2]) <= MOST_BYTES:
        _try_split(data, name, setting)


def _try_split(data: Any, name: str, setting: TryoutSetting) -> None:
    import numpy as np

    with calling(f"{name}.split fails"):
        try:
            split, again = data.split(setting.root, 0), data.split(setting.root, 0)
        except DataError:
            return
    require(isinstance(split, Split), f"{name}.split gives {type(split).__name__}: it must give a Split")
    wrong = discrepancy(data, split)
    require(not wrong, f"{name}: {wrong}")
    for array in ("x_train", "y_train", "x_test", "y_test"):
        same = np.array_equal(getattr(split, array), getattr(again, array))
        why = "draw it from harness.spec.streams.stream(replicate, ...)"
        require(same, f"{name}.split gives another {array} for the same replicate: {why}")
    before = split.x_train.copy()
    with calling(f"{name}.split: an epoch's images or labels fail"):
        wrong = of_epoch(data, split, 1)
    require(not wrong, f"{name}: {wrong}")
    require(np.array_equal(before, split.x_train), f"{name}: drawing an epoch's images writes to x_train")


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(v) is int and v > 0 for v in values)


def _try_corruption(corruption: Any, name: str, setting: TryoutSetting) -> None:
    import numpy as np

    for flag in ("per_epoch", "keeps_labels"):
        require(isinstance(getattr(corruption, flag), bool), f"{name}.{flag} is no bool")
    labels = np.arange(EXAMPLES, dtype=np.int64) % setting.classes
    kept = labels.copy()

    def apply(seed: int) -> Any:
        with calling(f"{name}.apply fails"):
            return corruption.apply(labels, setting.classes, stream(seed, "labels"))

    new = apply(0)
    require(np.array_equal(labels, kept), f"{name}.apply writes to the labels it gets: make new ones")
    _require_array(new, f"{name}.apply", "int64", labels.shape)
    inside = new.min() >= 0 and new.max() < setting.classes
    require(inside, f"{name}.apply gives labels outside 0 to classes - 1 ({setting.classes - 1})")
    _require_same(new, apply(0), f"{name}.apply")
    if corruption.keeps_labels:
        require(np.array_equal(new, labels), f"{name} says keeps_labels = True, and changes labels")


def _try_inputs(corruption: Any, name: str, setting: TryoutSetting) -> None:
    import numpy as np

    require(isinstance(corruption.drawn, bool), f"{name}.drawn is no bool")
    draws = stream(0, "data")
    train, test = (draws.random((n, *setting.shape), np.float32) for n in (EXAMPLES, EXAMPLES // 2))
    kept = train.copy(), test.copy()

    def apply(seed: int, *, in_place: bool = False) -> Any:
        copies = (train.copy(), test.copy()) if in_place else (train, test)
        with calling(f"{name}.apply fails"):
            images = corruption.apply(*copies, stream(seed, "noise"), in_place=in_place)
        require(isinstance(images, tuple) and len(images) == 2, f"{name}.apply must give (train, test)")
        return images

    new = apply(0)
    untouched = np.array_equal(train, kept[0]) and np.array_equal(test, kept[1])
    require(untouched, f"{name}.apply writes to the images it gets, though in_place is False")
    for images, old in zip(new, kept, strict=True):
        _require_array(images, f"{name}.apply", "float32", old.shape)
    written, other = apply(0, in_place=True), apply(1)
    for images, again, overwritten, others in zip(new, apply(0), written, other, strict=True):
        _require_same(images, again, f"{name}.apply")
        require(np.array_equal(images, overwritten), f"{name}.apply gives something else with in_place=True")
        shared = corruption.drawn or np.array_equal(images, others)
        require(shared, f"{name} says drawn = False, and its images depend on the generator")


def _try_augmentation(augmentation: Any, name: str, setting: TryoutSetting) -> None:
    import numpy as np

    images = stream(0, "data").random((EXAMPLES, *setting.shape), np.float32)
    kept = images.copy()
    with calling(f"{name}.shape fails for images of shape {setting.shape}"):
        shape = tuple(augmentation.shape(setting.shape))

    def apply() -> Any:
        with calling(f"{name}.apply fails for images of shape {setting.shape}"):
            return augmentation.apply(images, stream(0, "augmentation", 1))

    new = apply()
    with calling(f"{name}.settle fails for images of shape {setting.shape}"):
        settled = augmentation.settle(images)
    require(np.array_equal(images, kept), f"{name} writes to the images it gets: make new ones")
    for what, changed in (("apply", new), ("settle", settled)):
        _require_array(changed, f"{name}.{what}", "float32", (EXAMPLES, *shape))
    _require_same(new, apply(), f"{name}.apply")


def _require_array(array: Any, what: str, kind: str, shape: tuple[int, ...]) -> None:
    import numpy as np

    require(isinstance(array, np.ndarray), f"{what} gives {type(array).__name__}: it must give an array")
    right = array.dtype == kind and array.shape == shape
    require(right, f"{what} gives {array.dtype} {array.shape}, where {kind} {shape} is asked for")


def _require_same(first: np.ndarray, again: np.ndarray, what: str) -> None:
    import numpy as np

    same = np.array_equal(first, again)
    require(same, f"{what} gives something else for the same generator: draw from the generator alone")


# -- models ------------------------------------------------------------------------------------------------


def _try_model(model: Any, name: str, setting: TryoutSetting) -> None:
    import torch

    state = torch.get_rng_state()
    try:
        _try_module(model, name, setting)
    finally:
        torch.set_rng_state(state)


def _try_module(model: Any, name: str, setting: TryoutSetting) -> None:
    import torch

    shape, classes = setting.shape, setting.classes

    def build(replicate: int) -> Any:
        with calling(f"{name}.build fails for examples of shape {shape} and {classes} classes"):
            return model.build(shape, classes, stream(replicate, "initialization"))

    module = build(0)
    require(isinstance(module, torch.nn.Module), f"{name}.build gives {type(module).__name__}, no nn.Module")
    parameters = list(module.parameters())
    plain = all(p.dtype == torch.float32 and p.device.type == "cpu" for p in parameters)
    require(plain, f"{name}.build: all parameters must be float32 on the CPU")
    _require_drawn(module, build(0), build(1), name)
    count = sum(p.numel() for p in parameters if p.requires_grad)
    with calling(f"{name}.size, cost or layers fails"):
        size, cost = model.size(shape, classes), model.cost(shape, classes)
        layers = [layer.multiply_adds for layer in model.layers(shape, classes)]
    counted = "leave size to harness.models.Architecture, or mend it"
    require(size == count, f"{name}.size says {size:,} parameters, and its module has {count:,}: {counted}")
    require(cost >= 0 and math.isfinite(cost) and layers, f"{name}.cost is {cost}: it must be finite")
    _require_logits(module, name, setting)


def _require_drawn(module: torch.nn.Module, again: Any, other: Any, name: str) -> None:
    """Equal generators give equal weights, others give others, unless all weights are constants."""
    import torch

    states = [m.state_dict() for m in (module, again, other)]
    same = [all(torch.equal(t, s[n]) for n, t in states[0].items()) for s in states[1:]]
    why = "draw every weight from the generator that build gets"
    require(same[0], f"{name}.build gives other weights for the same generator: {why}")
    constant = all(bool((p == p.flatten()[0]).all()) for p in module.parameters() if p.numel())
    require(constant or not same[1], f"{name}.build gives the same weights for any generator: {why}")


def _require_logits(module: torch.nn.Module, name: str, setting: TryoutSetting) -> None:
    """Logits of the right shape in training and evaluation, and no draws but from seeded parts."""
    import torch

    from harness.fleet.replica import noisy, seed_noise

    x = torch.from_numpy(stream(0, "data").standard_normal((BATCH, *setting.shape), dtype="float32"))
    kept, shape, outputs = x.clone(), (BATCH, setting.classes), []
    for training in (True, True, False):
        module.train(training)
        seed_noise(noisy(module), 0, 0, torch.device("cpu"))
        with torch.no_grad(), calling(f"{name}: its module fails on examples {tuple(x.shape)}"):
            logits = module(x)
        require(
            isinstance(logits, torch.Tensor), f"{name}: its module gives {type(logits).__name__}, no tensor"
        )
        right = tuple(logits.shape) == shape and logits.dtype == torch.float32
        seen = f"{str(logits.dtype).removeprefix('torch.')} {tuple(logits.shape)}"
        require(right, f"{name}: its module gives {seen}, where float32 {shape} is asked for")
        require(torch.equal(x, kept), f"{name}: its module writes to the examples it gets (inplace=True?)")
        outputs.append(logits)
    why = "such parts need seed and generator, as harness.models.Dropout has them"
    require(
        torch.equal(outputs[0], outputs[1]), f"{name}: its module draws from torch's own generator: {why}"
    )


# -- training ----------------------------------------------------------------------------------------------


def _try_optimizer(optimizer: Any, name: str, setting: TryoutSetting) -> None:
    import torch

    epochs, batch = optimizer.epochs, optimizer.batch
    right = type(epochs) is int and epochs >= 0
    require(right, f"{name}.epochs is {epochs!r}: it must be an int from 0 up")
    require(_are_counts((batch,)), f"{name}.batch is {batch!r}: it must be a positive int")
    for step in (0, 1000):
        with calling(f"{name}.lr_at fails"):
            rate = optimizer.lr_at(step, 10)
        right = isinstance(rate, float) and math.isfinite(rate) and rate >= 0
        require(right, f"{name}.lr_at({step}, 10) is {rate!r}: it must be a finite float from 0 up")
    if epochs == 0:
        why = "a stack of runs would train it: say plain_step = False"
        require(not optimizer.plain_step, f"{name} has no epochs and says plain_step, and {why}")
        return
    weight, gradient, velocity = (torch.linspace(-1.0, 1.0, 6).roll(i) for i in range(3))
    weights, moving = [weight.clone()], [velocity.clone()] if optimizer.momentum else []
    if isinstance(optimizer, Keeping):
        moving = _try_together(optimizer, name, weight, gradient)
    with torch.no_grad(), calling(f"{name}.update fails"):
        optimizer.update(weights, [gradient.clone()], moving, 0.1)
    require(not torch.equal(weights[0], weight), f"{name}.update leaves the weights: they change in place")
    if optimizer.plain_step:
        before = optimizer.momentum * velocity if optimizer.momentum else torch.zeros_like(velocity)
        expected = weight - 0.1 * (before + gradient + optimizer.weight_decay * weight)
        right = torch.allclose(weights[0], expected, rtol=0, atol=CLOSE)
        require(right, f"{name} says plain_step, and its update is another step: say plain_step = False")


def _try_together(
    optimizer: Keeping, name: str, weight: torch.Tensor, gradient: torch.Tensor
) -> list[torch.Tensor]:
    """What is kept at first, after trying whether two stacked runs step as each of them does alone."""
    import torch

    rates = (0.1, 0.3)
    with torch.no_grad(), calling(f"{name}.begun, update or update_together fails"):
        alone = [[weight.clone()] for _ in rates]
        kept = [optimizer.begun(weights) for weights in alone]
        stacked, moving = (
            [torch.stack([weight, weight])],
            [torch.stack(pair) for pair in zip(*kept, strict=True)],
        )
        for _ in range(2):
            optimizer.update_together(stacked, [torch.stack([gradient] * 2)], moving, torch.tensor(rates))
            for weights, velocities, rate in zip(alone, kept, rates, strict=True):
                optimizer.update(weights, [gradient.clone()], velocities, rate)
        near = torch.allclose(stacked[0], torch.stack([weights[0] for weights in alone]), rtol=0, atol=CLOSE)
    require(near, f"{name}.update_together steps otherwise than its update does")
    return optimizer.begun([weight])


def _try_stop(stop: Any, name: str, setting: TryoutSetting) -> None:
    import numpy as np

    curves = {name: [0.9, 0.7] for name in CURVES}
    kept = {n: list(c) for n, c in curves.items()}
    with calling(f"{name}.reached fails on curves of {', '.join(CURVES)}"):
        answer = stop.reached(curves)
    require(isinstance(answer, (bool, np.bool_)), f"{name}.reached gives {answer!r}: it must give a bool")
    require(curves == kept, f"{name}.reached writes to the curves it gets")


def _nothing(value: Any, name: str, setting: TryoutSetting) -> None:
    """Solvers, probes and transforms are not run beforehand: they may compute for long."""


TRIES: dict[type, Callable[[Any, str, TryoutSetting], None]] = {
    contracts.Dataset: _try_data,
    contracts.Corruption: _try_corruption,
    contracts.InputCorruption: _try_inputs,
    contracts.Augmentation: _try_augmentation,
    contracts.Model: _try_model,
    contracts.Optimizer: _try_optimizer,
    contracts.Stop: _try_stop,
    contracts.Solver: _nothing,
    contracts.Probe: _nothing,
    contracts.Transform: _nothing,
}
