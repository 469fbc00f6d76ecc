"""What a run leaves as numbers: its finals and curves, how finely they resolve, and where they come from."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from harness.evidence.numbers import all_finite, finite
from harness.fleet import numerics, ranks
from harness.lab import gpu_kinds, pinning
from harness.lab.places import Place
from harness.lab.records import Record
from harness.lab.runs import Run
from harness.spec import Experiment, abbreviated

if TYPE_CHECKING:
    from harness.data import Split
    from harness.fleet.trainer import Trained

Finals = dict[str, float | None]
Curves = dict[str, tuple[float | None, ...]]


def of_training(run: Run, place: Place, split: Split, trained: Trained, *, fleet: int) -> Record:
    """The record of an experiment, but for what it cost.

    Args:
        split: the data it was trained and evaluated on, by whose sizes its errors are resolved.
        fleet: how many runs were trained at once.
    """
    curves = {name: all_finite(values) for name, values in trained.curves.items()}
    diverged = trained.outcome == "diverged"
    finals = {name: None if diverged else finite(value) for name, value in trained.finals.items()}
    changed = int(split.corrupted.sum())
    resolutions = {"train_error": 1 / len(split.y_train), "test_error": 1 / len(split.y_test)}
    resolutions["corrupted_error"] = 1 / max(changed, 1)
    resolutions["clean_error"] = 1 / max(len(split.y_train) - changed, 1)
    record = _record(run, place, finals, curves, outcome=trained.outcome)
    precision = numerics.computed_in(run.value.precision, place.device)
    how = {"kernel": trained.kernel, "fleet": str(fleet), "precision": precision}
    if trained.normalization:
        how["normalization"] = trained.normalization
    if ranks.is_streamed(run.value):
        files: Any = ranks.on_disk(split)
        how |= {"devices": str(len(ranks.devices(place.device))), "sampled": files.x_train.sampled()}
        measured = len(files.measured)
        resolutions |= dict.fromkeys(("train_error", "train_top5_error"), 1 / measured)
        resolutions["test_top5_error"] = resolutions["test_error"]
    return msgspec.structs.replace(
        record,
        resolutions=resolutions,
        steps_per_epoch=trained.steps_per_epoch,
        epochs=len(curves.get("train_loss", ())),
        provenance=record.provenance | how,
    )


def of_measures(run: Run, place: Place, measures: Mapping[str, Any]) -> Record:
    """The record of what was simulated, solved or probed, but for what it cost.

    Args:
        measures: name -> a number, or a sequence or array of them, which is kept flat beside its shape.

    Raises:
        TypeError: they are something else than real numbers by name (one line).
    """
    if not isinstance(measures, Mapping) or not all(isinstance(name, str) for name in measures):
        raise TypeError(f"it gave {measures!r:.60}, and not numbers by name such as {{'error': 0.5}}")
    finals: dict[str, float | None] = {}
    curves: dict[str, tuple[float | None, ...]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, value in measures.items():
        shape = getattr(value, "shape", None)
        if shape is None and isinstance(value, (list, tuple)):
            shape = (len(value),)
        if shape:
            flat = value.reshape(-1).tolist() if hasattr(value, "reshape") else value
            curves[name], shapes[name] = _numbers(name, flat), tuple(shape)
        else:
            finals[name] = _number(name, value)
    return msgspec.structs.replace(_record(run, place, finals, curves, outcome="solved"), shapes=shapes)


def _numbers(name: str, values: Any) -> tuple[float | None, ...]:
    try:
        if not any(isinstance(value, (str, bytes)) for value in values):
            return all_finite(values)
    except (TypeError, ValueError, OverflowError):  # one of them is told
        pass
    return tuple(_number(name, value) for value in values)


def _number(name: str, value: Any) -> float | None:
    """A measured number as a record holds it: None where it is not finite.

    Raises:
        TypeError: it is no real number.
    """
    try:
        if isinstance(value, (str, bytes)) or (hasattr(value, "imag") and value.imag):
            raise TypeError
        return finite(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name} is {value!r:.60}, which is no real number that a float holds") from None


def _record(run: Run, place: Place, finals: Finals, curves: Curves, *, outcome: str) -> Record:
    return Record(
        key=run.key,
        address=run.address,
        replicate=run.replicate,
        what=abbreviated(run.value),
        finals=finals,
        curves=curves,
        resolutions={},
        outcome=outcome,
        seconds=0.0,
        provenance=_provenance(place, isinstance(run.value, Experiment)),
    )


def _provenance(place: Place, with_torch: bool) -> dict[str, str]:
    import numpy

    versions = {"python": platform.python_version(), "numpy": numpy.__version__}
    if with_torch:
        import torch

        versions["torch"] = str(torch.__version__)  # a str subclass that msgspec refuses
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    session = {"session": place.session} if place.session else {}
    if called := gpu_kinds.computing_name(place.device):
        versions["gpu"] = called
    if core := pinning.core():
        versions["openblas"] = core
    return {"device": place.device, "commit": place.commit, "written": written, **session, **versions}
