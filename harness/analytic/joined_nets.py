"""Trained nets put together as one experiment: side by side, for what lies between them, or as their mean."""

from __future__ import annotations

from harness.fleet.optimizers import Untrained
from harness.models.average import Average
from harness.models.ensemble import Ensemble, Members
from harness.spec import Experiment, From
from harness.spec.contracts import Joining


def side_by_side(*nets: Experiment) -> Experiment:
    """The nets as the members of an ``Ensemble``, in this order, with the data of the first.

    Raises:
        ValueError: fewer than two nets.
    """
    return joined(Members(), nets).but(model=Ensemble(nets[0].model, len(nets)))


def averaged(*nets: Experiment) -> Experiment:
    """The net whose weights are the mean of theirs, with model and data of the first; it is not trained.

    Raises:
        ValueError: fewer than two nets.
    """
    return joined(Average(), nets)


def joined(transform: Joining, nets: tuple[Experiment, ...]) -> Experiment:
    """The first net's experiment, started from all nets through a transform and left as it is then.

    Raises:
        ValueError: fewer than two nets.
    """
    if len(nets) < 2:
        raise ValueError(f"{type(transform).__name__} joins nets: at least two of them, not {len(nets)}")
    *others, last = nets
    start = (*map(From, others), From(last, transform))
    return nets[0].but(optimizer=Untrained(), start=start, stop=None, probes=())
