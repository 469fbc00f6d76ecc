"""Random features descend twice: worst where they number the examples, best where they far outnumber them.

Belkin et al. 2019 fit random Fourier features to MNIST by least squares of minimum norm. Test error and norm
peak at N = n real features, with hardly any predictive ability left; beyond, both fall, below the best of
fewer features, towards the kernel interpolant. More data can hurt in the same way (Nakkiran et al. 2020 on
random features), a tuned penalty removes it, and for random ReLU features on the sphere the whole curve is
known (Mei and Montanari 2019).

Calibrated on replicates 1000 and up, which no verdict reads: the digits' bandwidth (2; 5 on MNIST is the
paper's), widths, penalties and margins. Norms are scaled by sqrt(N / 2), which makes them comparable with
the kernel's. Nothing is asserted of squared error or norm at N = n but that they are largest there: they
spread over decades, and peaks are looked for in logarithms for the same reason. A penalty is tuned by
leave-one-out error, which sees no test image.
"""

from __future__ import annotations

import math

from claims.figures import draw_sweep
from claims.papers import BELKIN2019
from claims.papers import MEI2019
from claims.papers import NAKKIRAN2021
from claims.papers import OVERCLAIM
from claims.spheres import HELD_RATIOS
from claims.spheres import SPHERE_ADAPTED
from claims.spheres import predicted
from claims.spheres import relu
from claims.spheres import relu_risks
from claims.sweeps import at
from claims.sweeps import numbers
from claims.texts import SECOND_CONTROL
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Results
from harness import Solved
from harness import Tiers
from harness import above
from harness import all_reach
from harness import argmax_in
from harness import below
from harness import claim
from harness import control
from harness import equivalent
from harness import larger_of
from harness import matches
from harness import ordered
from harness import ratio
from harness import smaller_of
from harness import trained
from harness.analytic.kernel_interpolation import GaussianKernel
from harness.analytic.kernel_interpolation import KernelInterpolation
from harness.analytic.random_features import FourierFeatures
from harness.analytic.random_features import RandomFeatureSweep
from harness.analytic.random_features import SampleSweep
from harness.analytic.ridge import RidgeSweep
from harness.data import Digits
from harness.data import Mnist
from harness.data import WrongLabels
from harness.evidence.measured import Measured
from harness.evidence.measured import logarithm

NARROW_RATIOS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
PAPER_WIDTHS = (500, 1000, 1500, 2000, 2500, *range(3000, 15_000, 1000), 20_000, 40_000, 60_000)
FIGURE_2 = "Figure 2, random Fourier features on MNIST"
NEARER = nearer("labels nine in ten wrong")
PENALTIES = tuple(10.0**k for k in range(-3, 4))
FOURIER = {"quick": FourierFeatures(2.0), "standard": FourierFeatures(5.0), "full": FourierFeatures(5.0)}
IMAGES = {
    "quick": Digits(n=300, whiten=False),
    "standard": Mnist(n=2000, n_test=2000, crop=None, whiten=False),
    "full": Mnist(n=10_000, crop=None, whiten=False),
}


def sweep(tier: str, n: int, widths: tuple[int, ...]) -> Solved:
    """Random Fourier features of the tier's images."""
    data = IMAGES[tier].but(n=n)
    return Solved(data, RandomFeatureSweep(FOURIER[tier], widths))


def ridge(tier: str, n: int, penalties: tuple[float, ...] = PENALTIES) -> Solved:
    """The same with penalties, up to twice as many features as examples."""
    widths = numbers(n, *NARROW_RATIOS, 1.0, 1.1, 1.3, 2.0)
    return Solved(IMAGES[tier].but(n=n), RidgeSweep(FOURIER[tier], widths, penalties))


LARGE = Tiers(
    quick=sweep("quick", 300, numbers(300, *NARROW_RATIOS, 1.0, 1.1, 1.3, 2.0, 5.0, 20.0)),
    standard=sweep("standard", 10_000, numbers(10_000, *NARROW_RATIOS, 1.0, 1.1, 1.3, 2.0, 4.0)),
    full=sweep("full", 10_000, PAPER_WIDTHS),
)
SMALL = Tiers(
    quick=LARGE["quick"],
    standard=sweep("standard", 2000, numbers(2000, *NARROW_RATIOS, 1.0, 1.1, 1.3, 2.0, 5.0, 20.0)),
)
HELD = Tiers(
    quick=ridge("quick", 300, (10.0,)),
    standard=ridge("standard", 1000, (10.0,)),
    full=ridge("standard", 1000, (10.0,)),
)
HELD_SAYS = "a penalty of 10 (beyond the quick tier on 1,000 images)"
TUNED = Tiers(quick=ridge("quick", 300), standard=ridge("standard", 1000))
UNHELD = Tiers(quick=ridge("quick", 300, (1e-9,)), standard=ridge("standard", 1000, (1e-9,)))


def kernel(bandwidths: dict[str, float]) -> Tiers:
    """Interpolants on the images of ``SMALL``."""
    solvers = {t: KernelInterpolation(GaussianKernel(b), left_out=False) for t, b in bandwidths.items()}
    return Tiers(**{tier: Solved(SMALL[tier].data, solver) for tier, solver in solvers.items()})


ADAPTED = {
    "quick": "300 digits of 8x8 pixels for 10,000 images of MNIST, bandwidth 2",
    "standard": "2,000 test images, N up to 40,000 for 60,000",
    "full": "none",
}
ON_SMALL_ADAPTED = {
    "quick": ADAPTED["quick"],
    "standard": "2,000 training and 2,000 test images for 10,000 of each",
}


def size(run: Results) -> int:
    """Training examples."""
    return int(run.runs[0].value.data.train_size)


def curve(run: Results, measure: str) -> dict[int, Measured]:
    """A measure at every width; of a ridge sweep, at its only penalty."""
    value = run.runs[0].value
    tail = (0,) if run.array(measure).ndim > 2 else ()
    tests = value.data.test_size if measure.endswith("error") else 0
    return {
        width: at(run, measure, i, *tail, of=f"N={width}", test_size=tests)
        for i, width in enumerate(value.solver.widths)
    }


def scaled_norms(run: Results) -> dict[int, Measured]:
    """Norms in the feature map whose kernel has ones on its diagonal."""
    norms = curve(run, "norm").items()
    return {width: (norm * math.sqrt(width / 2)).named(f"N={width} scaled norm") for width, norm in norms}


def draw(check: Check, run: Results, measure: str, series: str) -> None:
    """A measure over N / n."""
    rows = scaled_norms(run) if measure == "norm" else curve(run, measure)
    draw_sweep(
        check,
        f"Random Fourier features: {measure}",
        series=series,
        points={width / size(run): value for width, value in rows.items()},
        x_label="features / examples",
        y_label=measure.replace("_", " "),
        threshold=1.0,
    )


@claim(BELKIN2019, FIGURE_2, reported={"n": 10000}, adapted=ADAPTED)
@trained(sweep=LARGE)
@control(sweep=HELD, says=HELD_SAYS)
def test_error_and_norm_peak_where_features_equal_examples(sweep: Results, check: Check) -> None:
    """Test error and norm of the coefficients are largest at N = n, the interpolation threshold."""
    n = size(sweep)
    for measure in ("test_error", "norm"):
        values = curve(sweep, measure)
        here = "real features are counted, one output per class: the threshold is N = n exactly"
        check(argmax_in(list(values), [logarithm(v) for v in values.values()], n, n, because=here))
        draw(check, sweep, measure, "minimum norm")
    chance = "of a chance of 0.9: most of the predictive ability is gone"
    check(above(curve(sweep, "test_error")[n], 0.6, because=chance))


@claim(BELKIN2019, f"Abstract; {FIGURE_2}", reported="words", adapted=ADAPTED, changed=(NEARER,))
@trained(sweep=LARGE, reach=math.inf)
@control(reach=1.35, says="no more features than a third above their threshold: still on the peak's slope")
def test_the_second_descent_goes_below_the_first(sweep: Results, reach: float, check: Check) -> None:
    """Beyond the threshold the test error falls below that of the best model with fewer features."""
    errors, n = curve(sweep, "test_error"), size(sweep)
    few = smaller_of(*(error for width, error in errors.items() if width < n))
    most = errors[max(width for width in errors if width <= reach * n)]
    better = "a quarter fewer errors; the best number below n is picked on the test images, in its favour"
    check(below(ratio(most, few), 0.75, because=better))


@claim(BELKIN2019, "Figure 2, training risk", reported="unconfirmed", changed=SECOND_CONTROL, adapted=ADAPTED)
@trained(sweep=LARGE, threshold=1.0)
@control(sweep=HELD, says=HELD_SAYS)
@control(threshold=2.0, says="a threshold at N = 2 n, as if a frequency's cosine and sine were one feature")
def test_the_training_error_is_zero_from_the_threshold_on(
    sweep: Results, threshold: float, check: Check
) -> None:
    """From N = n on the training error is zero; below it is not."""
    squares, n = curve(sweep, "train_mse"), round(threshold * size(sweep))
    rest = larger_of(*(value for width, value in squares.items() if width >= n))
    check(all_reach(rest, 1e-8, because="interpolation to the rounding that the condition number allows"))
    before = squares[max(width for width in squares if width < n)]
    check(all_reach(before, 1e-3, at="least", because="of targets of squared norm one"))


@claim(BELKIN2019, "Figure 2: norm", reported="unconfirmed", changed=SECOND_CONTROL, adapted=ON_SMALL_ADAPTED)
@trained(sweep=SMALL, limit=kernel({"quick": 2.0, "standard": 5.0}), ratios=(1.1, 1.3, 2.0, 5.0, 20.0))
@control(
    limit=kernel({"quick": 1.0, "standard": 3.0}), says="the interpolant of a kernel of another bandwidth"
)
@control(ratios=(0.3, 0.4, 0.5, 0.7, 0.9), says="below the threshold, where norm and error rise with N")
def test_the_norm_tends_to_the_kernel_interpolants(
    sweep: Results, limit: Results, ratios: tuple[float, ...], check: Check
) -> None:
    """From the threshold on the scaled norm falls towards the kernel interpolant's, the smallest there
    is, and the test error towards its error."""
    norms, errors = scaled_norms(sweep), curve(sweep, "test_error")
    last, *fewer = reversed(numbers(size(sweep), *ratios))
    falling = [norms[width] for width in (last, *fewer)]
    check(ordered(falling, because="any fall at every step, for the order is claimed"))
    least = limit.final("norm").named("kernel norm")
    tenth = "a tenth, at 20 features per example; the norm at N = 1.1 n is more than twice the limit"
    check(equivalent(ratio(norms[last], least), 1.1, because=tenth))
    apart = errors[last] - limit.final("test_error")
    check(equivalent(apart, 0.02, because="two points; the best model with fewer features is further"))


@claim(
    OVERCLAIM,
    "against BELKIN2019, Section 1: a small norm as the reason",
    kind="counter",
    changed=SECOND_CONTROL,
    adapted=ON_SMALL_ADAPTED,
    contested="Belkin et al. 2019 explain the second descent by the norm, among interpolants",
)
@trained(sweep=SMALL, few=0.1)
@control(few=5.0, says="two interpolants, of which the one with the larger norm has the larger error")
@control(
    sweep=SMALL.but(data__labels=WrongLabels(0.9)),
    says="labels that are nine in ten wrong, from which no number of features learns",
)
def test_across_the_threshold_a_smaller_norm_does_not_mean_a_smaller_error(
    sweep: Results, few: float, check: Check
) -> None:
    """Below the threshold norms are smaller than any interpolant's and errors larger: a small norm goes
    with a small error among interpolants only."""
    norms, errors, n = scaled_norms(sweep), curve(sweep, "test_error"), size(sweep)
    first, last = round(few * n), max(norms)
    check(below(ratio(norms[first], norms[last]), 0.7, because="three tenths smaller a norm"))
    check(above(ratio(errors[first], errors[last]), 1.3, because="and three tenths more errors"))


@claim(
    NAKKIRAN2021,
    "Section 5.2, Model-size monotonicity: random ReLU features",
    adapted={
        "quick": "random Fourier features of 300 digits for ReLU features of 500 images of Fashion-MNIST",
        "standard": "random Fourier features of 1,000 images of MNIST for ReLU features of Fashion-MNIST",
    },
    reported={"images": "Fashion-MNIST, 784 pixels", "entries of the features' matrix": "normal"},
)
@trained(sweep=TUNED, measure="tuned_error")
@control(sweep=UNHELD, says="a penalty too small to be felt")
def test_a_tuned_penalty_removes_the_peak(sweep: Results, measure: str, check: Check) -> None:
    """With a penalty tuned for each number of features the test error has no peak."""
    errors, n = curve(sweep, measure), size(sweep)
    dip, peak = (errors[round(r * n)] for r in (0.5, 1.0))
    check(below(peak - dip, 0.02, because="two points; without a penalty the peak is 50 points high"))
    around = larger_of(*(errors[round(r * n)] for r in (0.9, 1.0, 1.1)))
    check(below(around - errors[2 * n], 0.04, because="four points, without a penalty 40 and more"))
    draw(check, sweep, measure, "tuned penalty")


SAMPLE_RATIOS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.5, 2.0, 4.0)


def samples(tier: str, features: int, examples: int, shown: int, noise: float = 0.0) -> Solved:
    """Sizes at these shares of ``shown``, with so many features."""
    data = IMAGES[tier].but(n=examples, labels=WrongLabels(noise))
    return Solved(data, SampleSweep(FOURIER[tier], features, numbers(shown, *SAMPLE_RATIOS)))


@claim(
    NAKKIRAN2021,
    "Section 5.1, Sample monotonicity: random ReLU features, without a penalty",
    reported={"number of features": 500},
    changed=SECOND_CONTROL,
    adapted={
        "quick": "200 Fourier features of up to 800 digits, a fifth of the labels wrong",
        "standard": "500 Fourier features of up to 2,000 images of MNIST",
    },
)
@trained(
    sweep=Tiers(quick=samples("quick", 200, 800, 200, 0.2), standard=samples("standard", 500, 2000, 500)),
    last=4.0,
)
@control(
    sweep=Tiers(quick=samples("quick", 4000, 800, 200, 0.2), standard=samples("standard", 10_000, 2000, 500)),
    says="twenty times as many features, so that all sizes are far below the threshold",
)
@control(last=1.5, says="half as many examples again as features: still on the slope of the peak")
def test_more_data_hurts_until_examples_equal_features(sweep: Results, last: float, check: Check) -> None:
    """With the number of features fixed, the test error rises with more data until n = N, and falls
    beyond."""
    tests = sweep.runs[0].value.data.test_size
    errors = {
        r: at(sweep, "test_error", i, of=f"n/N={r:g}", test_size=tests) for i, r in enumerate(SAMPLE_RATIOS)
    }
    check(argmax_in(SAMPLE_RATIOS, [*errors.values()], 1.0, 1.0, because="the threshold is n = N exactly"))
    rise = errors[0.8] - errors[0.4]
    check(above(rise, 0.05, because="five points more errors from twice as much data"))
    fall = errors[0.4] - errors[last]
    check(above(fall, 0.05, because="and five fewer from ten times as much"))
    draw_sweep(
        check,
        "Random Fourier features by examples",
        series="minimum norm",
        points=errors,
        x_label="examples / features",
        y_label="test error",
        threshold=1.0,
    )


@claim(
    MEI2019,
    "Theorem 2, ridgeless and with a penalty of 0.01",
    reported="theorem",
    adapted=SPHERE_ADAPTED,
    replicates={"quick": 20},
    changed=(
        Change("control", "Controls 2 and 3 were added after a verdict: reproduced."),
        Change("replicates", "20 at quick for 5: reproduced; of 100 repeats 73 would have been so again."),
    ),
)
@trained(free=relu(0.0), held=relu(0.01, HELD_RATIOS), noise=0.25, signal=1.0)
@control(held=relu(0.5, HELD_RATIOS), says="a penalty fifty times as large, against the formula for 0.01")
@control(noise=1.0, says="the formula for noise of twice the deviation: far off but for the fewest features")
@control(signal=2.0, says="the formula for a signal of twice the variance: far off for the fewest features")
def test_random_relu_features_have_the_predicted_risk(
    free: Results, held: Results, noise: float, signal: float, check: Check
) -> None:
    """The risk of random ReLU features is the precise asymptotic formula on both sides of N = n, with and
    without a penalty."""
    margin = "a fifth: the formula is a limit, and at d = 100 its corrections came to a tenth"
    for series, run, penalty in (("ridgeless", free, 0.0), ("penalty 0.01", held, 0.01)):
        risks = relu_risks(run)
        formula = {r: predicted(r, penalty, noise, signal) for r in risks if penalty or r != 1}
        for r, value in formula.items():
            if penalty or not 0.8 < r < 1.25:
                over = (risks[r] / value).named(f"{series} measured / formula at N/n={r:g}")
                check(matches(over, 1.0, 0.2, because=margin))
        draw_sweep(
            check,
            "Random ReLU features",
            series=series,
            points=risks,
            x_label="features / examples",
            y_label="risk",
            threshold=1.0,
            formula={f"formula, {series}": list(formula.items())},
        )


@claim(MEI2019, "Abstract; Section 1", reported="words", changed=SECOND_CONTROL, adapted=SPHERE_ADAPTED)
@trained(sweep=relu(0.0), many=12.0)
@control(sweep=relu(0.01, draws=1), says="a penalty of 0.01, with which the risk only falls")
@control(many=2.0, says="twice as many features as examples: lower than with few, but not yet by half")
def test_random_relu_features_peak_and_many_are_best(sweep: Results, many: float, check: Check) -> None:
    """Without a penalty the risk peaks at N = n and is lowest with the most features, lower than with any
    number below n."""
    risks = relu_risks(sweep)
    logs = [logarithm(risk) for risk in risks.values()]
    check(argmax_in(list(risks), logs, 1.0, 1.0, because="the formula diverges there alone"))
    rise = ratio(risks[0.9], risks[0.5])
    check(above(rise, 1.5, because="half as much again before the threshold; the formula says four times"))
    few = smaller_of(*(risk for r, risk in risks.items() if r < 1))
    check(below(ratio(risks[many], few), 0.5, because="half; the formula says a sixth"))


@claim(
    MEI2019,
    "Theorem 2, with a penalty: the risk of ridge regression on random features",
    reported="theorem",
    adapted=SPHERE_ADAPTED,
    changed=(
        *SECOND_CONTROL,
        Change("setting", "Logarithms are compared, since its control spread too widely for means to tell."),
    ),
)
@trained(sweep=relu(0.01, HELD_RATIOS), ratios=(0.5, 1.0, 2.0))
@control(sweep=relu(0.0), says="no penalty")
@control(sweep=relu(0.0), ratios=(0.5, 0.9, 1.0), says="no penalty, and no further than N = n")
def test_a_penalty_removes_the_peak_of_random_relu_features(
    sweep: Results, ratios: tuple[float, ...], check: Check
) -> None:
    """A penalty of 0.01 removes the peak: the risk falls through N = n."""
    risks = relu_risks(sweep)
    falling = [ratio(risks[r], risks[5.0]) for r in reversed(ratios)]
    check(ordered(falling, because="any fall at every step, for the order is claimed"))
