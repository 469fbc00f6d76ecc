"""How many weights it takes to memorize how many labels: counted, and trained.

The nets of Zhang et al. 2017, Table 1, have the printed numbers of weights, 24 to 35 for an image, and no
net beside them has. With 24 an image a trained net memorizes; with hardly more than one it does not, though
the theorem about such nets is quoted for that. The EPFL reproduction goes to 500,000 Gaussian images, 2.4
weights for each, and to MNIST with random labels; here each is tested at a size that a CPU can train.

Calibrated on replicates 1000 to 1002, which no verdict reads: learning rates, budgets in epochs, widths and
margins; for 100,000 Gaussian images from 50,000. MNIST took some 50 epochs for 10,000 images and 121 for
30,000; all 60,000 at a rate of 0.02 times 0.99 an epoch left 5.5 % of the labels wrong after 200.
The learning rate times 0.95 an epoch is the paper's own; one run with it, in float32, was seen before the
claims about it were written: 2.5 % training error after 70 epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from itertools import starmap

import pytest

from claims.figures import draw_fitting
from claims.fitting import TYPICAL
from claims.fitting import fits
from claims.fitting import times_longer
from claims.papers import EPFL
from claims.papers import OVERCLAIM
from claims.papers import ZHANG2017
from claims.settings import FEW_UNITS
from claims.settings import FITTED
from claims.settings import RANDOM
from claims.settings import random
from claims.texts import SECOND_CONTROL
from claims.texts import nearer
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness import above
from harness import claim
from harness import control
from harness import exact
from harness import trained
from harness.data import Cifar10
from harness.data import Digits
from harness.data import GaussianInputs
from harness.data import GeneratedImages
from harness.data import Mnist
from harness.data import ShuffledPixels
from harness.data.gaussian_images import GaussianImages
from harness.models import Mlp
from harness.models import SmallAlexNet
from harness.models import SmallInception
from harness.models.counts import convolution
from harness.models.counts import dense
from harness.models.counts import parameters
from harness.models.inception import FIRST

CROPPED_SHAPE, WHOLE_SHAPE = (3, 28, 28), (3, 32, 32)
PARAMETERS = "Table 1, number of parameters"
COUNTED_ADAPTED = {"quick": "counted, not trained"}


@claim(
    ZHANG2017,
    PARAMETERS,
    adapted=COUNTED_ADAPTED,
    reported={"with batch normalization": 1_649_402, "without": 1_649_402},
)
@trained(gains=0, biases=1, positions=1)
@control(gains=2, says="batch normalization with a gain and an offset for each channel")
@control(gains=2, biases=0, says="the same, in place of the convolutions' biases")
@control(biases=0, says="convolutions without biases")
@control(positions=7 * 7, says="no mean over the last map before the linear layer")
def test_inception_has_the_printed_number_of_weights(
    gains: int, biases: int, positions: int, check: Check
) -> None:
    """The small Inception has 1,649,402 weights, with batch normalization as without."""
    net = SmallInception()
    channels, last = FIRST + sum(map(sum, net.stages())), sum(net.stages()[-1])
    # the class has one bias a channel, no gains, and ten outputs of the mean over the last map
    more = (biases - 1) * channels + (positions - 1) * last * 10
    with_norm, without = (SmallInception(batch_norm=norm).size(CROPPED_SHAPE, 10) for norm in (True, False))
    check(exact(with_norm + more + gains * channels, 1_649_402, because="as printed"))
    check(exact(without + more, 1_649_402, because="as printed for the net without it"))


@claim(
    ZHANG2017,
    PARAMETERS,
    adapted={"quick": "counted, not trained; the paper does not give the channels"},
    reported={"AlexNet": 1_387_786},
)
@trained(side=7)
@control(side=6, says="pooling without padding leaves 6x6 positions")
@control(side=8, says="whole images of 32x32 pixels leave 8x8 positions")
def test_alexnet_has_the_printed_number_of_weights(side: int, check: Check) -> None:
    """The small AlexNet has 1,387,786 weights: 64 channels twice, and pooling that leaves 7x7 positions."""
    flattened = dense(side**2 * 64, 384).parameters - dense(7**2 * 64, 384).parameters
    check(exact(SmallAlexNet().size(CROPPED_SHAPE, 10) + flattened, 1_387_786, because="as printed"))


@claim(ZHANG2017, PARAMETERS, adapted=COUNTED_ADAPTED, reported={"1x512": 1_209_866, "3x512": 1_735_178})
@trained(shape=CROPPED_SHAPE, bias=True)
@control(shape=WHOLE_SHAPE, says="whole images of 32x32 pixels, 3,072 numbers each")
@control(bias=False, says="layers without biases")
@pytest.mark.parametrize("depth, printed", [(1, 1_209_866), (3, 1_735_178)])
def test_mlps_have_the_printed_numbers_of_weights(
    shape: tuple[int, ...], bias: bool, check: Check, depth: int, printed: int
) -> None:
    """The MLPs have 1,209,866 and 1,735,178 weights."""
    count = Mlp(512, depth=depth, bias=bias).size(tuple(shape), 10)
    check(exact(count, printed, because="as printed"))


@claim(
    EPFL,
    "the AlexNet's description; Table I",
    adapted=COUNTED_ADAPTED,
    reported={"AlexNet": 1_375_690},
    expected={"quick": ("refuted", "a stride of 1 gives 57,114,058 weights; the code's default is 3")},
)
@trained(stride=1)
@control(stride=3, positive=True, says="the default of the library that its code calls")
def test_the_reproductions_alexnet_pools_with_stride_1(stride: int, check: Check) -> None:
    """The AlexNet of the reproduction, of 1,375,690 weights, pools with stride 1."""
    side = 28
    for _ in range(2):
        side = (side - 3) // stride + 1
    widths = (side * side * 256, 384, 192, 10)
    layers = [convolution(3, 64, 5, 1), convolution(64, 256, 5, 1), *starmap(dense, pairwise(widths))]
    check(exact(parameters(layers), 1_375_690, because="as printed"))


@claim(
    ZHANG2017,
    "Abstract and Table 1",
    changed=SECOND_CONTROL,
    adapted=COUNTED_ADAPTED,
    reported={"parameters": "1,209,866 to 1,735,178", "images": 50_000},
)
@trained(images=50_000, shape=CROPPED_SHAPE)
@control(images=500_000, says="the 500,000 Gaussian images of the EPFL reproduction: 2.4 to 3.5 for each")
@control(shape=WHOLE_SHAPE, says="whole images of 32x32 pixels: an MLP then has 2.1 million weights")
def test_the_nets_have_24_to_35_weights_an_image(images: int, shape: tuple[int, ...], check: Check) -> None:
    """All nets of the paper's Table 1 have more weights than there are images, 24 to 35 for each, and below
    two million."""
    nets = (Mlp(512), SmallAlexNet(), SmallInception(), Mlp(512, depth=3))
    sizes = [net.size(tuple(shape), 10) for net in nets]
    shares = [round(size / images, 2) for size in sizes]
    check(exact(shares, [24.2, 27.76, 32.99, 34.7], because="weights divided by images, to two digits"))
    excess = [max(0, size - 2_000_000) for size in sizes]
    check(exact(excess, [0] * 4, because="two million weights at most"))


def with_units(width: int) -> Experiment:
    """500 digits with random labels and an MLP of 75 weights for each hidden unit, and ten."""
    optimizer = Sgd(lr=0.05, epochs=600)
    return Experiment(Digits(n=500, labels=RANDOM), Mlp(width), optimizer, stop=WhenFitted())


FEW_ADAPTED = "500 digits of 8x8 pixels"


@claim(
    ZHANG2017,
    "Abstract and Table 1",
    adapted={"quick": f"{FEW_ADAPTED} and 160 hidden units: 24.02 weights an image for 24.20"},
    reported={"MLP 1x512, train accuracy": 0.9934},
    changed=(
        nearer("fewer weights than images, or a linear model"),
        Change(
            "tier",
            "It was judged at standard and full too, and reproduced at standard, by the runs and the check "
            "of the claim that random labels are fitted; there it stands for both now.",
        ),
        Change("statement", TYPICAL),
    ),
)
@trained(run=with_units(160), fitted=FITTED)
@control(run=with_units(8), says="8 hidden units: 1.22 weights an image")
def test_24_weights_an_image_memorize_random_labels(run: Results, fitted: float, check: Check) -> None:
    """With 24 weights an image, the fewest of the paper's nets, an MLP memorizes random labels."""
    check(fits(run, fitted))


UNITS = (4, 8, 16, 32, 160)


@claim(
    OVERCLAIM,
    "against ZHANG2017, Abstract: as soon as there are more parameters than data points",
    kind="counter",
    changed=(nearer("24 weights an image"),),
    adapted={"quick": f"{FEW_ADAPTED} and 8 hidden units, 600 epochs"},
)
@trained(nets={units: with_units(units) for units in UNITS}, tested=with_units(8))
@control(tested=with_units(24), says="24 hidden units: 3.6 weights an image, with which labels are memorized")
def test_more_weights_than_images_are_not_enough(
    nets: Mapping[int, Results], tested: Results, check: Check
) -> None:
    """What a net can express training need not find: with 1.2 weights an image an MLP leaves more than a
    fifth of random labels wrong."""
    wrong = tested.final("train_error")
    check(above(wrong, 0.2, because="with a fifth of the labels wrong nobody would call them memorized"))
    errors = [net.final("train_error") for net in nets.values()]
    check.draw(
        "Weights for each image",
        series="500 digits, random labels",
        x=[(75 * units + 10) / 500 for units in nets],
        y=errors,
        x_label="weights for each image",
        y_label="training error after 600 epochs",
        x_scale="log",
    )


SMALL_GAUSSIAN_IMAGES = GaussianImages(n=500, size=8, channels=1)
GAUSSIAN_NETS = {
    "mlp": Tiers(
        quick=Experiment(SMALL_GAUSSIAN_IMAGES, Mlp(16), Sgd(lr=0.05, epochs=1000), stop=WhenFitted()),
        standard=Experiment(
            GaussianImages(n=100_000), Mlp(102), Sgd(lr=0.01, decay=0.98, epochs=100), stop=WhenFitted(0.001)
        ),
        full=Experiment(
            GaussianImages(n=500_000), Mlp(512), Sgd(lr=0.01, decay=0.98, epochs=100), stop=WhenFitted(0.001)
        ),
    )
}
GAUSSIAN_NETS["alexnet"] = GAUSSIAN_NETS["mlp"].but(full__model=SmallAlexNet())
GAUSSIAN_NETS["inception"] = GAUSSIAN_NETS["mlp"].but(
    full__model=SmallInception(), full__optimizer__lr=0.1, full__precision="bfloat16"
)
FULL_ONLY = pytest.mark.tiers("full")
"""For convolutional nets: with so few weights an image they are too slow for a CPU."""


@claim(
    EPFL,
    "Section II-B, 500,000 Gaussian images",
    adapted={
        "quick": "an MLP and 500 images of 8x8 numbers, 2.42 weights for each",
        "standard": "an MLP of 102 hidden units and 100,000 images, 2.41 weights for each",
        "full": "none that is known: the report gives neither settings nor code nor numbers; Inception: "
        "bfloat16 operands",
    },
    reported={"training error, in words": "0", "MLP 1x512, weights for each image": 2.42},
    changed=(
        Change(
            "setting",
            "The quick budget was raised from 600 to 1,000 epochs, for safety, after it had been reproduced.",
        ),
        Change("statement", TYPICAL),
    ),
)
@trained(run=lambda net: GAUSSIAN_NETS[net], fitted=FITTED)
@control(
    run=lambda net: GAUSSIAN_NETS[net].but(
        model=Tiers(quick=Mlp(4), standard=Mlp(24), full=Mlp(128)), full__optimizer__lr=0.01
    ),
    says="an MLP with about 0.6 weights an image",
)
@pytest.mark.parametrize(
    "net", ["mlp", pytest.param("alexnet", marks=FULL_ONLY), pytest.param("inception", marks=FULL_ONLY)]
)
def test_gaussian_images_are_fit_with_few_weights(
    run: Results, fitted: float, check: Check, net: str
) -> None:
    """Nets with 2.4 to 3.3 weights an image fit Gaussian noise with random labels without error."""
    check(fits(run, fitted))
    draw_fitting(check, "Gaussian images with random labels", net, run)


ON_DIGITS = Tiers(
    standard=Experiment(
        Mnist(n=30_000, labels=RANDOM),
        Mlp(512),
        Sgd(lr=0.02, epochs=300),
        stop=WhenFitted(0.01),
        precision="bfloat16",
    ),
    full=Experiment(
        Mnist(labels=RANDOM), Mlp(512), Sgd(lr=0.02, decay=0.998, epochs=500), stop=WhenFitted(0.01)
    ),
)


@claim(
    EPFL,
    "Randomization tests, MNIST; section not known to us",
    adapted={
        "standard": "an MLP and 30,000 images, constant learning rate, bfloat16 operands",
        "full": "an MLP; the report gives no setting",
    },
    reported={"train accuracy, in words": "over 99 %, and perfectly"},
    changed=(
        nearer("a linear model of far too few dimensions"),
        Change(
            "tier",
            "It was reproduced at quick too, on digits that stand for CIFAR-10 in another claim, by the same "
            "runs and the same check; they are counted once now.",
        ),
        Change("statement", TYPICAL),
    ),
)
@trained(run=ON_DIGITS, fitted=FITTED)
@control(
    run=ON_DIGITS.but(model=Tiers(standard=Mlp(16), full=Mlp(24)), optimizer__epochs=50),
    says="an MLP of 16 units (full: 24) in 50 epochs, with about 0.4 (0.3) weights an image",
)
def test_digits_with_random_labels_are_fit(run: Results, fitted: float, check: Check) -> None:
    """MNIST with random labels is fitted too, to over 99 %."""
    check(fits(run, fitted))


TEN_THOUSAND = ON_DIGITS.standard.but(data__n=10_000, optimizer=Sgd(lr=0.01, epochs=150))
GREY = Tiers(quick=random("mlp").quick, standard=TEN_THOUSAND)
COLOUR = Tiers(
    quick=random("mlp").quick.but(data=GeneratedImages(size=8, difficulty=0.3, n_test=200, labels=RANDOM)),
    standard=TEN_THOUSAND.but(data=Cifar10(n=10_000, labels=RANDOM)),
)


@claim(
    ZHANG2017,
    "the first author's repository fitting-random-labels, README: MNIST",
    adapted={
        "quick": "1,000 digits of 8x8 pixels for MNIST, 1,000 generated colour images of 8x8 for CIFAR-10",
        "standard": "an MLP and 10,000 images of each, constant learning rate, bfloat16 operands",
    },
    reported={"in words": "quite hard to fit, might need more epochs", "EPFL, in words": "many more epochs"},
    changed=(nearer("colour images on both sides"), Change("statement", "It was EPFL's; the bound stays.")),
)
@trained(grey=GREY, colour=COLOUR, fitted=FITTED)
@control(
    grey=COLOUR.but(data__inputs=ShuffledPixels()),
    says="colour images whose pixels are shuffled, as hard to fit as before, for digits",
)
def test_digits_take_more_epochs_than_colour_images(
    grey: Results, colour: Results, fitted: float, check: Check
) -> None:
    """Random labels take more epochs to fit on MNIST, whose digits are alike, than on CIFAR-10."""
    longer = times_longer(grey, colour, fitted)
    check(above(longer, 1.5, because="half as many again: fewer are not many more, as EPFL says"))
    for series, run in (("digits", grey), ("colour images", colour)):
        draw_fitting(check, "Random labels on digits and on colour images", series, run)


SLOWER = Tiers(standard=random("mlp").standard, full=random("mlp").full)
PAPERS_DECAY = SLOWER.but(optimizer__decay=0.95, standard__optimizer__epochs=80)
DECAY_ADAPTED = {
    "standard": "the paper's setting, but CIFAR-10 decoded from JPEG, bfloat16 operands, 80 epochs",
    "full": "none that is known: batch size and initialization are not given",
}
FROZEN_BECAUSE = (
    "after 80 epochs the rate is 0.016 of the first, and over a hundredth of the labels is still wrong"
)


@claim(
    ZHANG2017,
    "Table 1, MLP 1x512; Appendix A, the decay",
    adapted=DECAY_ADAPTED,
    reported={"train accuracy": 0.9934, "EPFL, with 0.98": 0.9984},
    contested="EPFL had to decay by 0.98 for its MLPs to get there",
    expected=dict.fromkeys(DECAY_ADAPTED, ("refuted", FROZEN_BECAUSE)),
)
@trained(run=PAPERS_DECAY)
@control(run=SLOWER, positive=True, says="the learning rate times 0.98 an epoch")
def test_a_decay_of_95_hundredths_fits_random_labels(run: Results, check: Check) -> None:
    """With a learning rate times 0.95 an epoch the MLP of 512 units fits random labels to 99.34 %."""
    a_point = "the paper's 99.34 %, and a third of a point for other decoding, precision and initialization"
    check(fits(run, 0.01, a_point))
    draw_fitting(check, "MLP on random labels", "rate x 0.95 an epoch", run)


@claim(
    EPFL,
    "Reproduce.ipynb, Table 1: decay of the MLPs",
    adapted=DECAY_ADAPTED,
    reported={"train accuracy, with 0.98": 0.9984},
    contested="ZHANG2017 reports 99.34 % with 0.95",
    changed=(*SECOND_CONTROL, nearer("the slower decay on both sides")),
)
@trained(slow=SLOWER, quick_decay=PAPERS_DECAY)
@control(
    quick_decay=PAPERS_DECAY.but(data__inputs=GaussianInputs()),
    says="noise in place of images with 0.95, which is fitted before the rate has fallen far",
)
@control(slow=SLOWER.but(model=Mlp(FEW_UNITS)), says="24 units for the 512 with 0.98: 1.1 weights an image")
def test_the_mlp_needs_a_slower_decay(slow: Results, quick_decay: Results, check: Check) -> None:
    """The MLP's learning rate must decay more slowly, by 0.98 an epoch, for random labels to be fitted."""
    check(fits(slow, 0.01))
    unfit = quick_decay.final("train_error")
    check(above(unfit, 0.01, because="one per cent, the same bound"))
