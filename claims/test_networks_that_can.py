"""One network is enough to show that such a network can fit random labels: a claim of existence.

The convolutional nets of Zhang et al. 2017 take a CPU half an hour each on real images, too long for the
replicates by which ``test_random_labels`` judges that they do so every time; that they can is settled by
one. What cannot be refuted by failing to find it is refuted by proof alone: where images are equal and
labels differ, no function of the images fits them, and the test says so.
"""

from __future__ import annotations

import pytest

from claims.figures import draw_training
from claims.papers import ZHANG2017
from claims.settings import INCEPTION
from claims.settings import RANDOM
from claims.texts import nearer
from harness import Check
from harness import Experiment
from harness import Results
from harness import Sgd
from harness import Solved
from harness import Tiers
from harness import WhenFitted
from harness import claim
from harness import control
from harness import exists
from harness import trained
from harness.analytic.contradictions import Contradictions
from harness.data import Cifar10
from harness.data.twins import TwinInputs
from harness.models import SmallAlexNet

NETS = {
    "alexnet": Tiers(
        standard=Experiment(
            Cifar10(labels=RANDOM),
            SmallAlexNet(),
            Sgd(lr=0.01, decay=0.95, epochs=80),
            stop=WhenFitted(0.01),
            precision="bfloat16",
        )
    ),
    "inception": INCEPTION.but(data__labels=RANDOM),
}


def contradicting(net: str) -> Tiers:
    """What no function could fit of this net's training set."""
    return Tiers(standard=Solved(NETS[net]["standard"].data, Contradictions()))


def on_twins(net: str) -> Experiment:
    """The net on 500 images, each twice and labeled apart, for an epoch: the proof needs no training."""
    return NETS[net]["standard"].but(
        data__inputs=TwinInputs(), data__n=1000, data__n_test=100, optimizer__epochs=1
    )


def twins_contradicting(net: str) -> Solved:
    """What no function could fit of those."""
    return Solved(on_twins(net).data, Contradictions())


@claim(
    ZHANG2017,
    "Section 2.1, Table 1",
    adapted={"standard": "bfloat16 operands; Inception on 10,000 images"},
    reported={"Inception, train accuracy": 1.0, "AlexNet": 0.9982, "EPFL, AlexNet": 1.0},
    replicates=1,
    changed=(nearer("1,000 blank images"),),
)
@trained(random=lambda net: NETS[net], least=contradicting)
@control(
    random=on_twins,
    least=twins_contradicting,
    says="500 images, each there twice, with a random label each time: no function fits much more than half",
)
@pytest.mark.parametrize("net", NETS)
def test_a_convolutional_net_can_fit_random_labels(
    random: Results, least: Results, check: Check, net: str
) -> None:
    """The small AlexNet and the small Inception can fit random labels of real images."""
    check(
        exists(
            random.final("train_error"),
            0.01,
            least=least.final("least_train_error"),
            because="one per cent: the paper's own table prints 99.82 % under the words zero training error",
        )
    )
    draw_training(check, "Figure 1a, one run", net, random, "train_loss", "training loss")
