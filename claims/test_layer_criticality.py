"""Not all layers are equal: put back to initial weights, the first ones cost most and the others little.

Zhang, Bengio and Singer 2022. After training, one layer gets back its weights of an earlier epoch, or fresh
random ones; nothing is trained again. What is measured is the test error of the patched net. The first layer
is critical and upper ones are robust; a fresh draw destroys any net; wider nets are more robust; in ResNets
the first layers of stages are the critical ones.

Checkpoints are shorter trainings of the same replicate, equal to the long one until then. A patched net
passes once over the data at a rate too small to move a weight, which refreshes statistics of batch
normalization. Calibrated on replicates 1000 to 1003, which no verdict reads: rates, epochs, widths, margins.
On digits the last layer matters too, so margins there are wider than on MNIST. A small VGG on few images has
no single critical layer: what putting a layer back costs falls from the sixth of its nine layers on.

Changed after verdicts were seen: of two claims whose chance to come again on digits was .7 at five replicates
the first layer's reads twenty there, and that of later checkpoints declares both outcomes. Twenty were tried
there too, and taken back: its control left one step undecided.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from claims.papers import ZHANG2022
from claims.texts import ANY_DIFFERENCE
from claims.texts import ANY_STEP
from claims.texts import only
from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import larger_of
from harness import mean_of
from harness import ordered
from harness import smaller_of
from harness import trained
from harness.analytic.resets import Reset
from harness.data import Cifar10
from harness.data import Digits
from harness.data import Mnist
from harness.models import Mlp
from harness.models.redrawn import Redrawn
from harness.models.resnet18 import ResNet18
from harness.models.vgg import Vgg
from harness.spec import TIERS

NET = Tiers(
    quick=Experiment(Digits(n=1200, whiten=False), Mlp(64, depth=3), Sgd(lr=0.05, epochs=60, batch=32)),
    standard=Experiment(
        Mnist(n=6000, crop=None, whiten=False, n_test=2000), Mlp(256, depth=3), Sgd(lr=0.05, epochs=15)
    ),
    full=Experiment(Mnist(crop=None, whiten=False), Mlp(256, depth=3), Sgd(lr=0.05, epochs=100)),
)
RESNET = Tiers(full=Experiment(Cifar10(crop=None), ResNet18(64), Sgd(lr=0.1, decay=0.95, epochs=100)))
VGG = Tiers(
    standard=Experiment(Cifar10(n=5000, crop=None, n_test=1000), Vgg(11, width=16), Sgd(lr=0.02, epochs=15)),
    full=Experiment(Cifar10(crop=None), Vgg(11), Sgd(lr=0.02, decay=0.95, epochs=100)),
)
LAYERS = ("1.", "3.", "5.", "7.")
FIRST_LAYER, MIDDLE_LAYERS, UPPER_LAYERS = LAYERS[:1], LAYERS[1:-1], LAYERS[1:]
FIRST_OF_STAGES = ("blocks.1.conv1", "blocks.3.conv1", "blocks.5.conv1", "blocks.7.conv1")
WITHIN_STAGES = ("blocks.2.conv1", "blocks.4.conv1", "blocks.6.conv1", "blocks.8.conv1")
LOWEST_OF_VGG, TOPMOST_OF_VGG = ("conv1.", "conv2."), ("conv8.", "dense1.")
LAYERS_OF_VGG = ("conv1.", "conv4.", "conv8.", "dense1.")
NO_STEP = 1e-30  # a learning rate too small to change a float32 weight
CHECKPOINTS = (0, 1, 4)
ADAPTED = {
    "quick": "1,200 digits, three hidden layers of 64 units, 60 epochs at a constant rate",
    "standard": "6,000 images of MNIST, three hidden layers of 256 units, 15 epochs at a constant rate",
    "full": "a constant learning rate",
}
IN_VGG_ADAPTED = {
    "standard": "VGG11 with a quarter of its channels, 5,000 images of CIFAR-10, 15 epochs, constant rate",
    "full": "VGG11 with one dense layer; a learning rate x 0.95 an epoch; no augmentation",
}
ON_CIFAR_ADAPTED = {
    "full": "one ResNet18 with pre-activation; a learning rate x 0.95 an epoch; no augmentation"
}


def each(nets: Tiers, change: Callable[[Experiment], Experiment]) -> Tiers:
    """A change of every tier's experiment."""
    return Tiers(**{t: change(nets[t]) for t in TIERS if t in nets})


def at_epoch(net: Experiment, epoch: int) -> Experiment:
    """The same training at an earlier epoch; at epoch 0, its initial weights."""
    if not epoch:
        return net.but(optimizer__lr=NO_STEP, optimizer__epochs=1, optimizer__decay=1.0)
    return net.but(optimizer__epochs=epoch)


def patched(nets: Tiers, layers: tuple[str, ...], *, epoch: int = 0, fresh: bool = False) -> Tiers:
    """The trained net with some layers of an earlier epoch, or of another draw of the initial weights."""

    def change(net: Experiment) -> Experiment:
        other = at_epoch(net.but(model=Redrawn(net.model)) if fresh else net, epoch)
        start = (From(net), From(other, Reset(layers)))
        return at_epoch(net, 0).but(start=start)

    return each(nets, change)


def one_by_one(nets: Tiers, layers: tuple[str, ...], *, fresh: bool = False) -> list[Tiers]:
    """The net with each of some layers put back alone, in the order of the layers."""
    return [patched(nets, (layer,), fresh=fresh) for layer in layers]


def at_checkpoints(*, fresh: bool = False) -> dict[int, Tiers]:
    """The net with its first layer put back to each checkpoint, by epoch."""
    return {t: patched(NET, FIRST_LAYER, epoch=t, fresh=fresh) for t in CHECKPOINTS}


def drops(net: Results, put_back: Sequence[Results], layers: tuple[str, ...]) -> list[Measured]:
    """What the test error gains by putting back each layer, [layer] of [replicate]."""
    return [
        (patch.final("test_error") - net.final("test_error")).named(f"drop, {layer}")
        for patch, layer in zip(put_back, layers, strict=True)
    ]


def mean_error(put_back: Sequence[Results]) -> Measured:
    """The mean test error over layers put back, [replicate]."""
    return mean_of([patch.final("test_error") for patch in put_back])


def draw_layers(
    check: Check,
    series: str,
    costs: Sequence[Measured],
    *,
    figure: str = "Layers put back, one at a time",
    x_label: str = "layer",
    y_label: str = "loss of test accuracy",
) -> None:
    """What each layer costs, or the error that it leaves, from the first up."""
    layers = range(1, len(costs) + 1)
    check.draw(figure, series=series, x=layers, y=costs, x_label=x_label, y_label=y_label)


@claim(
    ZHANG2022,
    "fully connected nets on MNIST, re-initialization to epoch 0",
    adapted=ADAPTED,
    replicates={"quick": 20},
)
@trained(net=NET, put_back=one_by_one(NET, LAYERS))
@control(
    put_back=one_by_one(NET, (LAYERS[2], LAYERS[1], LAYERS[0], LAYERS[3])),
    says="the first and the third layer exchanged",
)
def test_the_first_layer_is_critical(net: Results, put_back: Sequence[Results], check: Check) -> None:
    """Putting the first layer back to its initial weights costs more than any other layer."""
    first, *others = drops(net, put_back, LAYERS)
    more = (first - larger_of(*others)).named("drop, first layer - largest other")
    check(above(more, 0.05, because="five points of accuracy"))
    draw_layers(check, "initial weights", [first, *others])


@claim(ZHANG2022, "fully connected nets on MNIST, re-initialization to epoch 0", adapted=ADAPTED)
@trained(net=NET, put_back=one_by_one(NET, UPPER_LAYERS), margin=Tiers(quick=0.2, standard=0.08, full=0.08))
@control(put_back=one_by_one(NET, UPPER_LAYERS, fresh=True), says="fresh random weights for the initial ones")
def test_upper_layers_are_robust(
    net: Results, put_back: Sequence[Results], margin: float, check: Check
) -> None:
    """The layers above the first are robust: putting back one of them costs little, on average over them."""
    mean = mean_of(drops(net, put_back, UPPER_LAYERS)).named("mean drop, upper layers")
    fifth = "a fifth of the accuracy on digits, where the last layer matters; eight points on MNIST"
    check(below(mean, margin, because=fifth))


@claim(ZHANG2022, "re-randomization", adapted=ADAPTED)
@trained(put_back=one_by_one(NET, LAYERS, fresh=True), net=NET)
@control(put_back=one_by_one(NET, LAYERS), says="the layer's own initial weights")
def test_any_fresh_layer_destroys_the_net(put_back: Sequence[Results], net: Results, check: Check) -> None:
    """Fresh random weights in any one layer leave little more than chance."""
    errors = [patch.final("test_error") for patch in put_back]
    least = smaller_of(*errors).named("smallest test_error")
    check(above(least, 0.65, because="a quarter of what training gained over chance, 0.9"))
    draw_layers(check, "fresh weights", drops(net, put_back, LAYERS))


@claim(
    ZHANG2022,
    "rewinding to later checkpoints",
    adapted=ADAPTED,
    expected={
        "quick": (
            "reproduced or inconclusive",
            "in the control a step has no effect, so that it lies on the wrong side of zero half of the time",
        )
    },
)
@trained(put_back=at_checkpoints())
@control(put_back=at_checkpoints(fresh=True), says="checkpoints of another training")
def test_later_checkpoints_cost_less(put_back: Mapping[int, Results], check: Check) -> None:
    """The first layer becomes robust in the first epochs: putting it back to a later checkpoint costs less
    than to an earlier one."""
    errors = [put_back[t].final("test_error") for t in reversed(CHECKPOINTS)]
    check(ordered(errors, because=ANY_STEP))
    gain = (errors[-1] - errors[0]).named("test_error, put back to epoch 0 - to epoch 4")
    check(above(gain, 0.1, because="ten points of accuracy"))
    check.draw(
        "First layer put back",
        series="three hidden layers",
        x=CHECKPOINTS,
        y=errors[::-1],
        x_label="epoch of the checkpoint",
        y_label="test error",
    )


def of_widths(*places: int) -> list[Tiers]:
    """Nets with hidden layers of some of three widths, their first layer put back."""
    quick, larger = (16, 64, 256), (32, 128, 512)
    widths = [Tiers(quick=quick[i], standard=larger[i], full=larger[i]) for i in places]
    return [patched(NET.but(model__width=width), FIRST_LAYER) for width in widths]


@claim(
    ZHANG2022,
    "width and robustness",
    adapted={
        "quick": "1,200 digits, three hidden layers of 16, 64 and 256 units",
        "standard": "6,000 images of MNIST, three hidden layers of 32, 128 and 512 units",
        "full": ADAPTED["full"],
    },
)
@trained(nets=of_widths(0, 1, 2))
@control(nets=of_widths(2, 1, 0), says="the widths in falling order")
def test_wider_nets_are_more_robust(nets: Sequence[Results], check: Check) -> None:
    """The wider the net, the less it loses when its first layer is put back."""
    errors = [net.final("test_error") for net in reversed(nets)]
    check(ordered(errors, because=ANY_STEP))


def of_depth(depth: int) -> Tiers:
    """The net with so many hidden layers."""
    return Tiers(standard=NET["standard"], full=NET["full"]).but(model__depth=depth)


@claim(
    ZHANG2022,
    "depth and robustness",
    adapted={
        "standard": "6,000 images of MNIST, one against three hidden layers of 256 units",
        "full": "one against three hidden layers; " + ADAPTED["full"],
    },
)
@trained(
    net=of_depth(3),
    shallow=of_depth(1),
    put_back=one_by_one(of_depth(3), LAYERS),
    shallow_put_back=one_by_one(of_depth(1), LAYERS[:2]),
)
@control(
    shallow=of_depth(3),
    shallow_put_back=one_by_one(of_depth(3), LAYERS[1:3]),
    says="two upper layers of the deep net itself for the shallow one",
)
def test_deeper_nets_are_more_robust(
    net: Results,
    shallow: Results,
    put_back: Sequence[Results],
    shallow_put_back: Sequence[Results],
    check: Check,
) -> None:
    """When one layer is put back, a deeper net loses less than a shallower one, in the mean over layers."""
    deep = mean_of(drops(net, put_back, LAYERS)).named("mean drop, three hidden layers")
    flat = mean_of(drops(shallow, shallow_put_back, LAYERS[:2]))
    more = (flat.named("mean drop, one hidden layer") - deep).named("mean drop, one hidden layer - three")
    check(above(more, 0.0, because=ANY_DIFFERENCE))


@claim(ZHANG2022, "several layers at once", adapted=only(ADAPTED, "standard", "full"))
@trained(run=patched(of_depth(3), MIDDLE_LAYERS))
@control(run=patched(of_depth(3), FIRST_LAYER + MIDDLE_LAYERS), says="the first layer as well")
def test_middle_layers_can_be_put_back_together(run: Results, check: Check) -> None:
    """All middle layers can be put back together, and most of the accuracy stays."""
    check(below(run.final("test_error"), 0.4, because="three fifths right, where chance is one tenth"))


@claim(ZHANG2022, "ResNets on CIFAR-10: which layers are critical", adapted=ON_CIFAR_ADAPTED)
@trained(first=one_by_one(RESNET, FIRST_OF_STAGES), within=one_by_one(RESNET, WITHIN_STAGES))
@control(first=one_by_one(RESNET, WITHIN_STAGES), says="layers of other blocks on both sides")
def test_first_layers_of_stages_are_critical(
    first: Sequence[Results], within: Sequence[Results], check: Check
) -> None:
    """In a ResNet the first layers of stages are critical, and those of other blocks are not."""
    more = mean_error(first) - mean_error(within)
    check(above(more.named("test_error, first of stage - others"), 0.05, because="five points"))


@claim(ZHANG2022, "VGG on CIFAR-10, re-initialization to epoch 0", adapted=IN_VGG_ADAPTED)
@trained(net=VGG, lowest=one_by_one(VGG, LOWEST_OF_VGG), topmost=one_by_one(VGG, TOPMOST_OF_VGG))
@control(
    lowest=one_by_one(VGG, TOPMOST_OF_VGG),
    topmost=one_by_one(VGG, LOWEST_OF_VGG),
    says="the lowest and the topmost layers exchanged",
)
def test_lowest_layers_of_vgg_are_critical(
    net: Results, lowest: Sequence[Results], topmost: Sequence[Results], check: Check
) -> None:
    """In VGG the lowest layers are critical, and the topmost can be put back at little cost."""
    errors = [mean_error(put_back) for put_back in (lowest, topmost)]
    more = (errors[0] - errors[1]).named("test_error, lowest layers - topmost")
    check(above(more, 0.05, because="five points of accuracy"))
    cost = (errors[1] - net.final("test_error")).named("mean drop, topmost layers")
    check(below(cost, 0.15, because="less than half of the accuracy over chance that there is to lose"))


@claim(ZHANG2022, "VGG on CIFAR-10, re-randomization", adapted=IN_VGG_ADAPTED)
@trained(put_back=one_by_one(VGG, LAYERS_OF_VGG, fresh=True))
@control(put_back=one_by_one(VGG, LAYERS_OF_VGG), says="the layer's own initial weights")
def test_any_fresh_layer_destroys_vgg(put_back: Sequence[Results], check: Check) -> None:
    """In VGG fresh random weights in any one layer leave little more than chance."""
    errors = [patch.final("test_error") for patch in put_back]
    least = smaller_of(*errors).named("smallest test_error")
    check(above(least, 0.7, because="half of what a small VGG gains over chance, 0.9"))
    draw_layers(
        check,
        "fresh weights",
        errors,
        figure="Layers of VGG drawn anew, one at a time",
        x_label="layer: conv1, conv4, conv8, dense1",
        y_label="test error",
    )
