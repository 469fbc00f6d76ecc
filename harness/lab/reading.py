"""The data of a run as they are read: of the content that its key names, for the device that trains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.data.verified import verified_split
from harness.fleet import on_device
from harness.lab.names import digests_of
from harness.lab.places import Place
from harness.lab.runs import Run
from harness.spec import Draws, Experiment, Probing

if TYPE_CHECKING:
    from harness.data import Split
    from harness.spec.contracts import Dataset


def split_of(run: Run, data: Dataset, place: Place) -> Split:
    """The data of a run, which are of the content that its key names.

    Raises:
        DataError: they are missing, damaged or others by now, in one line.
    """
    value = run.value.experiment if isinstance(run.value, Probing) else run.value
    draws = value.draws if isinstance(value, Experiment) else Draws()
    replicate = draws.replicate("data", run.replicate)

    def verified(part: Dataset) -> Split:
        return verified_split(part, place.data_root, replicate, digests_of(run, part))

    return on_device.split(data, verified, replicate, place.device)
