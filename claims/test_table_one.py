"""The accuracies that two papers print for the same networks come out here, to what the papers differ by.

Table 1 and Table 4 of Zhang et al. 2017 and Tables I and II of its EPFL reproduction print training and test
accuracies of an Inception, an AlexNet and two MLPs on CIFAR-10. Each number is judged by itself. The MLPs are
trained on all of CIFAR-10 at standard; five replicates of a convolutional net on 50,000 images take a GPU, so
theirs are judged at full.

The tolerances come from the tables and from what our adaptations move, and none from the numbers that are
judged, though an audit had read the MLPs' test accuracies from earlier records. Where two papers ran the same
row their test accuracies lie up to 3.00 points apart (AlexNet with crops), their training accuracies up to
0.50, and with crops 1.22; training here ends at 99.9 % of the images, which takes another 0.10. On random
labels a printed accuracy is that of one run on 10,000 test images, whose binomial deviation is 0.30. Of what
is adapted the decay moves most: with the paper's 0.95 an epoch an MLP leaves 2.1 % of random labels unfitted
here, with EPFL's 0.98 none; on true labels that was not measured. bfloat16 moves a test accuracy by 0.03
points. The images here are decoded from JPEG, and for what that changes there was nothing to measure it
against: it is unknown.
"""

from __future__ import annotations

from typing import Any
from typing import NamedTuple

import pytest

from claims.papers import EPFL
from claims.papers import ZHANG2017
from claims.settings import ALEXNET
from claims.settings import EPFL_COEFFICIENT
from claims.settings import INCEPTION
from claims.settings import MLP
from claims.settings import RANDOM
from claims.settings import SETTINGS
from claims.settings import cropped
from harness import Check
from harness import Experiment
from harness import Results
from harness import Tiers
from harness import claim
from harness import control
from harness import matches
from harness import trained
from harness.models import EpflAlexNet
from harness.spec.contracts import Dataset

TEST_TOLERANCE = 0.03
TEST_BECAUSE = (
    "three points: as far as the two papers lie apart on one row (AlexNet with crops, 3.00); bfloat16 "
    "changes 0.03 here, and what images decoded from JPEG change is unknown"
)
CHANCE_TOLERANCE = 0.009
CHANCE_BECAUSE = (
    "three binomial deviations of one run on 10,000 test images at chance, 0.30 points each: a printed "
    "number is one run's; the two papers lie up to 0.24 apart"
)
TRAINING_TOLERANCE = 0.006
TRAINING_BECAUSE = (
    "half a point, as far as the two papers lie apart on one row (MLP 1x512, random labels), and the tenth "
    "of a point at which training ends here"
)
SLOWED_TOLERANCE = 0.027
SLOWED_BECAUSE = (
    "half a point, as far as the two papers lie apart on one row, the tenth of a point at which training "
    "ends "
    "here, and the 2.1 points that the paper's decay of 0.95 leaves unfitted here where ours of 0.98 "
    "leaves none"
)
CROPPED_TOLERANCE = 0.0132
CROPPED_BECAUSE = (
    "1.22 points, as far as the two papers lie apart on one row with crops, and the tenth of a point at "
    "which training ends here"
)


class Row(NamedTuple):
    """A row of a table: what was trained, and the accuracies in per cent."""

    net: str
    regularizers: str  # "", "crops", "decay" or "crops decay"
    random: bool
    training: float
    test: float

    @property
    def name(self) -> str:
        """The row in words."""
        words = {
            "crops decay": "with crops and weight decay",
            "crops": "with crops",
            "decay": "with weight decay",
        }
        labels = "on random labels" if self.random else ""
        return " ".join(filter(None, (self.net, words.get(self.regularizers, ""), labels)))


INCEPTION_NET, PLAIN_INCEPTION, ALEXNET_NET = "Inception", "Inception without batch norm", "AlexNet"
MLP_1, MLP_3 = "MLP 1x512", "MLP 3x512"
PAPERS_ROWS = (
    Row(INCEPTION_NET, "crops decay", False, 100.0, 89.05),
    Row(INCEPTION_NET, "crops", False, 100.0, 89.31),
    Row(INCEPTION_NET, "decay", False, 100.0, 86.03),
    Row(INCEPTION_NET, "", False, 100.0, 85.75),
    Row(INCEPTION_NET, "", True, 100.0, 9.78),
    Row(PLAIN_INCEPTION, "decay", False, 100.0, 83.0),
    Row(PLAIN_INCEPTION, "", False, 100.0, 82.0),
    Row(PLAIN_INCEPTION, "", True, 100.0, 10.12),
    Row(ALEXNET_NET, "crops decay", False, 99.9, 81.22),
    Row(ALEXNET_NET, "crops", False, 99.82, 79.66),
    Row(ALEXNET_NET, "decay", False, 100.0, 77.36),
    Row(ALEXNET_NET, "", False, 100.0, 76.07),
    Row(ALEXNET_NET, "", True, 99.82, 9.86),
    Row(MLP_3, "decay", False, 100.0, 53.35),
    Row(MLP_3, "", False, 100.0, 52.39),
    Row(MLP_3, "", True, 100.0, 10.48),
    Row(MLP_1, "decay", False, 99.8, 50.39),
    Row(MLP_1, "", False, 100.0, 50.51),
    Row(MLP_1, "", True, 99.34, 10.61),
)
EPFL_ROWS = (
    Row(INCEPTION_NET, "crops decay", False, 100.0, 89.12),
    Row(INCEPTION_NET, "crops", False, 100.0, 88.96),
    Row(INCEPTION_NET, "decay", False, 100.0, 85.51),
    Row(INCEPTION_NET, "", False, 100.0, 85.27),
    Row(INCEPTION_NET, "", True, 100.0, 9.97),
    Row(PLAIN_INCEPTION, "decay", False, 100.0, 84.98),
    Row(PLAIN_INCEPTION, "", False, 100.0, 84.03),
    Row(PLAIN_INCEPTION, "", True, 100.0, 9.88),
    Row(ALEXNET_NET, "crops decay", False, 98.68, 83.73),
    Row(ALEXNET_NET, "crops", False, 99.87, 82.66),
    Row(ALEXNET_NET, "decay", False, 100.0, 79.13),
    Row(ALEXNET_NET, "", False, 100.0, 78.99),
    Row(ALEXNET_NET, "", True, 100.0, 10.05),
    Row(MLP_3, "decay", False, 99.98, 55.69),
    Row(MLP_3, "", False, 100.0, 55.12),
    Row(MLP_3, "", True, 100.0, 10.51),
    Row(MLP_1, "decay", False, 99.96, 53.24),
    Row(MLP_1, "", False, 99.97, 52.62),
    Row(MLP_1, "", True, 99.84, 10.67),
)
# no test accuracy is printed there: they are at chance
PAPERS_DECAYED = (
    Row(INCEPTION_NET, "decay", True, 100.0, 10.0),
    Row(MLP_3, "decay", True, 100.0, 10.0),
    Row(MLP_1, "decay", True, 99.21, 10.0),
)
EPFL_DECAYED = (
    Row(INCEPTION_NET, "decay", True, 100.0, 10.0),
    Row(ALEXNET_NET, "decay", True, 100.0, 10.0),
    Row(MLP_3, "decay", True, 100.0, 10.0),
    Row(MLP_1, "decay", True, 99.85, 10.0),
)
NETS = {
    INCEPTION_NET: Tiers(full=INCEPTION.full),
    PLAIN_INCEPTION: Tiers(full=INCEPTION.full.but(model__batch_norm=False)),
    ALEXNET_NET: Tiers(full=ALEXNET.full),
    MLP_3: Tiers(standard=SETTINGS["mlp3"].standard, full=SETTINGS["mlp3"].full),
    MLP_1: Tiers(standard=MLP.standard, full=MLP.full),
}
EPFL_NETS = {**NETS, ALEXNET_NET: Tiers(full=ALEXNET.full.but(model=EpflAlexNet()))}
ADAPTED = {
    "standard": "learning rate x 0.98 an epoch and weight decay 5e-5, as EPFL; bfloat16 operands; images "
    "decoded from JPEG",
    "full": "weight decay 5e-5, and for MLPs a learning rate x 0.98 an epoch, as EPFL; Inception: bfloat16 "
    "operands; images decoded from JPEG",
}


def cell(row: Row, tier: str, nets: dict[str, Tiers]) -> Experiment:
    """What a row of a table trained."""
    plain: Experiment = nets[row.net][tier]
    if "decay" in row.regularizers:
        plain = plain.but(optimizer__weight_decay=EPFL_COEFFICIENT)
    if row.random:
        plain = plain.but(data__labels=RANDOM)
    return cropped(plain) if "crops" in row.regularizers else plain


def briefly(row: Row, tier: str, nets: dict[str, Tiers]) -> Experiment:
    """The row trained for a tenth of the epochs; at standard without weight decay, to train less."""
    if tier == "standard":
        row = row._replace(regularizers="")
    trained_long = cell(row, tier, nets)
    return trained_long.but(optimizer__epochs=trained_long.optimizer.epochs // 10)


def elsewhere(row: Row, tier: str, nets: dict[str, Tiers]) -> Experiment:
    """The row on a fifth of the images; on true labels, where the row has random ones.

    At standard without weight decay, which gains a point at most where so few images lose seven.
    """
    if tier == "standard":
        row = row._replace(regularizers="")
    if row.random:
        return cell(row._replace(random=False), tier, nets)
    plain = cell(row, tier, nets)
    data: Dataset = plain.data
    few = data.but(data__n=10_000) if "crops" in row.regularizers else data.but(n=10_000)
    return plain.but(data=few)


BRIEFLY_SAYS = "trained for a tenth of the epochs (at standard without weight decay)"
ELSEWHERE_SAYS = (
    "10,000 of the 50,000 images (at standard without weight decay); or true labels, where the row has "
    "random ones"
)


OPEN = pytest.mark.claimed(
    replicates={"standard": 5},
    expected={
        "standard": (
            "inconclusive or reproduced",
            "five runs leave our own mean open by 0.4 points, nearly half of the tolerance; more take hours",
        )
    },
)


def rows(table: tuple[Row, ...], measure: str) -> list[Any]:
    """A parameter for every row; what is printed there is said, and convolutional nets begin at full."""
    parameters = []
    for row in table:
        printed = getattr(row, measure)
        marks = [
            pytest.mark.claimed(
                says=f"{row.name}: the {measure} accuracy is {printed:g} %.",
                reported={f"{measure} accuracy": round(printed / 100, 6)},
            )
        ]
        if "MLP" not in row.net:
            marks.append(pytest.mark.tiers("full"))
        elif measure == "test" and row.random and row.net == MLP_1:
            marks.append(OPEN)
        parameters.append(pytest.param(row, marks=marks, id=row.name.replace(" ", "-")))
    return parameters


def accuracy_in_training(run: Results, row: Row, check: Check, *, slower_decay: bool = False) -> None:
    """Judge the training accuracy that a row prints; ``slower_decay``: the paper's MLPs decay faster."""
    tolerance, because = TRAINING_TOLERANCE, TRAINING_BECAUSE
    if "crops" in row.regularizers:
        tolerance, because = CROPPED_TOLERANCE, CROPPED_BECAUSE
    elif slower_decay and row.random and "MLP" in row.net:
        tolerance, because = SLOWED_TOLERANCE, SLOWED_BECAUSE
    accuracy = (1.0 - run.final("train_error")).named("training accuracy")
    check(matches(accuracy, round(row.training / 100, 6), tolerance, because=because))


def accuracy_on_test_images(run: Results, row: Row, check: Check) -> None:
    """Judge the test accuracy that a row prints."""
    tolerance, because = (CHANCE_TOLERANCE, CHANCE_BECAUSE) if row.random else (TEST_TOLERANCE, TEST_BECAUSE)
    accuracy = (1.0 - run.final("test_error")).named("test accuracy")
    check(matches(accuracy, round(row.test / 100, 6), tolerance, because=because))


@claim(ZHANG2017, "Section 3, Table 1", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 1.0})
@trained(run=lambda row, tier: cell(row, tier, NETS))
@control(run=lambda row, tier: briefly(row, tier, NETS), says=BRIEFLY_SAYS)
@pytest.mark.parametrize("row", rows(PAPERS_ROWS, "training"))
def test_training_accuracies_of_the_papers_table_1(run: Results, row: Row, check: Check) -> None:
    """Training ends at the accuracy that the paper's Table 1 prints."""
    accuracy_in_training(run, row, check, slower_decay=True)


@claim(
    ZHANG2017, "Section 3, Table 1", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 0.5051}
)
@trained(run=lambda row, tier: cell(row, tier, NETS))
@control(run=lambda row, tier: elsewhere(row, tier, NETS), says=ELSEWHERE_SAYS)
@pytest.mark.parametrize("row", rows(PAPERS_ROWS, "test"))
def test_test_accuracies_of_the_papers_table_1(run: Results, row: Row, check: Check) -> None:
    """The test accuracy is the one that the paper's Table 1 prints."""
    accuracy_on_test_images(run, row, check)


@claim(
    ZHANG2017, "Appendix E, Table 4", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 0.9921}
)
@trained(run=lambda row, tier: cell(row, tier, NETS))
@control(run=lambda row, tier: briefly(row, tier, NETS), says=BRIEFLY_SAYS)
@pytest.mark.parametrize("row", rows(PAPERS_DECAYED, "training"))
def test_training_accuracies_of_the_papers_table_4(run: Results, row: Row, check: Check) -> None:
    """With weight decay, too, random labels are fitted to the accuracy that the paper's Table 4 prints."""
    accuracy_in_training(run, row, check, slower_decay=True)


@claim(EPFL, "Table I", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 0.9997})
@trained(run=lambda row, tier: cell(row, tier, EPFL_NETS))
@control(run=lambda row, tier: briefly(row, tier, EPFL_NETS), says=BRIEFLY_SAYS)
@pytest.mark.parametrize("row", rows(EPFL_ROWS, "training"))
def test_training_accuracies_of_epfl_table_1(run: Results, row: Row, check: Check) -> None:
    """Training ends at the accuracy that Table I of the reproduction prints."""
    accuracy_in_training(run, row, check)


@claim(EPFL, "Table I", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 0.5262})
@trained(run=lambda row, tier: cell(row, tier, EPFL_NETS))
@control(run=lambda row, tier: elsewhere(row, tier, EPFL_NETS), says=ELSEWHERE_SAYS)
@pytest.mark.parametrize("row", rows(EPFL_ROWS, "test"))
def test_test_accuracies_of_epfl_table_1(run: Results, row: Row, check: Check) -> None:
    """The test accuracy is the one that Table I of the reproduction prints."""
    accuracy_on_test_images(run, row, check)


@claim(EPFL, "Table II", kind="printed", adapted=ADAPTED, reported={"MLP 1x512, nothing": 0.9985})
@trained(run=lambda row, tier: cell(row, tier, EPFL_NETS))
@control(run=lambda row, tier: briefly(row, tier, EPFL_NETS), says=BRIEFLY_SAYS)
@pytest.mark.parametrize("row", rows(EPFL_DECAYED, "training"))
def test_training_accuracies_of_epfl_table_2(run: Results, row: Row, check: Check) -> None:
    """With weight decay, too, random labels are fitted to the accuracy that Table II prints."""
    accuracy_in_training(run, row, check)
