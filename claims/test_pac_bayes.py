"""A bound on the error of a network with more weights than examples need not be vacuous.

Zhang et al. 2017, Section 2.2: what VC dimension, Rademacher complexity and norms guarantee of networks
that fit random labels is nothing (``test_complexity_measures``, where the norm's bound is above one at a test
error of a few per cent). Dziugaite and Roy 2017 optimise a PAC-Bayes bound instead, over a distribution of
weights around what stochastic gradient descent ended at, against a prior around the initial weights: for true
labels it is well below chance, for random ones it is not. So it sees what those measures do not; and it is
still several times the error, and one of a network with noise on its weights.

Lower classes against upper ones, as in the source. Prior variances on the source's grid, whose points pay for
having been looked at, as do the draws of weights from which a training error is estimated. The numbers of its
Table 1 are cited as a reproduction's code lists them; those of the row of 600 units agree with one another
by the source's own formula. Settings and margins were read off replicates 1000 to 1004 (digits) and 1000
(MNIST), which no verdict reads.
"""

from __future__ import annotations

import math

from claims.papers import DZIUGAITE2017
from claims.papers import OVERCLAIM
from claims.texts import everywhere
from harness import Check
from harness import Results
from harness import Solved
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import exact
from harness import matches
from harness import ratio
from harness import trained
from harness.analytic.kl_bounds import DELTA
from harness.analytic.kl_bounds import grid_prices
from harness.analytic.kl_bounds import inverse_binary_kl
from harness.analytic.pac_bayes import PacBayes
from harness.data import Digits
from harness.data import Mnist
from harness.data import RandomLabels

ADAPTED = {
    "quick": "1,500 digits for 55,000 images of MNIST, 50 units, 1,500 steps on the bound, higher rates",
    "standard": "5,000 images of MNIST, 100 hidden units, 4,000 steps on the bound, higher rates",
}
TABLE = "Table 1 (as a reproduction's code lists it)"
CHANCE = "half of the images would come out right by flipping coins"
TRUE = Tiers(
    quick=Solved(
        Digits(n=1500),
        PacBayes(width=50, deviation=0.2, lr=0.05, epochs=80, steps=1500, rate=0.01, passes=20),
    ),
    standard=Solved(
        Mnist(n=5000, crop=None, n_test=2000),
        PacBayes(width=100, lr=0.03, epochs=100, steps=4000, rate=0.005, passes=20),
    ),
)
RANDOM = TRUE.but(data__labels=RandomLabels())
REMEMBERED = RANDOM.but(solver__steps=0, solver__narrow=0.1)
"""Noise of a tenth of the weights, and no step on the bound: the labels are still there."""
PRINTED = Tiers(
    standard=Solved(
        Mnist(n=55_000, crop=None, whiten=False), PacBayes(lr=0.03, epochs=5, steps=4000, rate=0.01)
    )
)


@claim(
    DZIUGAITE2017,
    f"Abstract; {TABLE}, T-600",
    adapted=ADAPTED,
    reported={"bound": 0.161, "KL, nats": 5144},
    contested="Zhang et al. 2017, Section 2.2: measures of complexity say nothing of such networks",
)
@trained(run=TRUE, bound="bound")
@control(bound="about_origin", says="the same network by a prior around zero, not around the first weights")
@control(run=RANDOM, says="random labels")
def test_the_bound_on_true_labels_is_not_vacuous(run: Results, bound: str, check: Check) -> None:
    """A bound on a network with more weights than examples is well below the error of guessing."""
    check(below(run.final(bound), 0.5, because=CHANCE))


@claim(DZIUGAITE2017, f"{TABLE}, T-600", adapted=ADAPTED, reported={"bound over test error": 0.161 / 0.034})
@trained(run=TRUE)
@control(run=RANDOM, says="random labels, whose bound is hardly above their error")
def test_the_bound_is_several_times_the_error(run: Results, check: Check) -> None:
    """The true error lies below the bound, by a factor of several: the bound is neither vacuous nor tight."""
    loose = ratio(run.final("bound"), run.final("test_error"))
    check(
        above(loose, 2.0, because="several times: 4.7 in the source, eight on digits and six on MNIST here")
    )


@claim(DZIUGAITE2017, f"{TABLE}, R-600", adapted=ADAPTED, reported={"bound": 1.352, "test error": 0.503})
@trained(run=RANDOM)
@control(run=TRUE, says="true labels")
def test_the_bound_on_random_labels_says_nothing(run: Results, check: Check) -> None:
    """By the same procedure the bound on random labels stays above chance."""
    check(above(run.final("bound"), 0.5, because=CHANCE))


@claim(
    DZIUGAITE2017,
    f"{TABLE}, R-600",
    adapted=ADAPTED,
    reported={"bound": 1.352, "training error of the stochastic network": 0.112, "KL, nats": 201_131},
)
@trained(run=REMEMBERED)
@control(run=RANDOM, says="the same network after steps on the bound, by which it forgets its labels")
def test_remembered_random_labels_have_a_vacuous_bound(run: Results, check: Check) -> None:
    """As long as a stochastic network remembers random labels, its bound is above one."""
    check(below(run.final("train_error"), 0.25, because="half of chance; the source's errs on 11 %"))
    check(above(run.final("stated"), 1.0, because="no error is above one"))


@claim(DZIUGAITE2017, f"{TABLE}, R-600", adapted=ADAPTED, reported={"bound": 1.352, "test error": 0.503})
@trained(run=REMEMBERED, bound="bound")
@control(bound="unpaid", says="the same bound with the divergence from the prior left out")
def test_the_bound_holds_where_labels_are_remembered(run: Results, bound: str, check: Check) -> None:
    """The bound is above the true error where the training error is far below it."""
    room = (run.final(bound) - run.final("test_error")).named("bound - test error")
    check(above(room, 0.0, because="a bound that is below the error is none"))


@claim(
    DZIUGAITE2017,
    f"{TABLE}, T-600",
    kind="printed",
    adapted={
        "standard": "5 epochs at a rate of 0.03 for 20 at 0.01, 4,000 steps on the bound for 1,000 epochs"
    },
    reported={"bound": 0.161, "test error of the stochastic network": 0.034},
)
@trained(run=PRINTED)
@control(run=Tiers(standard=TRUE.standard), says="5,000 images and 100 units")
def test_600_units_on_mnist_have_the_printed_bound(run: Results, check: Check) -> None:
    """One hidden layer of 600 units on all of MNIST, 0-4 against 5-9, has the printed bound and error."""
    bound, error = run.final("bound"), run.final("test_error")
    check(
        matches(
            bound, 0.161, 0.06, because="a published reproduction has 0.102 for it, with another schedule"
        )
    )
    check(matches(error, 0.034, 0.01, because="the same has 0.027, and 0.037 to 0.044 for variants of it"))


@claim(
    OVERCLAIM,
    "beside DZIUGAITE2017, Table 1, R-600: is the bound above one because the labels are random?",
    kind="counter",
    adapted=ADAPTED,
)
@trained(run=RANDOM)
@control(run=REMEMBERED, says="no step on the bound")
def test_optimised_on_random_labels_are_forgotten(run: Results, check: Check) -> None:
    """Optimised for as long as true labels are, the bound on random ones falls below one, and the network
    forgets them: it is above one where labels are remembered, and not where they are random."""
    check(above(run.final("train_error"), 0.4, because="a tenth off chance: hardly a label is remembered"))
    check(below(run.final("stated"), 1.0, because="where a bound begins to say something"))


@claim(
    OVERCLAIM,
    "beside DZIUGAITE2017, Table 1: are its rows bounds of one kind?",
    kind="counter",
    adapted=everywhere("none: arithmetic on printed numbers, as a reproduction's code lists them"),
    reported={"bound, R-600": 1.352, "bound, T-600": 0.161},
)
@trained(kl=201_131, error=0.112)
@control(kl=5144, error=0.028, says="the row of true labels, whose bound is the inverted one")
def test_the_bound_printed_for_random_labels_is_not_inverted(kl: int, error: float, check: Check) -> None:
    """What is printed for random labels is sqrt(KL / 2m) alone; by the inversion that the other rows have it
    is 0.99: below one, and as little of a guarantee."""
    m = 55_000
    rate = (kl + math.log(m / DELTA) + grid_prices(300)[-1]) / (m - 1)
    root = round(math.sqrt(rate / 2), 3)
    check(exact(root, 1.352, because="as printed; the grid's point adds less than its last digit"))
    check(exact(round(inverse_binary_kl(error, rate), 2), 0.99, because="the inverted bound of that row"))
