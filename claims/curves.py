"""Two trained nets and the curve between them: what families on connected minima share.

Two nets of a replicate differ in their initial weights alone: images and their order are the same.

Calibrated on replicates 1000 to 1002, which no verdict reads: widths, learning rates and epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness import Check
from harness import Experiment
from harness import From
from harness import Measured
from harness import Probing
from harness import Results
from harness import Sgd
from harness import Tiers
from harness import WhenFitted
from harness.analytic.paths import AlongCurve
from harness.data import Cifar10
from harness.data import Digits
from harness.data import Mnist
from harness.models import Mlp
from harness.models.curve import Curve
from harness.models.curve import Ends
from harness.models.redrawn import Redrawn
from harness.models.vgg import Vgg

if TYPE_CHECKING:
    import numpy as np

DIGITS = Digits(n=400)
MNIST = Mnist(n=3000, crop=None, whiten=False, n_test=2000)
NETS = Tiers(
    quick=Experiment(DIGITS, Mlp(16), Sgd(lr=0.05, epochs=60)),
    standard=Experiment(MNIST, Mlp(64, depth=2), Sgd(lr=0.05, epochs=40), stop=WhenFitted(patience=3)),
    full=Experiment(
        Cifar10(crop=None),
        Vgg(16, hidden=(512, 512)),
        Sgd(lr=0.05, decay=0.977, weight_decay=5e-4, epochs=200),
        precision="bfloat16",
    ),
)
MLPS = Tiers(quick=NETS["quick"], standard=NETS["standard"])
NORMALIZED = NETS.but(model__batch_norm=True, stop=WhenFitted(patience=3))
NARROW_WIDTHS, WIDE_WIDTHS = Tiers(quick=8, standard=16), Tiers(quick=64, standard=256)
BEND = Tiers(
    quick=Sgd(lr=0.03, epochs=60),
    standard=Sgd(lr=0.02, epochs=30),
    full=Sgd(lr=0.015, decay=0.992, weight_decay=5e-4, epochs=600),
)
UNMOVED = Sgd(lr=1e-30, epochs=1)  # too small a rate to change a float32 weight
PROBES = {"quick": AlongCurve(points=11), "standard": AlongCurve(points=21), "full": AlongCurve(points=61)}
ADAPTED = {
    "quick": "two MLPs of 16 units on 400 digits; one bend, 240 steps; same order of images",
    "standard": "two MLPs 2x64 on 3,000 images of MNIST; one bend, 720 steps; same order of images",
    "full": "VGG16 without dropout and augmentation; a learning rate that falls every epoch; same order of "
    "images; weight decay of the bend alone; trained with bfloat16 operands, measured in float32",
}


def joined(nets: Tiers, *, kind: str = "bezier", bend: Tiers | Sgd = BEND, again: bool = False) -> Tiers:
    """The curve between two nets of each tier.

    Args:
        kind: of curve.
        bend: how its bend is trained.
        again: the second net is not another one but the first, trained on.
    """
    made = {}
    for tier in (t for t in PROBES if t in nets):
        net, model = nets[tier], nets[tier].model
        second = net.but(start=From(net), stop=None) if again else net.but(model=Redrawn(model))
        made[tier] = net.but(
            model=Curve(model, kind),
            optimizer=bend[tier] if isinstance(bend, Tiers) else bend,
            start=(From(net), From(second, Ends())),
            stop=None,
        )
    return Tiers(**made)


def along(curves: Tiers, **changes: object) -> Tiers:
    """Each tier's curve, measured at points of it and of the straight line."""
    return Tiers(**{t: Probing(curves[t], PROBES[t].but(**changes)) for t in PROBES if t in curves})


FIVE_POINTS = "five points, where both ends fit all but a per cent"
"""What counts as a barrier."""


def barrier(run: Results, path: str, measure: str) -> Measured:
    """The largest value along a path above that of the worse end."""
    rise = run.final(f"largest_{path}_{measure}") - run.final(f"worse_end_{measure}")
    return rise.named(f"largest {measure} of the {path} path above the worse end")


def draw_path(
    check: Check, figure: str, series: str, rows: np.ndarray, y_label: str, *, y_scale: str = "linear"
) -> None:
    """A measure along a path, [replicate, point], at evenly spaced points."""
    last = rows.shape[1] - 1
    check.draw(
        figure,
        series=series,
        x=[i / last for i in range(last + 1)],
        y=rows.tolist(),
        x_label="place on the path",
        y_label=y_label,
        y_scale=y_scale,
    )


def draw_train_error(check: Check, run: Results, paths: Mapping[str, str]) -> None:
    """The training error along paths: name of the series -> path."""
    for series, path in paths.items():
        rows = run.array(f"{path}_train_error")
        draw_path(check, "Between two trained nets", series, rows, "train error")
