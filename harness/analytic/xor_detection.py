"""Networks that detect a pattern in a sequence of signs: the XOR detection problem, many nets at once.

Brutzkus and Globerson 2019: an input is d patterns in {1, -1}^2; its label is 1 if some pattern is (1, 1)
or (-1, -1), else -1. N(x) = sum_i max_j relu(w_i x_j) - max_j relu(u_i x_j), i = 1..k, is trained by full
gradient descent on hinge losses max(0, gamma - N) and max(0, 1 + N), averaged within each class.

N depends on the set of patterns in x alone, so the error over all inputs follows from 15 evaluations.
A filter is held by its products with (1, 1) and (1, -1), [..., 2]; the four patterns are, in order, (1, 1),
(-1, -1), (1, -1), (-1, 1), and a set of them is a mask of four bits.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Bools: TypeAlias = NDArray[np.bool_]

SETS = tuple(range(1, 16))
POSITIVE = tuple(mask for mask in SETS if mask & 3)
NEGATIVE = tuple(mask for mask in SETS if not mask & 3)
DIVERSE = {15: 1.0, 12: 1.0}
"""All four patterns, and both negative ones: what training sees if every example is diverse."""

BUDGET = 100
"""Steps times c after which a training ends, though its loss is above zero."""


@dataclasses.dataclass
class Nets:
    """Nets of one size side by side: filters ``w`` and ``u``, each [net, k, 2]."""

    w: Floats
    u: Floats

    def outputs(self, masks: Sequence[int]) -> Floats:
        """N on inputs with each of these sets of patterns, [net, set]."""
        return read(self.w, masks)[0] - read(self.u, masks)[0]

    def wrong(self) -> Bools:
        """Whether the sign of N is not the label, for each net and set, [net, 15]."""
        return self.outputs(SETS) * _signs(SETS) <= 0


def read(filters: Floats, masks: Sequence[int]) -> tuple[Floats, Floats]:
    """The sums of max_j relu(w_i x_j) over sets of patterns, [net, set], and what each filter reads.

    The latter, [net, k, 2, set], is one at the product with (1, 1) or with (1, -1), or nowhere: of the two
    pairs of opposite patterns a filter sees one each with a positive product, and takes the larger of
    those that are in the set.
    """
    import numpy as np

    size = np.abs(filters)
    below = (filters < 0).view(np.uint8)
    kind = (size[..., 1] > size[..., 0]).view(np.uint8) * np.uint8(4)
    kind += below[..., 1] * np.uint8(2)
    kind += below[..., 0]
    reads = _table(tuple(masks)).take(kind, axis=0)
    count = len(filters), -1
    return (size.reshape(*count)[:, None] @ reads.reshape(*count, len(masks)))[:, 0], reads


@functools.cache
def _table(masks: tuple[int, ...]) -> Floats:
    """What each kind of filter reads in sets of patterns, [8, 2, set]; asked for in every step."""
    import numpy as np

    reads = [[_reads(kind, mask) for mask in masks] for kind in range(8)]
    return np.ascontiguousarray(np.array(reads).swapaxes(1, 2))


@functools.cache
def _signs(masks: tuple[int, ...]) -> Floats:
    """The labels of inputs with these sets of patterns [set]; asked for in every step too."""
    import numpy as np

    return np.where(np.isin(masks, POSITIVE), 1.0, -1.0)


def _reads(kind: int, mask: int) -> tuple[float, float]:
    """One for the product that a filter reads in a set, zero for the other or both.

    The filter's kind holds the signs of its products (bits 0 and 1) and which is larger (bit 2).
    """
    first, second = mask >> (kind & 1) & 1, mask >> (2 + (kind >> 1 & 1)) & 1
    if first and second:
        return (0.0, 1.0) if kind & 4 else (1.0, 0.0)
    return float(first), float(second)


def initialized(generator: np.random.Generator, runs: int, k: int, c: float) -> Nets:
    """Gaussian filters of deviation c / (16 k^1.5) in each weight, as in the paper's analysis."""
    # 16 k^1.5 is the paper's; products are with patterns of length sqrt(2)
    deviation = c / (16 * k**1.5) * math.sqrt(2)
    return Nets(*(deviation * generator.standard_normal((runs, k, 2)) for _ in range(2)))


def trained(nets: Nets, weights: Mapping[int, Any], *, c: float, gamma: float) -> tuple[Nets, Bools]:
    """Gradient descent with step c / k until the loss is zero, nothing moves or the budget is spent.

    Args:
        nets: initial filters.
        weights: set of patterns -> its share of its class's examples, per net [net] or one number for all.
        c: step size times k; gamma: the margin asked of positive examples.

    Returns:
        The nets, and [net] whether their training loss is zero.
    """
    import numpy as np

    runs, k = nets.w.shape[:2]
    masks = tuple(weights)
    shares = np.stack([np.broadcast_to(np.asarray(weights[mask], float), (runs,)) for mask in masks], -1)
    w, u, fitted, rows = nets.w.copy(), nets.u.copy(), np.zeros(runs, bool), np.arange(runs)
    for _ in range(math.ceil(BUDGET / c)):
        step_w, step_u, loss = _descent(Nets(w[rows], u[rows]), masks, shares[rows], gamma)
        fitted[rows[~loss]] = True
        moving = loss & (step_w.any((1, 2)) | step_u.any((1, 2)))
        rows = rows[moving]
        if not len(rows):
            break
        w[rows] += c / k * step_w[moving]
        u[rows] += c / k * step_u[moving]
    return Nets(w, u), fitted


def _descent(nets: Nets, masks: Sequence[int], shares: Floats, gamma: float) -> tuple[Floats, Floats, Bools]:
    """Minus the gradient in w and in u, [net, k, 2], and whether the loss is above zero, [net]."""
    import numpy as np

    (of_w, reads_w), (of_u, reads_u) = read(nets.w, masks), read(nets.u, masks)
    signs = _signs(tuple(masks))
    positive = signs > 0
    short = np.where(positive, of_w - of_u < gamma, of_w - of_u > -1.0)
    # a step of one along a pattern, whose norm is sqrt(2), changes its own product by two
    pull = 2.0 * signs * shares * short
    step_w = np.sign(nets.w) * (reads_w @ pull[:, None, :, None])[..., 0]
    step_u = -np.sign(nets.u) * (reads_u @ pull[:, None, :, None])[..., 0]
    loss: Bools = np.any(short & (shares > 0), axis=-1)
    return step_w, step_u, loss


def outcomes(generator: np.random.Generator, *, k: int, runs: int, c: float, gamma: float) -> dict[str, int]:
    """The ends of training on diverse examples, counted over ``runs`` nets of 2k filters.

    Results: ``stuck`` (training loss above zero), ``imperfect`` (zero, and some set of patterns is
    classified wrongly), ``perfect``; and ``foretold``, those that ``foretold`` says from the start.
    """
    import numpy as np

    start = initialized(generator, runs, k, c)
    nets, fitted = trained(start, DIVERSE, c=c, gamma=gamma)
    perfect = ~nets.wrong().any(-1) & fitted
    ends = np.where(perfect, 2, np.where(fitted, 1, 0))
    counts = {name: int((ends == i).sum()) for i, name in enumerate(("stuck", "imperfect", "perfect"))}
    return counts | {"foretold": int((ends == foretold(start)).sum())}


def foretold(start: Nets) -> NDArray[np.int64]:
    """The end that the initial filters lead to, [net]: 0 stuck, 1 imperfect, 2 perfect.

    A w grows if its largest product is with a positive pattern, and then along it; a u ends along the
    negative pattern that it is nearest to. Without a growing w training is stuck; perfect are those whose
    w cover both positive patterns and whose u cover both negative ones.
    """
    import numpy as np

    p, q = start.w[..., 0], start.w[..., 1]
    grows = np.abs(p) > np.abs(q)
    covered = [(grows & (p * sign > 0)).any(-1) for sign in (1, -1)]
    split = [(start.u[..., 1] * sign > 0).any(-1) for sign in (1, -1)]
    return np.where(covered[0] & covered[1] & split[0] & split[1], 2, np.where(grows.any(-1), 1, 0))


def chances(k: int) -> tuple[Fraction, Fraction, Fraction]:
    """(stuck, imperfect, perfect): how likely Gaussian filters start where ``foretold`` says so.

    Each w starts nearest to any of the four patterns with probability 1/4, each u on either side with 1/2;
    so no w grows with 2^-k, they cover both positive patterns with 1 - 2 (3/4)^k + 2^-k, and the u cover
    both negative ones with 1 - 2 2^-k. For k = 2: 1/4, 11/16 and 1/16.
    """
    stuck = Fraction(1, 2**k)
    perfect = (1 - 2 * Fraction(3, 4) ** k + stuck) * (1 - 2 * stuck)
    return stuck, 1 - stuck - perfect, perfect


def explored(k: int) -> float:
    """The number of filters that the exploration lemma promises near every pattern, k/4 - 2 sqrt(k)."""
    return k / 4 - 2 * math.sqrt(k)


def probabilities(d: int) -> dict[int, float]:
    """The chance of each set among inputs of its class, where all inputs of a class are equally likely."""
    count = {
        mask: sum(
            (-1) ** (mask.bit_count() - part.bit_count()) * part.bit_count() ** d
            for part in SETS
            if part & mask == part
        )
        for mask in SETS
    }
    totals = {True: sum(count[m] for m in POSITIVE), False: sum(count[m] for m in NEGATIVE)}
    return {mask: count[mask] / totals[mask in POSITIVE] for mask in SETS}


def samples(
    generator: np.random.Generator, *, sizes: Sequence[int], runs: int, d: int, n: int, c: float, gamma: float
) -> dict[str, list[float]]:
    """Nets of several sizes trained on n random examples, half of them positive; test error is exact.

    All sizes see the same draws of examples. Results, [size]: ``fitted``, the share of nets with zero
    training loss; ``test_error``, the mean error over all inputs, classes equally likely; and
    ``fitted_test_error``, that of the fitted nets.

    Args:
        generator: the examples' and the initial filters' randomness.
        sizes: k; runs: nets per size; d: patterns in an input; c, gamma: as for ``trained``.
    """
    import numpy as np

    chance = probabilities(d)
    weights: dict[int, Floats] = {}
    for masks in (POSITIVE, NEGATIVE):
        p = np.array([chance[m] for m in masks])
        drawn = generator.multinomial(n // 2, p / p.sum(), size=runs) / (n // 2)
        weights |= {mask: drawn[:, i] for i, mask in enumerate(masks) if drawn[:, i].any()}
    results: dict[str, list[float]] = {"fitted": [], "test_error": [], "fitted_test_error": []}
    for k in sizes:
        nets, fitted = trained(initialized(generator, runs, k, c), weights, c=c, gamma=gamma)
        error = nets.wrong() @ np.array([chance[mask] / 2 for mask in SETS])
        results["fitted"].append(float(fitted.mean()))
        results["test_error"].append(float(error.mean()))
        results["fitted_test_error"].append(float(error[fitted].mean()) if fitted.any() else math.nan)
    return results


def large_and_small(
    generator: np.random.Generator, *, k: int, runs: int, c: float, gamma: float
) -> dict[str, float]:
    """Large nets, what their filters look like before and after, and small nets that start from them.

    Results: ``fewest``, the smallest number of filters w or u nearest to any one pattern at the start, over
    all nets; ``perfect``, the share of large nets without test error; ``angle_before`` and ``angle``, in
    degrees, from a filter to the nearest pattern that it ought to detect (w a positive one, u a negative
    one), averaged with the filters' norms as weights; ``clustered`` and ``random``, the share of nets
    with k = 2 without test error that start from the two and two centres of the large net's filters, or
    afresh; ``untrained``, those that start from centres of the large net's initial filters.
    """
    import numpy as np

    start = initialized(generator, runs, k, c)
    nets, fitted = trained(start, DIVERSE, c=c, gamma=gamma)
    small = {
        "clustered": Nets(centres(nets.w), centres(nets.u)),
        "untrained": Nets(centres(start.w), centres(start.u)),
        "random": initialized(generator, runs, 2, c),
    }
    results = {"fewest": float(min(fewest(start.w), fewest(start.u)))}
    results["perfect"] = float((fitted & ~nets.wrong().any(-1)).mean())
    results["angle_before"], results["angle"] = angle(start), angle(nets)
    for name, first in small.items():
        ended, reached = trained(first, DIVERSE, c=c, gamma=gamma)
        results[name] = float(np.mean(reached & ~ended.wrong().any(-1)))
    return results


def fewest(filters: Floats) -> int:
    """The smallest number of filters nearest to any one of the patterns, over nets."""
    import numpy as np

    p, q = filters[..., 0], filters[..., 1]
    nearest = np.argmax(np.stack([p, -p, q, -q], -1), -1)
    return min(int((nearest == j).sum(-1).min()) for j in range(4))


def angle(nets: Nets) -> float:
    """Degrees from a filter to the nearest pattern of its class, the norms as weights."""
    import numpy as np

    off = [(nets.w[..., 1], nets.w[..., 0]), (nets.u[..., 0], nets.u[..., 1])]
    angles = [np.degrees(np.arctan2(np.abs(across), np.abs(along))) for across, along in off]
    norms = [np.hypot(across, along) for across, along in off]
    return float(np.average(np.concatenate(angles, -1), weights=np.concatenate(norms, -1)))


def centres(filters: Floats, rounds: int = 20) -> Floats:
    """Two centres of each net's filters, [net, 2, 2], by Lloyd's k-means.

    It starts from the longest filter and the one farthest from it.
    """
    import numpy as np

    rows = np.arange(len(filters))
    first = filters[rows, (filters**2).sum(-1).argmax(-1)]
    second = filters[rows, ((filters - first[:, None]) ** 2).sum(-1).argmax(-1)]
    pair = np.stack([first, second], 1)
    for _ in range(rounds):
        distances = ((filters[:, :, None] - pair[:, None]) ** 2).sum(-1)
        nearest = distances.argmin(-1)[..., None] == np.arange(2)
        members = np.maximum(nearest.sum(1), 1)
        pair = (nearest[..., None] * filters[:, :, None]).sum(1) / members[..., None]
    return pair
