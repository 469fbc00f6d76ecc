"""The peak of double descent is variance, most of it from initial weights; an ensemble takes most of it away.

Yang et al. 2020 measure squared bias and variance of networks by width: bias falls throughout, variance
rises and falls, and the shape of their sum depends on which is larger. Neal et al. 2018 find that both can
fall with width. D'Ascoli et al. 2020 work out random features: beyond the interpolation threshold the bias
stays what it is; the variance of the initial weights (the features) and of noise in the labels make the
peak, and ensembles of independently initialized predictors suppress them.

At quick, least squares on random Fourier features of digits: a replicate cuts 800 of them into four sets of
200, with a fifth of the labels wrong, and fits each with six draws of features. N = n itself is left out,
for the variance is infinite there in theory: N = 180 stands for it. At standard, networks of one hidden
layer on MNIST at 8x8 pixels: a replicate draws four sets of 1,000 images and labels, trains four networks of
other initial weights and orders on each, and reads them as probabilities on one test set. No two sets share
features or weights (``harness.analytic.variances``).

Chosen on replicates 1000 to 1004 (quick) and 2000 to 5999 (standard), which no verdict reads: the widths, of
which the middle ones are where the error peaks, and margins of half the effect or less.
"""

from __future__ import annotations

from collections.abc import Mapping

from claims.figures import draw_sweep
from claims.papers import DASCOLI2020
from claims.papers import NEAL2018
from claims.papers import YANG2020
from claims.sweeps import at
from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Solved
from harness import Tiers
from harness import Untrained
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import ratio
from harness import trained
from harness.analytic.ensembles import NetVariances
from harness.analytic.random_features import FourierFeatures
from harness.analytic.variances import FeatureVariances
from harness.data import AveragedMnist
from harness.data import Digits
from harness.data import WrongLabels
from harness.models import Mlp
from harness.models.ensemble import Ensemble
from harness.models.ensemble import Members
from harness.spec import Draws

Parts = Results | Mapping[int, Results]
"""Error and its parts by width: of one solver's sweep, or of an ensemble's probe for each width."""

FIFTH = WrongLabels(0.2)
FEATURES = Solved(
    Digits(n=800, whiten=False, labels=FIFTH),
    FeatureVariances(FourierFeatures(2.0), (20, 50, 100, 180, 400, 2000)),
)
SETS, NETS = 4, 4
IMAGES = AveragedMnist(n=1000, crop=24, square=3, labels=FIFTH, n_test=3000)
NET = Experiment(IMAGES, Mlp(16), Sgd(lr=0.02, batch=32, epochs=600))


def ensemble(width: int, *, copies: bool = False) -> Probing:
    """Four nets of each of four draws of the data, side by side; or copies of the first of each."""
    nets = [
        NET.but(model=Mlp(width), draws=Draws(data=d, weights=d * NETS + i, order=d * NETS + i))
        for d in range(SETS)
        for i in ((0,) * NETS if copies else range(NETS))
    ]
    joined = NET.but(
        model=Ensemble(Mlp(width), len(nets)),
        optimizer=Untrained(),
        start=(*map(From, nets[:-1]), From(nets[-1], Members())),
    )
    return Probing(joined, NetVariances(SETS))


STANDARD_WIDTHS = (6, 16, 64)
PARTS = Tiers(quick=FEATURES, standard={w: ensemble(w) for w in STANDARD_WIDTHS})
COPIES = Tiers(
    quick=FEATURES.but(solver__copies=True), standard={w: ensemble(w, copies=True) for w in STANDARD_WIDTHS}
)
PLACES = Tiers(quick=(50, 180, 2000), standard=STANDARD_WIDTHS)
"""Few features or units, the number at which the error peaks, and many."""
ADAPTED = {
    "quick": "least squares on random Fourier features of 200 digits with a fifth of the labels wrong; 4 "
    "sets of images, 6 draws of features each",
    "standard": "one hidden layer of 6, 16 and 64 units, 1,000 images of MNIST at 8x8 pixels, a fifth of the "
    "labels wrong; 4 draws of the data, 4 networks each; probabilities",
}


def parts(sweep: Parts, part: str) -> dict[int, Measured]:
    """A part of the squared error, or one of its measures, at every width."""
    if isinstance(sweep, Results):
        widths: tuple[int, ...] = sweep.runs[0].value.solver.widths
        return {w: at(sweep, part, i, of=f"N={w}") for i, w in enumerate(widths)}
    return {w: run.final(part).named(f"{part}, {w} units") for w, run in sweep.items()}


def drawn(check: Check, sweep: Parts, names: tuple[str, ...]) -> None:
    """Parts of the squared error over the width."""
    for name in names:
        draw_sweep(
            check,
            "Squared error and its parts",
            series=name.replace("_", " "),
            points=parts(sweep, name),
            x_label="features or hidden units",
            y_label="summed over classes",
        )


@claim(
    YANG2020,
    "Abstract; Section 3, Figures 1 and 2",
    adapted=ADAPTED,
    reported={"squared bias with width": "monotonically decreasing"},
)
@trained(sweep=PARTS, places=PLACES, part="squared_bias")
@control(part="squared_error", says="the whole error, variance included: it rises to the peak")
@control(part="data_variance", says="the variance from the data: it rises to the peak, too")
def test_squared_bias_falls_with_width(
    sweep: Parts, places: tuple[int, int, int], part: str, check: Check
) -> None:
    """While the bias falls with width, as in the classical theory, it does not rise again where the error
    peaks."""
    few, critical, _ = places
    values = parts(sweep, part)
    first = "half of what it fell by: .13 with features, .045 with networks"
    check(above(values[few] - values[critical], 0.02, because=first))
    drawn(check, sweep, ("squared_error", "squared_bias", "data_variance", "weights_variance"))


@claim(
    YANG2020,
    "Abstract; Section 3, Figures 1 and 2",
    adapted=ADAPTED,
    reported={"variance with width": "unimodal, or bell-shaped"},
    contested="Neal et al. 2018: both can fall",
)
@trained(sweep=PARTS, places=PLACES, part="variance")
@control(part="squared_bias", says="the squared bias, which only falls")
@control(part="data_variance", says="the variance from the data alone: it rises, and stays up or rises on")
def test_variance_rises_and_falls_with_width(
    sweep: Parts, places: tuple[int, int, int], part: str, check: Check
) -> None:
    """The variance is unimodal: it rises with the width of the network and then falls."""
    few, critical, many = places
    if part == "variance":
        data, weights = parts(sweep, "data_variance"), parts(sweep, "weights_variance")
        values = {w: (data[w] + weights[w]).named(f"variance at {w}") for w in places}
    else:
        values = parts(sweep, part)
    tenth = "a tenth, summed over classes: half or less of what networks rose and fell by"
    check(above(values[critical] - values[few], 0.1, because=tenth))
    check(above(values[critical] - values[many], 0.1, because=tenth))


@claim(
    NEAL2018,
    "Abstract; Section 4",
    reported="words",
    adapted={"quick": ADAPTED["quick"] + "; from twice as many features as images on"},
    contested="Yang et al. 2020: variance rises before it falls",
)
@trained(sweep=FEATURES, widths=(400, 2000), part="squared_bias")
@control(widths=(50, 100), says="fewer features than images: variance rises with their number")
@control(widths=(50, 100), part="squared_error", says="there, the whole error in place of the bias")
def test_bias_and_variance_can_both_fall(
    sweep: Results, widths: tuple[int, int], part: str, check: Check
) -> None:
    """Variance can decrease as the number of parameters grows, with no more bias for it."""
    fewer, more = widths
    weights, data = parts(sweep, "weights_variance"), parts(sweep, "data_variance")
    fall = (weights[fewer] + data[fewer]) - (weights[more] + data[more])
    check(above(fall.named("fall of the variance"), 0.1, because="a tenth of .8 for 400 features"))
    rest = parts(sweep, part)
    rise = (rest[more] - rest[fewer]).named(f"rise of the {part.replace('_', ' ')}")
    check(below(rise, 0.02, because="a seventh of the bias that is left"))


@claim(
    DASCOLI2020,
    "Abstract; Section 3: bias beyond the threshold",
    reported="words",
    adapted={"quick": ADAPTED["quick"]},
)
@trained(sweep=FEATURES, widths=(180, 400, 2000))
@control(widths=(50, 100, 180), says="below the threshold, where the bias falls")
def test_bias_stays_what_it_is_beyond_the_threshold(
    sweep: Results, widths: tuple[int, ...], check: Check
) -> None:
    """At the interpolation threshold the bias has a transition: beyond it, it remains constant."""
    bias = parts(sweep, "squared_bias")
    fall = (bias[widths[0]] - bias[widths[-1]]).named("fall of the bias")
    check(below(fall, 0.03, because="a fifth of the bias that is left; below the threshold it falls by .13"))


@claim(DASCOLI2020, "Abstract; Section 3: initialization variance", reported="words", adapted=ADAPTED)
@trained(sweep=PARTS, places=PLACES)
@control(sweep=COPIES, says="copies of one predictor: initial weights add nothing, and the data all of it")
def test_the_peak_is_variance_from_the_initial_weights(
    sweep: Parts, places: tuple[int, int, int], check: Check
) -> None:
    """What the initial weights add to the variance leads to the peak and to the fall beyond it: the variance
    from the sampling of the data does not."""
    few, critical, many = places
    weights, data = parts(sweep, "weights_variance"), parts(sweep, "data_variance")
    error = parts(sweep, "squared_error")
    more = "a tenth more, summed over classes: half or less of what networks showed"
    for far, name in ((few, "rise"), (many, "fall")):
        of_weights, of_data = weights[critical] - weights[far], data[critical] - data[far]
        apart = (of_weights - of_data).named(f"{name} of the variance from weights - from data")
        check(above(apart, 0.1, because=more))
        rest = of_weights - (error[critical] - error[far]) * 0.5
        half = f"more than half of the whole {name}"
        check(
            above(rest.named(f"{name} of the variance from weights - half of the error's"), 0.0, because=half)
        )


@claim(DASCOLI2020, "Abstract; Section 4: ensembling", reported="words", adapted=ADAPTED)
@trained(sweep=PARTS, places=PLACES)
@control(sweep=COPIES, says="an ensemble of copies of one predictor")
def test_an_ensemble_takes_most_of_the_peak(sweep: Parts, places: tuple[int, int, int], check: Check) -> None:
    """Ensembling independently initialized predictors on the same data suppresses the peak of the squared
    error."""
    few, critical, many = places
    single, mean = parts(sweep, "squared_error"), parts(sweep, "ensemble_squared_error")
    for far, name in ((few, "few"), (many, "many")):
        left = ratio(mean[critical] - mean[far], single[critical] - single[far])
        kept = left.named(f"peak over {name} that an ensemble keeps")
        check(below(kept, 0.5, because="most of the peak: more than half"))


@claim(DASCOLI2020, "Abstract; Section 4: ensembling", reported="words", adapted=ADAPTED)
@trained(sweep=PARTS, places=PLACES)
@control(sweep=COPIES, says="an ensemble of copies of one predictor")
def test_an_ensemble_gains_most_at_the_peak(sweep: Parts, places: tuple[int, int, int], check: Check) -> None:
    """An ensemble lowers the test error most where single predictors peak."""
    few, critical, many = places
    gains = parts(sweep, "gain")
    check(above(gains[critical] - gains[few], 0.02, because="two points: half of four with networks"))
    check(above(gains[critical] - gains[many], 0.04, because="four points: half of eight with networks"))
