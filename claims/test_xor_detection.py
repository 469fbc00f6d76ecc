"""Large networks generalize where small ones fit the same data and do not: the XOR detection problem.

Brutzkus and Globerson 2019 study a network with k channels (2k filters in two dimensions) that detects a
pattern in a sequence of signs. Two channels suffice to be right everywhere, but gradient descent rarely
finds them; large networks explore all patterns at the start, their filters cluster around the patterns,
and they always generalize. The output depends on the set of patterns in an input alone, so the error over
all inputs is decided exactly, on 15 sets, and every end is foretold by where the filters start.

Calibrated on replicates 1000 and up, which no verdict reads: step sizes, numbers of networks and margins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.exact import EXACT
from claims.papers import BRUTZKUS2019
from claims.papers import OVERCLAIM
from claims.texts import SECOND_CONTROL
from claims.texts import adding
from claims.texts import everywhere
from harness import Change
from harness import Check
from harness import Measured
from harness import Results
from harness import Simulation
from harness import Tiers
from harness import above
from harness import all_reach
from harness import below
from harness import claim
from harness import control
from harness import exact
from harness import frequencies
from harness import most_reach
from harness import trained
from harness.analytic.xor_detection import chances
from harness.analytic.xor_detection import explored
from harness.analytic.xor_detection import large_and_small
from harness.analytic.xor_detection import outcomes
from harness.analytic.xor_detection import samples

if TYPE_CHECKING:
    import numpy as np

    Rows = np.ndarray | list[list[float]]

OWN_STEP = 1 / 410
QUICK = "steps c / k with c = 0.05, not 1/410"
PAPERS_ADAPTED = {"quick": QUICK, "standard": "none"}
DRAWN_ADAPTED = {
    "quick": "c = 0.1; inputs of 4 patterns, 8 examples with a margin of 1",
    "standard": "inputs of 4 patterns, 8 examples with a margin of 1",
}
EXPLORED_ADAPTED = everywhere("k up to 400, binomial tails in rational arithmetic")
ENDS = ("stuck", "imperfect", "perfect")
PERFECT = ENDS.index("perfect")
CHANNELS = (2, 4, 10, 50)
BETWEEN = (3, 4, 6, 10, 50)
DRAWS = {3: 400, 4: 400, 6: 400, 10: 200, 50: 100}
"""Networks a replicate, by channels: five replicates bound each probability to about three points."""


def ends(k: int, runs: int) -> Tiers:
    """Networks of k channels trained on diverse examples, per replicate."""
    quick = Simulation(outcomes, {"k": k, "runs": runs, "c": 0.05, "gamma": 8.0})
    papers = Simulation(outcomes, {"k": k, "runs": runs, "c": OWN_STEP, "gamma": 8.0})
    return Tiers(quick=quick, standard=papers)


TWO = ends(2, 800)
NETWORKS = {k: ends(k, 100) for k in (4, 10, 50)} | {120: ends(120, 40)}
MANY_NETWORKS = {k: ends(k, runs) for k, runs in DRAWS.items()}


def clustered(k: int) -> Tiers:
    """Networks of k channels, what their filters look like, and small ones that start from them."""
    quick = Simulation(large_and_small, {"k": k, "runs": 50, "c": 0.05, "gamma": 8.0})
    papers = Simulation(large_and_small, {"k": k, "runs": 50, "c": OWN_STEP, "gamma": 8.0})
    return Tiers(quick=quick, standard=papers)


CLUSTERED = clustered(120)
SMALL_SAMPLE = {"sizes": CHANNELS, "d": 4, "n": 8, "gamma": 1.0}
SAMPLES = Tiers(
    quick=Simulation(samples, SMALL_SAMPLE | {"runs": 60, "c": 0.1}),
    standard=Simulation(samples, SMALL_SAMPLE | {"runs": 60, "c": OWN_STEP}),
)


def counted(results: Results) -> list[int]:
    """How many networks ended in each way, over all replicates."""
    return [int(results.final(name).values.sum()) for name in ENDS]


def not_perfect(results: Results, networks: int) -> Measured:
    """How many of a replicate's networks do not generalize perfectly, [replicate]."""
    others = float(networks) - results.final("perfect")
    return others.named(f"networks of {networks} that are not perfect")


def draw_by_channels(
    check: Check, figure: str, y_label: str, channels: Sequence[int], curves: Mapping[str, Rows]
) -> None:
    """Shares or errors [replicate, network] over the number of channels k."""
    for series, rows in curves.items():
        check.draw(
            figure, series=series, x=channels, y=rows, x_label="channels k", y_label=y_label, x_scale="log"
        )


@claim(BRUTZKUS2019, "Theorem 3.4: k = 2", reported="unconfirmed", adapted=PAPERS_ADAPTED, replicates=5)
@trained(run=TWO)
@control(run=NETWORKS[4], says="four channels, more of which are perfect")
def test_two_channels_end_as_combinatorics_says(run: Results, check: Check) -> None:
    """With two channels gradient descent ends in a local minimum, in a global minimum that errs on new
    inputs, or in a perfect detector with probabilities 1/4, 11/16 and 1/16."""
    three = "three points; 4,000 networks bound each probability to less than two"
    check(frequencies(counted(run), [float(p) for p in chances(2)], within=0.03, because=three))


@claim(OVERCLAIM, "after BRUTZKUS2019, Theorem 3.4", kind="counter", adapted=PAPERS_ADAPTED, replicates=5)
@trained(run=TWO)
@control(
    run=TWO.but(params=(("c", 1.0), ("gamma", 8.0), ("k", 2), ("runs", 800))),
    says="steps so long that filters jump from one pattern to another",
)
def test_the_start_foretells_the_end(run: Results, check: Check) -> None:
    """Where the filters of a network start decides how its training ends. Two things are enough to know:
    which positive pattern each filter w is nearest to, if to any, and which negative one each filter u."""
    other = (800.0 - run.final("foretold")).named("networks that end otherwise, of 800")
    check(all_reach(other, 0.0, because="no exception is allowed"))


@claim(
    OVERCLAIM,
    "after BRUTZKUS2019, Theorem 3.4: the same between small and large networks",
    kind="counter",
    adapted=PAPERS_ADAPTED,
    replicates=5,
    changed=(
        *SECOND_CONTROL,
        Change(
            "expected",
            "Either outcome was declared that chance leaves open, after reproduced; it no longer is.",
        ),
        Change(
            "replicates",
            "400 networks of three, four and six channels and 200 of ten are drawn for 100, since "
            "500 in all tell in 59 of 100 repeats even if the chances are exact; the margin shrank "
            "from seven points to five. The verdict was reproduced.",
        ),
    ),
)
@trained(nets=MANY_NETWORKS, fewer=0)
@control(fewer=1, says="the chances of networks with one channel less")
@control(
    nets=dict(zip(BETWEEN, (MANY_NETWORKS[k] for k in (3, 3, 4, 6, 6)), strict=True)),
    says="smaller networks than the chances are of, from four channels on; six for fifty",
)
def test_any_number_of_channels_ends_as_combinatorics_says(
    nets: Mapping[int, Results], fewer: int, check: Check
) -> None:
    """For any number of channels k a share (1 - 2 (3/4)^k + 2^-k) (1 - 2^(1-k)) of the networks is
    perfect, and 2^-k are stuck."""
    known = {k: [float(p) for p in chances(k - fewer)] for k in BETWEEN}
    five = "five points; 1,000 and 2,000 networks bound each probability to about three"
    for k, run in nets.items():
        check(frequencies(counted(run), known[k], within=0.05, because=five))
    shares = [
        [
            run.final("perfect").values[i] / sum(run.final(end).values[i] for end in ENDS)
            for run in nets.values()
        ]
        for i in range(5)
    ]
    curves = {"trained": shares, "combinatorics": [[known[k][PERFECT] for k in BETWEEN]]}
    draw_by_channels(check, "Perfect detectors", "share of networks", BETWEEN, curves)


@claim(
    BRUTZKUS2019,
    "Theorem 3.3; Figure 2",
    reported="unconfirmed",
    adapted=adding("also 50 channels, fewer than the analysis asks for", PAPERS_ADAPTED),
)
@trained(run=lambda k: NETWORKS[k], nets=lambda k: 40 if k == 120 else 100)
@control(run=NETWORKS[4], nets=100, says="four channels, twice as many as are needed")
@pytest.mark.parametrize("k", [50, 120])
def test_large_networks_always_generalize(run: Results, nets: int, check: Check, k: int) -> None:
    """Large networks always reach zero training error and generalize perfectly."""
    none = "every one must succeed, though the analysis lets a share c + 16 exp(-8) fail"
    check(all_reach(not_perfect(run, nets), 0.0, because=none))


@claim(
    BRUTZKUS2019,
    "Abstract; Figure 1: networks with zero training error",
    reported="words",
    adapted=DRAWN_ADAPTED,
)
@trained(run=SAMPLES, small=0)
@control(small=2, says="ten channels against fifty, both large for eight examples")
def test_larger_networks_generalize_better_at_zero_training_error(
    run: Results, small: int, check: Check
) -> None:
    """Among networks that fit the training data, larger ones generalize better."""
    errors = run.array("fitted_test_error")
    gain = Measured(errors[:, small] - errors[:, -1], name="test error of small - large networks that fit")
    check(above(gain, 0.01, because="one point; a tenth of the small networks' error"))
    curves = {"zero training error": errors, "all networks": run.array("test_error")}
    draw_by_channels(check, "Figure 1", "test error", CHANNELS, curves)


@claim(BRUTZKUS2019, "Lemma 3.1: exploration", reported="unconfirmed", adapted=EXPLORED_ADAPTED)
@trained(world=2.0)
@control(world=1.0, says="k/4 - sqrt(k), which is missed more often")
@given(k=st.integers(65, 400))
@EXACT
def test_every_pattern_is_explored(world: float, k: int) -> None:
    """With probability 1 - exp(-8) per pattern at least k/4 - 2 sqrt(k) of k Gaussian filters start
    nearest to it."""
    most = math.floor(k / 4 - world * math.sqrt(k))  # a count below the promise
    missed = sum(math.comb(k, i) * 3 ** (k - i) for i in range(most + 1))
    assert Fraction(missed, 4**k) <= Fraction(math.exp(-8.0))


@claim(
    OVERCLAIM,
    "after BRUTZKUS2019, Lemma 3.1 and Figure 2",
    kind="counter",
    adapted=PAPERS_ADAPTED,
    changed=(
        Change(
            "statement",
            "It is asked of the typical replicate and no longer of every one; in all of them it was so.",
        ),
        Change("control", "Checks that failed in no control got one; the verdict was reproduced."),
    ),
)
@trained(run=NETWORKS[50], k=50, last=64)
@control(k=120, says="120 channels, for which the lemma promises eight filters and more")
@control(last=65, says="65 channels, the first for which the lemma promises anything")
@control(run=NETWORKS[10], says="networks of ten channels, some of which are not perfect")
def test_fifty_channels_generalize_without_the_lemma(run: Results, k: int, last: int, check: Check) -> None:
    """Up to 64 channels the lemma promises nothing: k/4 - 2 sqrt(k) is not positive. Networks of 50
    channels, those of the paper's illustration, generalize all the same."""
    check(exact(max(0.0, explored(k)), 0.0, because="a negative number of filters is no promise"))
    check(exact(max(0.0, explored(last)), 0.0, because="64 channels are the last: 16 = 2 x 8"))
    check(most_reach(not_perfect(run, 100), 0.0))


@claim(
    BRUTZKUS2019,
    "Lemmas 3.1 and 3.2: exploration and clustering; Figure 2",
    adapted=PAPERS_ADAPTED,
    reported={"channels of the networks in Figure 2": "2 and 50"},
    changed=(
        Change(
            "statement",
            "It is asked of the typical replicate and no longer of every one; in all of them it was so.",
        ),
        Change("control", "Checks that failed in no control got one; the verdict was reproduced."),
    ),
)
@trained(run=CLUSTERED, angle="angle")
@control(angle="angle_before", says="the same filters before training")
@control(run=clustered(60), says="half as many channels, held to what the lemma promises for 120")
def test_filters_of_large_networks_explore_and_cluster(run: Results, angle: str, check: Check) -> None:
    """In large networks filters start near all patterns, and training turns them to the patterns that
    they detect."""
    least = "what the lemma promises for 120 channels, in each of 50 networks"
    check(most_reach(run.final("fewest"), explored(120), at="least", because=least))
    five = "degrees, weighted by norm; filters drawn at random are 45 away"
    check(below(run.final(angle), 5.0, because=five))


@claim(
    BRUTZKUS2019,
    "Section 8: clusters of a large network initialize a small one",
    reported="unconfirmed",
    adapted=PAPERS_ADAPTED,
    changed=(
        Change(
            "statement",
            "It is asked of the typical replicate and no longer of every one; in all of them it was so.",
        ),
        Change("control", "Checks that failed in no control got one; the verdict was reproduced."),
    ),
)
@trained(run=CLUSTERED, start="clustered")
@control(start="random", says="two channels that start at random")
@control(start="untrained", says="the centres of the large network's filters before it was trained")
def test_centres_of_large_networks_initialize_small_ones(run: Results, start: str, check: Check) -> None:
    """A network of two channels that starts from the cluster centres of a large network's filters is
    perfect."""
    share = run.final(start).named(f"share of perfect networks ({start})")
    check(most_reach(share, 1.0, at="least", because="all of the 50 networks of a replicate"))
