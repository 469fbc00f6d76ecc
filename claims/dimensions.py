"""The sweeps of subspaces that families on intrinsic dimension share, so that each net is trained once.

Calibrated on replicates 1000 to 1002, which no verdict reads: rates, steps and grids (one replicate for most
cells on real images).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from claims.subspaces import dimension
from harness import Measured
from harness import Results
from harness import Solved
from harness import Tiers
from harness import ratio
from harness.analytic.adam import Adam
from harness.data import Cifar10
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels
from harness.data.inputs import RandomPixels
from harness.data.inputs import ShuffledPixels
from harness.models import Mlp
from harness.models.lenet import LeNet
from harness.models.subspace import Subspace
from harness.spec.contracts import Dataset
from harness.spec.contracts import Model

MNIST = Mnist(n=8000, crop=None, whiten=False, n_test=2000)
ALL_MNIST = MNIST.but(n=None, n_test=None)
DATA = Tiers(quick=Digits(n=500), standard=MNIST, full=ALL_MNIST)
ON_IMAGES = Tiers(standard=MNIST, full=ALL_MNIST)
SHUFFLED = DATA.but(inputs=ShuffledPixels())
CIFAR = Tiers(standard=Cifar10(n=8000, crop=None, n_test=2000), full=Cifar10(crop=None))
NET = Tiers(quick=Mlp(64, depth=2), standard=Mlp(200, depth=2), full=Mlp(200, depth=2))
WIDER_NET = Tiers(quick=Mlp(40), standard=Mlp(62), full=Mlp(62))
"""A quarter more weights than the narrow one."""
NARROW_NET = Tiers(quick=Mlp(32), standard=Mlp(50), full=Mlp(50))
LARGE_NET = Tiers(quick=Mlp(96, depth=2), standard=Mlp(200, depth=5), full=Mlp(400, depth=5))
LENET = Tiers(standard=LeNet(), full=LeNet())
GRID = Tiers(
    quick=(100, 200, 400),
    standard=(300, 600, 1200),
    full=(10, 50, 100, 200, 300, 400, 500, 600, 700, 750, 1000, 1500),
)
LENET_GRID = Tiers(standard=(150, 300, 600), full=(50, 100, 200, 300, 400, 600, 1000))
SHUFFLED_GRID = Tiers(standard=(300, 600, 1200), full=(200, 400, 700, 1000, 1400, 2000))
CIFAR_GRID = Tiers(standard=(600, 1200, 2400), full=(500, 1000, 2000, 2900, 4000, 6000))
LABELLED = Tiers(quick=DATA["quick"], standard=MNIST.but(n=500), full=ALL_MNIST)
FEW_LABELLED = Tiers(quick=Digits(n=250), full=ALL_MNIST.but(n=6000))
RANDOM = RandomLabels(1.0)
MEMORIZER = Tiers(quick=NET["quick"], standard=NET["standard"], full=LARGE_NET["full"])
RANDOM_GRID = Tiers(
    quick=(500, 1000, 2000), standard=(300, 600, 1200), full=(50_000, 90_000, 130_000, 190_000, 300_000)
)
TRUE_GRID = Tiers(quick=(50, 100, 200), standard=(75, 150, 300), full=(300, 1000, 3000, 10_000))
FEW_GRID = Tiers(quick=(250, 500, 1000), full=(25_000, 50_000, 90_000, 130_000))
BUDGET: dict[str, dict[str, int]] = {
    "quick": {"steps": 150, "batch": 250},
    "standard": {"steps": 378, "batch": 128},
    "full": {"steps": 46_900, "batch": 128, "accelerated": True},
}
LONG_BUDGET = {"standard": {"steps": 300, "batch": 250}, "full": {"steps": 234_500}}
FEW_LONG_BUDGET = {"full": {"steps": 23_500}}
"""500 epochs at full, as in the paper for shuffled labels."""
PROJECTION = {"quick": "sparse", "standard": "fastfood", "full": "fastfood"}
REACH_WITHIN, REACH_WHOLE = 5.0, 1.0
"""Reach of Adam within a subspace, and in all of a net."""
PUBLISHED = (
    (10, 0.164), (50, 0.455), (100, 0.608), (200, 0.747), (300, 0.815), (400, 0.863), (500, 0.867),
    (600, 0.877), (700, 0.895), (1000, 0.913), (1500, 0.928),
)  # fmt: skip
"""Test accuracy by dimension of the 784-200-200-10 net on MNIST, in the authors' repository."""


def descent(tier: str, data: Dataset, model: Model, **changes: float) -> Solved:
    """One net, whole or in a subspace, trained on a tier's budget."""
    adam = Adam(model, reach=REACH_WITHIN if isinstance(model, Subspace) else REACH_WHOLE)
    return Solved(data, adam.but(**BUDGET[tier]).but(**changes))


def sweep(
    data: Tiers, model: Tiers, grid: Tiers, budget: Mapping[str, Mapping[str, int]] | None = None
) -> Tiers:
    """The whole net, then the net in subspaces of the grid's dimensions, at each tier of the grid."""
    made = {}
    for tier in (tier for tier in BUDGET if tier in grid and tier in data):
        within = [Subspace(model[tier], d, PROJECTION[tier]) for d in grid[tier]]
        changes = (budget or {}).get(tier, {})
        made[tier] = tuple(descent(tier, data[tier], net, **changes) for net in (model[tier], *within))
    return Tiers(**made)


def coarse(grid: Tiers) -> Tiers:
    """The grid of a control, which at quick has two points, between which its dimensions lie."""
    return Tiers(quick=(100, 200), **{tier: grid[tier] for tier in ("standard", "full")})


def sizes(model: Tiers) -> Tiers:
    """Numbers of weights of each tier's model."""
    return Tiers(**{tier: model[tier].size(DATA[tier].shape, 10) for tier in BUDGET})


def times(measure: str = "test_error", **two: Sequence[Results]) -> Measured:
    """How many times the dimension of one sweep is that of another, named by their keywords."""
    return ratio(*(dimension(swept, name, measure) for name, swept in two.items()))


DENSE, DENSE_SHUFFLED = sweep(DATA, NET, GRID), sweep(SHUFFLED, NET, GRID)
DENSE_NARROW, DENSE_LARGE = sweep(DATA, NARROW_NET, GRID), sweep(DATA, LARGE_NET, GRID)
CONV, CONV_SHUFFLED = sweep(DATA, LENET, LENET_GRID), sweep(SHUFFLED, LENET, SHUFFLED_GRID)
MEMORIZED = sweep(LABELLED.but(labels=RANDOM), MEMORIZER, RANDOM_GRID, LONG_BUDGET)
LEARNT = sweep(LABELLED, MEMORIZER, TRUE_GRID, LONG_BUDGET)
HARDLY_NOISY = sweep(
    LABELLED.but(labels=RandomLabels(0.05)),
    MEMORIZER,
    Tiers(quick=(100, 200), standard=(*TRUE_GRID["standard"], 600), full=TRUE_GRID["full"]),
    LONG_BUDGET,
)
"""One label in twenty random, up to twice the dimension at which true labels end: no run is cut off there."""
SCRAMBLED = sweep(Tiers(quick=DATA["quick"].but(inputs=RandomPixels())), NET, coarse(GRID))
DENSE_WIDER = sweep(DATA, WIDER_NET, coarse(GRID))
CONV_WHITENED = sweep(ON_IMAGES.but(whiten=True), LENET, LENET_GRID)
MEMORIZED_FEW = sweep(FEW_LABELLED.but(labels=RANDOM), MEMORIZER, FEW_GRID, FEW_LONG_BUDGET)
FEWER_LABELLED = FEW_LABELLED.but(n=Tiers(quick=240, full=5760), labels=RANDOM)
MEMORIZED_FEWER = sweep(
    FEWER_LABELLED, MEMORIZER, Tiers(quick=(250, 500), full=FEW_GRID["full"]), FEW_LONG_BUDGET
)
