"""More data can hurt least squares, by its formula, and never hurts where the best penalty is paid.

With d Gaussian features the risk of the solution of minimum norm peaks at n = d examples (Nakkiran 2019);
the best penalty, which is the same for every n, removes the peak (Nakkiran et al. 2021), but not whatever
the noise.

Tolerances are shares of the formula's own deviation between data sets. Numbers of designs were calibrated
on replicates 1000 and up; no formula is held against means within 10 % of n = d.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from claims.designs import SIZES
from claims.designs import by_size
from claims.designs import sizes
from claims.exact import EXACT
from claims.figures import draw_sweep
from claims.papers import NAKKIRAN2019
from claims.papers import NAKKIRAN2021
from claims.texts import SECOND_CONTROL
from harness import Check
from harness import Results
from harness import Tiers
from harness import above
from harness import argmax_in
from harness import below
from harness import claim
from harness import control
from harness import equivalent
from harness import ordered
from harness import ratio
from harness import trained
from harness.analytic.risks import axis_ridge_risk
from harness.analytic.risks import ridgeless

FAR_SIZES = (0.2, 0.5, 0.8, 1.2, 1.5, 2.0, 4.0)
SAMPLES_PENALIZED = Tiers(quick=sizes(50, 100, ridge=True), standard=sizes(500, 5, ridge=True))
SAMPLES = Tiers(quick=sizes(50, 200), standard=sizes(500, 50))
LOUD_SAMPLES = Tiers(quick=sizes(50, 200, noise=1.0), standard=sizes(500, 50, noise=1.0))
LOUDER_PENALIZED = Tiers(
    quick=sizes(50, 100, ridge=True, noise=4.0), standard=sizes(500, 5, ridge=True, noise=4.0)
)
BEST_PENALTY = "the penalty of lowest expected risk"


@claim(
    NAKKIRAN2019,
    "Claims 3.1 and 3.2",
    reported={"risk, n < d": "(1 - n / d) r^2 + s^2 n / (d - n - 1)", "risk, n > d": "s^2 d / (n - d - 1)"},
    changed=SECOND_CONTROL,
    adapted={"quick": "d = 50, noise of deviation 0.5", "standard": "d = 500, noise of deviation 0.5"},
)
@trained(sweep=SAMPLES)
@control(sweep=SAMPLES_PENALIZED, says=BEST_PENALTY)
@control(sweep=LOUD_SAMPLES, says="noise as strong as the signal, against the formula for half its deviation")
def test_more_data_can_hurt_least_squares(sweep: Results, check: Check) -> None:
    """With the number of features fixed, more data hurts as n approaches d, by the closed form, and the
    risk peaks at n = d."""
    d = dict(sweep.runs[0].value.params)["d"]
    formula = {s: ridgeless(round(s * d), d, 1.0, 0.25) for s in SIZES}
    for s in FAR_SIZES:
        error = (by_size(sweep, s) - formula[s].mean) / formula[s].deviation
        margin = "three tenths of the formula's deviation between data sets: at least 4.7 standard errors"
        check(
            equivalent(error.named(f"(measured - formula) / deviation at n/d = {s:g}"), 0.3, because=margin)
        )
    rise = ratio(by_size(sweep, 0.8), by_size(sweep, 0.5))
    check(above(rise, 1.3, because="a third more risk from 60 % more data; the formula says 1.7 times"))
    fall = ratio(by_size(sweep, 2.0), by_size(sweep, 0.5))
    check(below(fall, 0.5, because="and half of it beyond the peak; the formula says a third"))
    logs = [by_size(sweep, s, "log_risk") for s in SIZES]
    check(argmax_in(SIZES, logs, 1.0, 1.0, because="the formula is infinite at n = d alone, or next to it"))
    points = {s: by_size(sweep, s) for s in SIZES}
    known = {"closed form": tuple((s, formula[s].mean) for s in SIZES if s != 1.0)}
    draw_sweep(
        check,
        "Risk by number of examples",
        series="minimum norm",
        points=points,
        x_label="n / d",
        y_label="risk",
        threshold=1.0,
        formula=known,
    )


@claim(
    NAKKIRAN2021,
    "Theorem 1, Figure 1",
    changed=SECOND_CONTROL,
    adapted={"quick": "d = 50 for 500", "standard": "none"},
    reported={"best penalty, every n": "d s^2 / r^2", "of d = 500, s = 0.5, r = 1": 125},
)
@trained(sweep=SAMPLES_PENALIZED, more=SAMPLES_PENALIZED)
@control(sweep=SAMPLES, more=SAMPLES, says="no penalty")
@control(more=LOUDER_PENALIZED, says="more data of a worse kind: noise of four times the deviation")
def test_with_the_best_ridge_more_data_never_hurts(sweep: Results, more: Results, check: Check) -> None:
    """With the best penalty, the same for every n, more data never hurts."""
    fall = "any fall at every step, for monotonicity is claimed and not a size"
    for few, many in itertools.pairwise(SIZES):
        check(ordered([by_size(more, many), by_size(sweep, few)], because=fall))
    draw_sweep(
        check,
        "Risk by number of examples, best ridge",
        series="best ridge",
        points={s: by_size(sweep, s) for s in SIZES},
        x_label="n / d",
        y_label="risk",
        threshold=1.0,
    )


LOUD, QUIET = (Fraction(0), Fraction(1000)), (Fraction(1, 10), Fraction(1, 10))


@claim(
    NAKKIRAN2021,
    "Section 4.1: counterexamples; this one is ours",
    adapted={"quick": "an example of our own, in rational arithmetic"},
    reported={
        "its example": "two coordinates of which one has noise of +-10: n = 2 is worse than n = 1",
        "dimensions": 2,
        "noise of the noisy coordinate": 10,
    },
    contested="for isotropic Gaussian features more data never hurts: see the claim before",
)
@trained(world=LOUD)
@control(world=QUIET, says="the same noise in both directions")
@given(penalty=st.fractions(min_value=0, max_value=1000, max_denominator=1000))
@settings(EXACT, max_examples=200)
def test_with_unequal_noise_more_data_can_hurt_any_ridge(
    world: tuple[Fraction, ...], penalty: Fraction
) -> None:
    """Beyond isotropic features more data can hurt any ridge: with noise in a rare direction no penalty
    makes two examples as good as one."""
    shares = Fraction(99, 100), Fraction(1, 100)
    one = axis_ridge_risk(1, Fraction(1, 10), shares, world)
    assert axis_ridge_risk(2, penalty, shares, world) > one
