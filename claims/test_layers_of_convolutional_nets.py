"""In convolutional nets, too, the lowest layers are critical, and any fresh layer leaves random guesses.

Zhang, Bengio and Singer 2022, on VGG and ResNet18 with CIFAR-10; see ``test_layer_criticality``.
In ResNets the first layer of each stage is critical. Calibrated on replicates 1000 to 1003, which no verdict
reads: rates, epochs, margins. A small VGG on few images has no single critical layer: what putting a layer
back costs falls from the sixth of its nine layers on.
"""

from __future__ import annotations

from collections.abc import Sequence

from claims.layers import CHANCE
from claims.layers import NO_DECLINE
from claims.layers import RANDOM_GUESSES
from claims.layers import draw_layers
from claims.layers import mean_error
from claims.layers import one_by_one
from claims.papers import ZHANG2022
from harness import Change
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import above
from harness import below
from harness import claim
from harness import control
from harness import trained
from harness.data import Cifar10
from harness.models.resnet18 import ResNet18
from harness.models.vgg import Vgg

RESNET = Tiers(full=Experiment(Cifar10(crop=None), ResNet18(64), Sgd(lr=0.1, decay=0.95, epochs=100)))
VGG = Tiers(
    standard=Experiment(Cifar10(n=5000, crop=None, n_test=1000), Vgg(11, width=16), Sgd(lr=0.02, epochs=15)),
    full=Experiment(Cifar10(crop=None), Vgg(11), Sgd(lr=0.02, decay=0.95, epochs=100)),
)
FIRST_OF_STAGES = ("blocks.1.conv1", "blocks.3.conv1", "blocks.5.conv1", "blocks.7.conv1")
SECOND_OF_STAGES = tuple(layer.replace("conv1", "conv2") for layer in FIRST_OF_STAGES)
WITHIN_STAGES = ("blocks.2.conv1", "blocks.4.conv1", "blocks.6.conv1", "blocks.8.conv1")
LOWEST_OF_VGG, TOPMOST_OF_VGG = ("conv1.", "conv2."), ("conv8.", "dense1.")
LAYERS_OF_VGG = ("conv1.", "conv4.", "conv8.", "dense1.")
IN_VGG_ADAPTED = {
    "standard": "VGG11 with a quarter of its channels, 5,000 images of CIFAR-10, 15 epochs, constant rate",
    "full": "VGG11 with one dense layer; a learning rate x 0.95 an epoch; no augmentation",
}
ON_CIFAR_ADAPTED = {
    "full": "one ResNet18 with pre-activation; a learning rate x 0.95 an epoch; no augmentation"
}


@claim(
    ZHANG2022,
    "ResNets on CIFAR-10: the first layer of each stage; section not known to us",
    adapted=ON_CIFAR_ADAPTED,
    reported={"critical, and to fresh weights too": "the first layer of each residual block"},
)
@trained(first=one_by_one(RESNET, FIRST_OF_STAGES), within=one_by_one(RESNET, WITHIN_STAGES))
@control(first=one_by_one(RESNET, SECOND_OF_STAGES), says="the second convolutions of the same blocks")
def test_first_layers_of_stages_are_critical(
    first: Sequence[Results], within: Sequence[Results], check: Check
) -> None:
    """In a ResNet the first layers of stages are critical, and those of other blocks are not."""
    more = mean_error(first) - mean_error(within)
    check(above(more.named("test_error, first of stage - others"), 0.05, because="five points"))


@claim(
    ZHANG2022,
    "Abstract: critical and robust layers, re-initialized",
    adapted=IN_VGG_ADAPTED,
    reported=RANDOM_GUESSES | NO_DECLINE,
    changed=(
        Change(
            "control",
            "Reproduced, with lowest and topmost layers exchanged as control; fresh weights in the "
            "topmost since.",
        ),
    ),
)
@trained(net=VGG, lowest=one_by_one(VGG, LOWEST_OF_VGG), topmost=one_by_one(VGG, TOPMOST_OF_VGG))
@control(topmost=one_by_one(VGG, TOPMOST_OF_VGG, fresh=True), says="fresh weights in the topmost layers")
def test_lowest_layers_of_vgg_are_critical(
    net: Results, lowest: Sequence[Results], topmost: Sequence[Results], check: Check
) -> None:
    """In VGG the lowest layers are critical, and the topmost can be put back at little cost."""
    errors = [mean_error(put_back) for put_back in (lowest, topmost)]
    more = (errors[0] - errors[1]).named("test_error, lowest layers - topmost")
    check(above(more, 0.05, because="five points of accuracy"))
    cost = (errors[1] - net.final("test_error")).named("mean drop, topmost layers")
    check(below(cost, 0.15, because="less than half of the accuracy over chance that there is to lose"))


@claim(
    ZHANG2022,
    "Figure 3, VGG on CIFAR-10: re-randomization",
    adapted=IN_VGG_ADAPTED,
    reported={"any layer drawn anew": "random guessing"},
    expected={
        "standard": ("reproduced or inconclusive", "five nets, each of whose layers must be near chance")
    },
    changed=(
        Change(
            "expected",
            "Inconclusive is declared beside it at standard since its chance to come again is .71.",
        ),
        Change(
            "statement",
            "Reproduced where the least error of any layer had to be above .7: each layer within ten "
            "points of chance since.",
        ),
    ),
)
@trained(put_back=one_by_one(VGG, LAYERS_OF_VGG, fresh=True))
@control(put_back=one_by_one(VGG, LAYERS_OF_VGG), says="the layer's own initial weights")
def test_any_fresh_layer_destroys_vgg(put_back: Sequence[Results], check: Check) -> None:
    """With fresh random weights in any one layer, VGG does little better than random guesses."""
    errors = [patch.final("test_error") for patch in put_back]
    for error, layer in zip(errors, LAYERS_OF_VGG, strict=True):
        check(above(error.named(f"test_error, layer {layer}"), 0.8, because=CHANCE))
    draw_layers(
        check,
        "fresh weights",
        errors,
        figure="Layers of VGG drawn anew, one at a time",
        x_label="layer: conv1, conv4, conv8, dense1",
        y_label="test error",
    )
