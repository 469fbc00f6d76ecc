"""Stand-ins: which measures a rehearsal knows that a training will have."""

from __future__ import annotations

import pytest

from harness.evidence.measured import Unknown
from harness.judging.standins import Doubt, StandIn, measures
from harness.spec.watched import NOTHING
from harness.tests.simulated import SMALL


def test_losses_on_test_images_are_there_where_the_experiment_asks_for_them() -> None:
    asked = StandIn("net", SMALL.but(losses=True), 5, Doubt())
    assert asked.curve("test_loss").shape == (5, 3)
    assert asked.watched == NOTHING  # they are recorded without being watched
    with pytest.raises(Unknown, match="net has no 'test_loss'; it has train_loss"):
        StandIn("net", SMALL, 5, Doubt()).curve("test_loss")
    assert set(measures(SMALL.but(losses=True)) or ()) - set(measures(SMALL) or ()) == {"test_loss"}
