"""What a run takes anew in each epoch: the order of its examples, from ``spec.streams``, and its rates.

Making a generator anew takes as long as drawing from it, and as an epoch of a very small net. So seeds are
mixed for many epochs at once, as numpy's ``SeedSequence`` mixes them, and one generator is set to each. And
orders are kept for the next runs of a replicate, most of which have as many examples.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.fleet.adaptive import AdamL2
from harness.fleet.optimizers import Sgd
from harness.spec import Draws
from harness.spec.contracts import Optimizer
from harness.spec.streams import PURPOSES, stream, stream_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words: TypeAlias = NDArray[np.uint32]

BY_EPOCHS = (Sgd.lr_at, AdamL2.lr_at)
"""Learning rates that are the same for all steps of an epoch, unless they fall by steps."""
PURPOSE = "order"
AT_ONCE = 64
"""Epochs whose seeds are mixed together."""
FEW, FOR_EVER = 16, sys.maxsize
"""Epochs of a run whose generators are made anew: so many are sooner made than the first seeds are mixed."""
SHORT = 2**15
"""Examples up to which an order is kept: their numbers fit into two bytes."""
KEPT_BYTES = 2**24
"""Of orders in a process: four of five epochs of the quick tier's small nets have theirs from there."""
ENTRY_BYTES = 300
"""Of what keeps an order, beside its numbers."""
WORD = 2**32
"""Numbers below it are one word of a seed."""
POOL = 4
"""Words of a pool, as many as such a key has."""
# of numpy/random/bit_generator.pyx, which promises to stay as it is
FIRST_IN, FACTOR_IN = 0x43B0D7E5, 0x931E8875
FIRST_OUT, FACTOR_OUT = 0x8B51F9DD, 0x58F38DED
LEFT, RIGHT, SHIFT = 0xCA01F9DD, 0x4973F715, 16


def rates(optimizer: Optimizer, epoch: int, steps: int) -> list[float]:
    """The learning rate of each of the steps of an epoch."""
    by_epochs = isinstance(optimizer, Sgd | AdamL2) and optimizer.decay_steps is None
    if by_epochs and type(optimizer).lr_at in BY_EPOCHS:
        return [optimizer.lr_at(epoch * steps, steps)] * steps
    return [optimizer.lr_at(epoch * steps + i, steps) for i in range(steps)]


class KeptOrders:
    """Orders drawn in this process, the ones last asked for, by (replicate drawn, epoch, examples)."""

    def __init__(self) -> None:
        self._orders: OrderedDict[tuple[int, int, int], NDArray[np.int16]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int, int]) -> NDArray[np.int64] | None:
        """An order that was kept, as an array of the caller's own."""
        with self._lock:
            kept = self._orders.get(key)
            if kept is None:
                return None
            self._orders.move_to_end(key)
        return kept.astype("int64")

    def put(self, key: tuple[int, int, int], order: NDArray[np.int64]) -> None:
        """Keep an order of at most ``SHORT`` examples, and as many of the others as fit."""
        kept = order.astype("int16")
        with self._lock:
            self._bytes += (key not in self._orders) * (kept.nbytes + ENTRY_BYTES)
            self._orders[key] = kept
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._orders.popitem(last=False)[1].nbytes + ENTRY_BYTES


KEPT = KeptOrders()


class Orders:
    """The orders of a run.

    Args:
        draws, replicate: which draw is the run's.
    """

    def __init__(self, draws: Draws, replicate: int) -> None:
        self._draws, self._replicate = draws, replicate
        self._drawn = draws.replicate(PURPOSE, replicate)
        self._left = FEW if self._drawn < WORD else FOR_EVER
        self._first = 0
        self._keys: NDArray[np.uint64] | tuple[()] = ()
        self._generator: np.random.Generator | None = None

    def of(self, epoch: int, n: int) -> NDArray[np.int64]:
        """The order of n examples in an epoch: ``stream_of(..., "order", epoch).permutation(n)``."""
        key = (self._drawn, epoch, n)
        order = KEPT.get(key)
        if order is None:
            order = self._permuted(epoch, n)
            if n <= SHORT:
                KEPT.put(key, order)
        return order

    def _permuted(self, epoch: int, n: int) -> NDArray[np.int64]:
        if self._left > 0 or not 0 <= epoch < WORD:
            self._left -= 1
            return self._made(epoch).permutation(n)
        if self._generator is None:
            self._generator = stream(0, PURPOSE)
            self._state: dict[str, Any] = dict(self._generator.bit_generator.state)
        if not self._first <= epoch < self._first + len(self._keys):
            self._first, self._keys = epoch, self._mixed(epoch)
            if self._keys[0].tolist() != _key_of(self._made(epoch)):  # another numpy, which mixes otherwise
                self._left = FOR_EVER
                return self._permuted(epoch, n)
        inner = {"counter": self._state["state"]["counter"], "key": self._keys[epoch - self._first]}
        self._generator.bit_generator.state = {**self._state, "state": inner}
        return self._generator.permutation(n)

    def _made(self, epoch: int) -> np.random.Generator:
        """The generator of an epoch as it is made anew."""
        return stream_of(self._draws, self._replicate, PURPOSE, epoch)

    def _mixed(self, first: int) -> NDArray[np.uint64]:
        """The keys of the streams of ``AT_ONCE`` epochs from this one on, [epoch, 2]."""
        import numpy as np

        epochs = np.arange(first, min(first + AT_ONCE, WORD)).astype(np.uint32)
        words = [np.full_like(epochs, word % WORD) for word in (1, self._drawn, PURPOSES.index(PURPOSE))]
        return _generated(_pooled([*words, epochs]))


def _key_of(generator: np.random.Generator) -> list[int]:
    """The key of a generator's stream."""
    key: list[int] = generator.bit_generator.state["state"]["key"].tolist()
    return key


def _pooled(words: list[Words]) -> list[Words]:
    """The pool that so many words of entropy are mixed to, each an array over seeds."""
    factor = FIRST_IN

    def hashed(word: Words) -> Words:
        nonlocal factor
        mixed = word ^ word.dtype.type(factor)
        factor = factor * FACTOR_IN % WORD
        mixed = mixed * word.dtype.type(factor)
        return mixed ^ (mixed >> mixed.dtype.type(SHIFT))

    pool = [hashed(word) for word in words]
    for source in range(POOL):
        for target in range(POOL):
            if source != target:
                word = pool[target].dtype.type
                mixed = word(LEFT) * pool[target] - word(RIGHT) * hashed(pool[source])
                pool[target] = mixed ^ (mixed >> SHIFT)
    return pool


def _generated(pool: list[Words]) -> NDArray[np.uint64]:
    """Two words of 64 bits from each pool, [seed, 2]."""
    import numpy as np

    factor, state = FIRST_OUT, []
    for word in pool:
        mixed = word ^ np.uint32(factor)
        factor = factor * FACTOR_OUT % WORD
        mixed = mixed * np.uint32(factor)
        state.append((mixed ^ (mixed >> SHIFT)).astype(np.uint64))
    low_first = [state[i] | (state[i + 1] << np.uint64(32)) for i in (0, 2)]
    return np.stack(low_first, axis=1)
