"""Widening a network makes its test error fall, rise and fall again, where labels are noisy.

Nakkiran et al. 2020: the peak is where a network of the given training can just fit its labels; more label
noise, less training and augmentation move it to wider networks, early stopping and weight decay flatten
it, and near it more data need not help. Belkin et al. 2019 put the peak at n x K parameters: with squared
loss and reused weights it is there, but the fall beyond it comes from where the reuse ends, and with
cross-entropy the peak is far below.

The quick tier shows all this on digits. The groups of widths that are called dip, peak and tail were
chosen on replicates 1000 and up (``claims.widths``); the largest of several noisy means is never judged.
There, after 500 and 800 epochs, the peak stood 0.06 to 0.10 above the dip, and as much above the tail.

Changed after verdicts were seen: with augmentation the test error was that of the last epoch, and its verdict
hung on rounding (reproduced by the native kernel, inconclusive by the plain one, with the same margin). It
is the mean of the last 20 epochs now, as where longer training is compared; on replicates 1000 to 1019 that
halves the deviation of the rise, from 0.018 to 0.010. Margin and settings are as they were.
"""

from __future__ import annotations

from typing import Any

from claims.papers import BELKIN2019, NAKKIRAN2020
from claims.widths import (
    CLASSES,
    DIP,
    LADDER,
    NOISY,
    PEAK,
    SHIFTED,
    TAIL,
    TRUE,
    WIDTHS,
    best,
    group,
    net,
    nets,
    parameters,
    reused,
    window,
)
from harness import (
    bounded,
    claim,
    control,
    effect,
    larger_of,
    mean_of,
    ordered,
    trained,
)
from harness.data import WrongLabels

SWEEP = {"quick": "one hidden layer of 4 to 128 units and 1,000 digits of 8x8 pixels, 600 epochs"}
NETS = {"quick": "one hidden layer and 1,000 digits of 8x8 pixels, 600 epochs"}
POINT = "one point, twice the deviation of a mean of five test errors on 797 examples"
TWO_POINTS = "two points, about one deviation of a single network's test error between replicates"
EARLY, LATE, AUGMENTED = (71, 90), (581, 600), (481, 500)
LEVELS = {"true": 0.0, "tenth": 0.1, "fifth": 0.2}
BAND = (10, 12, 16, 20)


def noisy(level: float, widths: Any, name: str) -> dict[str, Any]:
    """Networks at a level of label noise, named ``<name><width>``."""
    return nets(widths, name, data__labels=WrongLabels(level))


def peaks(check: Any, runs: Any, low: tuple[int, ...], high: tuple[int, ...], far: tuple[int, ...]) -> None:
    """The peak group is above both shoulders by ``TWO_POINTS``."""
    top = group(runs, high)
    for shoulder, name in ((low, "dip"), (far, "tail")):
        check(effect((top - group(runs, shoulder)).named(f"peak - {name}"), 0.02, because=TWO_POINTS))


# -- width --------------------------------------------------------------------------------------------


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 4; Section 1, Figure 1",
    says="With a fifth of the labels wrong, the test error of networks trained for long falls with width, "
    "rises to a peak where they come to fit their labels, and falls again.",
    adapted=SWEEP,
)
@trained(**nets(WIDTHS))
@control(**nets(WIDTHS, data__labels=TRUE), says="true labels: wider is better throughout")
def test_the_test_error_peaks_at_a_middling_width(runs: Any, check: Any) -> None:
    peaks(check, runs, DIP, PEAK, TAIL)
    errors = [getattr(runs, f"w{width}").final("test_error") for width in WIDTHS]
    fits = [getattr(runs, f"w{width}").final("train_error") for width in WIDTHS]
    fitted = next((p for p, fit in zip(WIDTHS, fits, strict=True) if fit.values.mean() < 0.01), WIDTHS[-1])
    marks = {"first to fit": parameters(fitted), "n": NOISY.n, "n x K": NOISY.n * CLASSES}
    for series, found in (("test error", errors), ("training error", fits)):
        check.draw(
            "Width",
            series=series,
            x=[parameters(width) for width in WIDTHS],
            y=found,
            x_label="parameters",
            y_label="error",
            x_scale="log",
            marks=marks,
        )


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 4",
    says="Beyond the peak networks become better than the best of those before it.",
    adapted=NETS,
)
@trained(**nets(DIP), wide=net(256))
@control(wide=net(20), says="a network at the peak for the wide one")
def test_the_widest_network_beats_the_dip(runs: Any, check: Any) -> None:
    gain = group(runs, DIP) - runs.wide.final("test_error")
    check(effect(gain.named("dip - widest"), 0.01, because=POINT))


@claim(
    BELKIN2019,
    "neural networks: the threshold is at n x K parameters",
    says="With cross-entropy too, the test error is higher at n x K parameters than at a seventh of them.",
    adapted={"quick": NETS["quick"] + "; cross-entropy, a fifth of the labels wrong, no weights reused"},
    contested="Nakkiran et al. put the peak where training comes to fit, wherever that is; the source trains "
    "with squared loss",
    expected={"quick": ("refuted", "each of n examples needs its own class on top: here about 1.3 n do")},
)
@trained(at=net(128), **{f"before{i}": net(width) for i, width in enumerate(PEAK)}, measure="test_error")
@control(
    at=reused(LADDER, to=53),
    before0=reused(LADDER, to=16),
    before1=reused(LADDER, to=20),
    measure="test_squared_loss",
    positive=True,
    says="squared loss and weights reused up to n x K, as in the source: there the risk is higher",
)
def test_cross_entropy_peaks_at_n_times_k_parameters(runs: Any, check: Any) -> None:
    before = mean_of([run.final(runs.measure) for run in (runs.before0, runs.before1)])
    rise = runs.at.final(runs.measure) - before
    check(effect(rise.named("at n x K - below"), 0.0, because="the direction is claimed, not the size"))


# -- label noise, training time, augmentation ---------------------------------------------------------


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 4, no label noise",
    says="Without label noise there is no peak in width.",
    adapted=NETS,
    contested="the same section: on CIFAR-100, and in translation, there is one without added noise",
)
@trained(**nets((8, *BAND, 32, 64), data__labels=TRUE))
@control(**nets((8, *BAND, 32, 64)), says="a fifth of the labels wrong")
def test_without_label_noise_there_is_no_peak(runs: Any, check: Any) -> None:
    errors = [getattr(runs, f"w{width}").final("test_error") for width in (8, *BAND, 32, 64)]
    rise = larger_of(*errors[1:]) - errors[0]
    check(bounded(rise.named("largest rise above 8 units"), 0.02, because=TWO_POINTS))


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 4: label noise",
    says="The more labels are wrong, the higher the peak stands above the dip, and the wider the first "
    "network that fits.",
    adapted=NETS,
)
@trained(**{k: v for name, p in LEVELS.items() for k, v in noisy(p, (*DIP, *BAND), name).items()})
@control(**{k: v for name in LEVELS for k, v in noisy(0.2, (*DIP, *BAND), name).items()}, says="one level")
def test_label_noise_raises_and_moves_the_peak(runs: Any, check: Any) -> None:
    heights = [
        (group(runs, BAND, name=name) - group(runs, DIP, name=name)).named(f"peak - dip at {p:g}")
        for name, p in LEVELS.items()
    ]
    check(ordered(heights, slack=-0.02, because=TWO_POINTS + ", for each tenth of the labels"))
    unfit = runs.fifth12.final("train_error") - runs.true12.final("train_error")
    check(effect(unfit.named("training error of 12 units, a fifth - none"), 0.05, because="a quarter of it"))
    for name, p in LEVELS.items():
        widths = (*DIP, *BAND)
        check.draw(
            "Width and label noise",
            series=f"{p:.0%} wrong",
            x=[parameters(width) for width in widths],
            y=[getattr(runs, f"{name}{width}").final("test_error") for width in widths],
            x_label="parameters",
            y_label="test error",
        )


@claim(
    NAKKIRAN2020,
    "Section 5: effective model complexity grows with training time",
    says="Longer training moves the peak to narrower networks: after 80 epochs 32 and 64 units are worse "
    "than 12 and 16, after 600 they are better.",
    adapted=NETS,
)
@trained(**nets((12, 16, 32, 64)), early=EARLY)
@control(early=LATE, says="the end of training on both sides")
def test_longer_training_moves_the_peak_left(runs: Any, check: Any) -> None:
    for (first, last), sign in ((runs.early, 1.0), (LATE, -1.0)):
        wide, narrow = (
            mean_of([window(getattr(runs, f"w{w}"), "test_error", first, last) for w in widths])
            for widths in ((32, 64), (12, 16))
        )
        name = f"{'wide - narrow' if sign > 0 else 'narrow - wide'}, epochs {first} to {last}"
        check(effect((sign * (wide - narrow)).named(name), 0.01, because=POINT))


@claim(
    NAKKIRAN2020,
    "Section 5, Figure 5: data augmentation",
    says="Augmentation moves the peak to wider networks: with it the error still rises up to 128 units.",
    adapted={"quick": "one hidden layer and 1,000 digits, moved by up to one pixel, 500 epochs"},
)
@trained(**nets((24, 32, 128), data=SHIFTED, optimizer__epochs=500))
@control(
    **nets((24, 32, 128), optimizer__epochs=500), says="without augmentation, where 24 units are past it"
)
def test_augmentation_moves_the_peak_right(runs: Any, check: Any) -> None:
    wide, *others = (window(getattr(runs, f"w{w}"), "test_error", *AUGMENTED) for w in (128, 24, 32))
    check(effect((wide - mean_of(others)).named("128 units - 24 and 32"), 0.01, because=POINT))
    unfit = "a twentieth: far from the zero that networks of this width reach on images that stay"
    check(effect(runs.w32.final("train_error"), 0.05, because=unfit))


# -- more data, early stopping, weight decay ----------------------------------------------------------


@claim(
    NAKKIRAN2020,
    "Section 7, Figure 11: sample-wise non-monotonicity",
    says="In a band of widths near the peak, two and a half times the data does not help.",
    adapted={"quick": NETS["quick"] + " (as many steps on 400); the test images are those left over"},
)
@trained(
    **{f"more{i}": net(width) for i, width in enumerate(PEAK)},
    **{f"less{i}": net(w, data__n=400, optimizer__epochs=1477) for i, w in enumerate(PEAK)},
)
@control(
    more0=net(5), more1=net(6),
    less0=net(5, data__n=400, optimizer__epochs=1477), less1=net(6, data__n=400, optimizer__epochs=1477),
    says="narrow networks, which 400 examples drive over their peak already",
)  # fmt: skip
def test_more_data_does_not_help_near_the_peak(runs: Any, check: Any) -> None:
    more, less = (
        mean_of([getattr(runs, f"{name}{i}").final("test_error") for i in range(2)])
        for name in ("more", "less")
    )
    check(effect((more - less).named("error with 1,000 - with 400"), -0.02, because=TWO_POINTS))


@claim(
    NAKKIRAN2020,
    "Section 5: with early stopping there is no double descent",
    says="Stopped at their best epoch, networks of the peak are no worse than those of the dip.",
    adapted={"quick": NETS["quick"] + "; stopped by the test error: the best any rule could do"},
    contested="appendix of the same paper: on CIFAR-100 a ResNet18 keeps its peak",
)
@trained(**nets((*DIP, *PEAK)), stopped=True)
@control(stopped=False, says="trained to the end")
def test_early_stopping_removes_the_peak(runs: Any, check: Any) -> None:
    low, high = (best(runs, g) if runs.stopped else group(runs, g) for g in (DIP, PEAK))
    check(bounded((high - low).named("peak - dip"), 0.0, because="no rise at all"))


@claim(
    NAKKIRAN2020,
    "Section 6, as often retold",
    says="Early stopping is of use only near the peak: a wide network gains nothing from it.",
    adapted={"quick": NETS["quick"] + "; stopped by the test error: the best any rule could do"},
    expected={"quick": ("refuted", "with wrong labels, fitting them costs networks of every width")},
)
@trained(**nets(TAIL))
@control(**nets(TAIL, data__labels=TRUE), positive=True, says="true labels: nothing is lost by going on")
def test_wide_networks_gain_nothing_from_early_stopping(runs: Any, check: Any) -> None:
    gain = group(runs, TAIL) - best(runs, TAIL)
    check(bounded(gain.named("last - best"), 0.02, because=TWO_POINTS))


@claim(
    NAKKIRAN2020,
    "Appendix: weight decay",
    says="With weight decay the peak is gone.",
    adapted={"quick": NETS["quick"] + "; a decay of 0.01 chosen on calibration replicates"},
)
@trained(**nets((*DIP, *PEAK), optimizer__weight_decay=0.01))
@control(**nets((*DIP, *PEAK)), says="no weight decay")
def test_weight_decay_removes_the_peak(runs: Any, check: Any) -> None:
    rise = group(runs, PEAK) - group(runs, DIP)
    check(bounded(rise.named("peak - dip"), 0.0, because="no rise at all"))
