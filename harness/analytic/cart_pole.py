"""Balancing a pole on a cart by a small net whose weights move in a random subspace alone.

The cart and pole of Barto, Sutton and Anderson 1983 (their masses, lengths and 0.02 s steps of Euler's
method), for the inverted pendulum of Li et al. 2018 (Table 1). Policies are searched by the
cross-entropy method, which needs scores and no gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Search: TypeAlias = Generator["Tried", Floats, Floats]
    Layer: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]

# of Barto, Sutton and Anderson 1983
GRAVITY = 9.8  # m / s^2
CART, POLE = 1.0, 0.1  # masses in kg
HALF_LENGTH = 0.5  # of the pole, in m
SECONDS = 0.02  # of a step of Euler's method
INERTIA = 4 / 3  # of a rod about its end, over mass times half its length squared
UPRIGHT, TRACK = 0.2, 2.4
"""A run ends when the pole leans more than this (radians) or the cart leaves its track (metres)."""
START = 0.05
"""All four numbers of a state start uniformly within this."""
WIDTHS = (4, 20, 20, 2)
WIDE, POPULATION, ELITE = 200, 40, 10
"""Points of the search's first round, of later ones, and how many of the best are kept."""
TRIED, FRESH = 6, 20
"""Starts by which points of a round are compared, and the best of them again."""
RIVALS = 3
"""How many of a round's best are scored again."""
LEAST = 0.1
"""Least deviation of the search, as a share of the first, so that it does not collapse."""


class Tried(NamedTuple):
    """Points [K, dimension] that a search asks scores of, and the starts [starts, 4] to score them from."""

    points: Floats
    starts: Floats


def parameters(widths: tuple[int, ...] = WIDTHS) -> int:
    """Weights and biases of a policy: 562."""
    return sum((a + 1) * b for a, b in pairwise(widths))


def moved(state: Floats, force: Floats) -> Floats:
    """The states [4, ...] (place, speed, angle, its speed) a step later under forces [...] in newton."""
    import numpy as np

    speed, angle, turning = state[1], state[2], state[3]
    sine, cosine, mass = np.sin(angle), np.cos(angle), CART + POLE
    push = (force + POLE * HALF_LENGTH * turning**2 * sine) / mass
    lever = HALF_LENGTH * (INERTIA - POLE * cosine**2 / mass)
    turned = (GRAVITY * sine - cosine * push) / lever
    pushed = push - POLE * HALF_LENGTH * turned * cosine / mass
    later = np.empty_like(state)
    later[0], later[1], later[2], later[3] = speed, pushed, turning, turned
    later *= SECONDS
    later += state
    return later


def layers(theta: Floats, widths: tuple[int, ...] = WIDTHS) -> list[tuple[Floats, Floats]]:
    """The layers of K policies theta [K, D] as views: matrix [K, inputs, outputs], biases [K, 1, outputs]."""
    views, place = [], 0
    for a, b in pairwise(widths):
        matrix = theta[:, place : place + a * b].reshape(-1, a, b)
        views.append((matrix, theta[:, None, place + a * b : place + (a + 1) * b]))
        place += (a + 1) * b
    return views


def balanced(theta: Floats, starts: Floats, *, steps: int, force: float) -> Floats:
    """The share of steps for which each policy keeps the pole up, mean over starts, [K].

    Args:
        theta: policies [K, D]: tanh layers; the larger of two outputs says whether to push left or right.
        starts: first states, [starts, 4], the same for all policies, or [K, starts, 4].
        force: in newton.
    """
    import numpy as np

    each = (len(theta), starts.shape[-2])
    nets = [
        (matrix.astype(np.float32), np.broadcast_to(biases, (*each, biases.shape[-1])).astype(np.float32))
        for matrix, biases in layers(theta)
    ]
    begun = np.broadcast_to(starts, (*each, 4))
    state = np.ascontiguousarray(begun.transpose(2, 0, 1))  # [4, K, starts]: each number lies in a row
    survived = np.zeros(each)
    going, up, counts = np.arange(len(theta)), np.ones(each, bool), survived
    for _ in range(steps):
        state = moved(state, np.where(_right(nets, state), force, -force))
        up &= (np.abs(state[2]) < UPRIGHT) & (np.abs(state[0]) < TRACK)
        kept = up.astype(np.float64)  # arrays of one type are multiplied several times as fast
        state *= kept  # out of the count, and kept from overflowing
        counts += kept
        still = up.any(axis=1)
        if not still.all():  # policies that keep no pole up any more are out of the computation
            survived[going] = counts
            if not still.any():
                break
            going, up, state, counts = going[still], up[still], state[:, still], counts[still]
            nets = [(matrix[still], biases[still]) for matrix, biases in nets]
    survived[going] = counts
    shares: Floats = survived.mean(axis=1) / steps
    return shares


def _right(nets: Sequence[Layer], state: Floats) -> NDArray[np.bool_]:
    """Whether each policy pushes to the right [K, starts] in states [4, K, starts]; float32 decides."""
    import numpy as np

    values = np.empty((*state.shape[1:], len(state)), np.float32)
    values[...] = state.transpose(1, 2, 0)
    for i, (matrix, biases) in enumerate(nets):
        values = values @ matrix
        values += biases
        if i < len(nets) - 1:
            np.tanh(values, out=values)
    right: NDArray[np.bool_] = values[..., 1] > values[..., 0]
    return right


def subspace(dimension: int, whole: int, generator: np.random.Generator) -> Floats:
    """A projection [dimension, whole] with Gaussian rows of norm one."""
    import numpy as np

    rows: Floats = generator.standard_normal((dimension, whole))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def pole_balancing(
    generator: np.random.Generator,
    *,
    dimensions: tuple[int, ...],
    steps: int = 200,
    rounds: int = 8,
    reach: float = 10.0,
    force: float = 10.0,
) -> dict[str, Any]:
    """The best policies found in random subspaces of several dimensions around one initial net.

    Args:
        dimensions: of the subspaces, each drawn by itself.
        steps: of 0.02 s that count as success.
        rounds: of the search, at most.
        reach: length of a typical first step from the initial net.
        force: of the motor in newton; 0 for none.

    Returns:
        ``scores`` [dimension], shares of the steps balanced, mean over 20 new starts; ``parameters``.
    """
    import numpy as np

    whole = parameters()
    deviations = [[*[1 / math.sqrt(a)] * (a * b), *[0.0] * b] for a, b in pairwise(WIDTHS)]
    first = generator.standard_normal(whole) * np.concatenate(deviations)
    starts = begun(FRESH, generator)
    draws = generator.spawn(len(dimensions))
    planes = [subspace(d, whole, stream) for d, stream in zip(dimensions, draws, strict=True)]
    searches = [
        searched(dimension, rounds, reach / math.sqrt(dimension), stream)
        for dimension, stream in zip(dimensions, draws, strict=True)
    ]

    def scored(tried: dict[int, Tried]) -> dict[int, Floats]:
        """The scores of all points that searches try at once, by the search."""
        theta = [first + points @ planes[i] for i, (points, _) in tried.items()]
        begin = [np.broadcast_to(at, (len(points), *at.shape)) for points, at in tried.values()]
        scores = balanced(np.concatenate(theta), np.concatenate(begin), steps=steps, force=force)
        ends = np.cumsum([len(points) for points, _ in tried.values()])
        return dict(zip(tried, np.split(scores, ends[:-1]), strict=True))

    best = side_by_side(searches, scored)
    last = scored({i: Tried(point[None], starts) for i, point in enumerate(best)})
    return {"scores": [float(scores[0]) for scores in last.values()], "parameters": whole}


def side_by_side(
    searches: Sequence[Search], scored: Callable[[dict[int, Tried]], dict[int, Floats]]
) -> list[Floats]:
    """What searches come by; what all of them try next is scored at once, as long as any goes on."""
    ended: dict[int, Floats] = {}
    tried = {i: next(search) for i, search in enumerate(searches)}
    while tried:
        scores, tried = scored(tried), {}
        for i, answer in scores.items():
            try:
                tried[i] = searches[i].send(answer)
            except StopIteration as end:
                ended[i] = end.value
    return [ended[i] for i in range(len(searches))]


def begun(count: int, generator: np.random.Generator) -> Floats:
    """Random first states [count, 4]."""
    return generator.uniform(-START, START, (count, 4))


def searched(dimension: int, rounds: int, deviation: float, generator: np.random.Generator) -> Search:
    """The best point [dimension] that the cross-entropy method comes by, from around zero.

    It yields points and starts, and is sent their scores [K]: larger is better, 1 at most. Its first round is
    wide; the best of each round, and the best so far, are scored again on new starts. It ends when a point
    never fails. Every search tries as many points, from as many starts, as others do in their same round.
    """
    import numpy as np

    best, middle, spread = np.zeros(dimension), np.zeros(dimension), np.full(dimension, deviation)
    for turn in range(rounds):
        points = middle + spread * generator.standard_normal((POPULATION if turn else WIDE, dimension))
        scores = yield Tried(points, begun(TRIED, generator))
        elite = points[np.argsort(-scores, kind="stable")[:ELITE]]
        middle, spread = elite.mean(axis=0), np.maximum(elite.std(axis=0), LEAST * deviation)
        rivals = np.concatenate([elite[:RIVALS], middle[None], best[None]])
        scores = yield Tried(rivals, begun(FRESH, generator))
        best = rivals[np.argmax(scores)]
        if scores.max() >= 1:
            break
        middle = middle if turn else best  # around one policy: the mean of the first, wide elite is none
    return best
