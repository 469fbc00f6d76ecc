"""Whether noise that is fitted hurts depends on the inputs' spectrum: benign with a long flat tail, else not.

Bartlett et al. 2020: the minimum-norm fit of noisy labels has an excess risk of the order k / n + n / R, with
k strong directions and a tail of effective rank R; so it vanishes where the tail is flat and far longer than
the number of examples. Mallinar et al. 2022 call what ends at a constant tempered, as with eigenvalues i^-2.
It is Zhang et al. 2017's question of Section 5 in the case that can be answered: kernels fit random labels,
and whether that costs anything is a matter of the kernel.

Signals of length 1 in five directions, noise of deviation 1 on the labels, n = 25 to 200; risks are computed
from the covariance and not sampled. Margins were read off replicates 1000 to 1005, which no verdict reads.
"""

from __future__ import annotations

from claims.papers import BARTLETT2020
from claims.papers import MALLINAR2022
from claims.sweeps import at
from harness import Change
from harness import Check
from harness import Results
from harness import Simulation
from harness import Tiers
from harness import above
from harness import all_reach
from harness import below
from harness import claim
from harness import control
from harness import equivalent
from harness import ratio
from harness import trained
from harness.analytic.benign import excess_risks

SIZES = (25, 50, 100, 200)
LARGER = (50, 100, 200, 400)
ADAPTED = {
    "quick": "25 to 200 examples, noise as strong as the signal",
    "standard": "50 to 400 examples, noise as strong as the signal",
}


def fits(kind: str, penalty: float = 0.0) -> Tiers:
    """Minimum-norm fits of noisy labels for inputs of this spectrum, or ridge fits."""
    asked = {"kind": kind, "noise": 1.0, "penalty": penalty}
    return Tiers(
        quick=Simulation(excess_risks, {"sizes": SIZES, **asked}),
        standard=Simulation(excess_risks, {"sizes": LARGER, **asked}),
    )


LONG, SHORT, POWER = fits("long tail"), fits("short tail"), fits("power law")
SHORT_SAYS = "the same strong directions with a tail of 4 n directions in place of n^2"


@claim(
    BARTLETT2020,
    "Abstract: unimportant directions must significantly exceed the sample size",
    reported="words",
    adapted=ADAPTED,
)
@trained(fit=LONG)
@control(fit=SHORT, says=SHORT_SAYS)
@control(fit=POWER, says="eigenvalues that fall as i^-2")
@control(fit=fits("long tail", penalty=1.0), says="a ridge of 1, by which the noise is not fitted")
def test_with_a_long_flat_tail_fitted_noise_does_no_harm(fit: Results, check: Check) -> None:
    """With few strong directions and a flat tail far longer than n, the minimum-norm fit of noisy labels is
    exact on them and its excess risk tends to zero."""
    check(all_reach(at(fit, "training", -1), 1e-6, because="all labels are fitted, noise and all"))
    fall = ratio(at(fit, "excess", -1, of="most examples'"), at(fit, "excess", 0, of="fewest examples'"))
    check(below(fall, 0.5, because="k / n + n / R falls eightfold here; half is no constant"))
    check(
        below(at(fit, "excess", -1), 0.1, because="a tenth of the noise's variance, all of which is fitted")
    )


@claim(BARTLETT2020, "Abstract: overparameterization is essential", reported="words", adapted=ADAPTED)
@trained(fit=SHORT)
@control(fit=LONG, says="a tail of n^2 directions in place of 4 n")
def test_a_tail_in_proportion_to_n_is_not_benign(fit: Results, check: Check) -> None:
    """A tail whose length is in proportion to n leaves an excess risk that does not vanish."""
    last = at(fit, "excess", -1)
    check(above(last, 0.2, because="n / R is a quarter for a tail of 4 n directions"))


@claim(
    MALLINAR2022,
    "Abstract: tempered overfitting",
    reported="words",
    adapted=ADAPTED,
    changed=(
        Change(
            "replicates",
            "Reproduced at the ladder's second look with little to spare; twenty replicates at quick since.",
        ),
    ),
    replicates={"quick": 20},
)
@trained(fit=POWER)
@control(fit=LONG, says="a long flat tail, by which overfitting is benign")
def test_a_power_law_spectrum_is_tempered(fit: Results, check: Check) -> None:
    """With eigenvalues that fall as i^-2 the excess risk tends to a constant of the noise's size."""
    change = ratio(at(fit, "excess", -1, of="most examples'"), at(fit, "excess", 1, of="a quarter's"))
    check(equivalent(change, 1.8, because="runs differ by a factor 1.6, and a benign fit falls fourfold"))
    check(above(at(fit, "excess", -1), 0.5, because="half of the noise's variance is no small part"))
