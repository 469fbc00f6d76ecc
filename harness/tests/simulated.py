"""Simulations, probes and experiments that the tests of store, crew, lab and judge compute."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.data import Digits
from harness.fleet.optimizers import Sgd
from harness.lab.places import Place
from harness.lab.store import Record
from harness.models import Mlp
from harness.spec import Experiment, Simulation, Value

SMALL = Experiment(Digits(n=200), Mlp(16), Sgd(lr=0.05, epochs=3))


def at(folder: Path) -> Place:
    """A place of its own."""
    return Place(store=folder / "store", data_root=folder)


def record(key: str = "ab" * 32, **changes: Any) -> Record:
    """A record with a bit of everything."""
    fields: dict[str, Any] = {
        "key": key,
        "address": "cd" * 32,
        "replicate": 0,
        "what": "Experiment(...)",
        "finals": {"train_error": 0.25, "test_error": None},
        "curves": {"train_error": (0.5, None, 0.25)},
        "resolutions": {"train_error": 0.005},
        "epochs": 3,
        "outcome": "budget",
        "seconds": 1.5,
        "provenance": {"device": "cpu"},
    }
    return Record(**{**fields, **changes})


def drawn(generator: np.random.Generator, shift: float = 0.0, spread: float = 1.0) -> Mapping[str, Any]:
    """One normal number, and a short sequence and a table around it."""
    x = shift + spread * float(generator.standard_normal())
    return {"x": x, "path": [x, 2 * x, 3 * x], "table": np.full((2, 3), x)}


def noted(generator: np.random.Generator, file: str, pause: float = 0.0) -> Mapping[str, Any]:
    """A number, and a line in a file for every time it is computed."""
    with open(file, "a") as handle:
        handle.write(f"{os.getpid()}\n")
    time.sleep(pause)
    return {"x": float(generator.random())}


def deadly(generator: np.random.Generator, fuse: str) -> Mapping[str, Any]:
    """Kills its own process: the first time, if ``fuse`` is a file that remembers it; else every time."""
    if not fuse or not Path(fuse).exists():
        if fuse:
            Path(fuse).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"x": float(generator.random())}


def leaves(generator: np.random.Generator) -> Mapping[str, Any]:
    """Ends its own process, as a library may that gives up."""
    os._exit(7)


def raising(generator: np.random.Generator) -> Mapping[str, Any]:
    """Fails with a message of two lines."""
    raise OverflowError("the first line\nand a second one")


def not_finite(generator: np.random.Generator) -> Mapping[str, Any]:
    """Numbers that JSON does not have."""
    return {"x": math.nan, "path": [1.0, math.inf, math.nan]}


def named(function: Any, **params: Any) -> Simulation:
    """A simulation of one of these functions."""
    return Simulation(function, params)


class Norm(Value, frozen=True):
    """A probe: the norm of all weights, and each layer's."""

    order: int = 2

    def measure(self, model: Any, split: Any) -> Mapping[str, Any]:
        norms = [float(p.detach().norm(self.order)) for p in model.parameters()]
        return {"norm": math.hypot(*norms), "norms": norms, "examples": len(split.y_train)}


class BrokenProbe(Value, frozen=True):
    """A probe that cannot be computed."""

    def measure(self, model: Any, split: Any) -> Mapping[str, Any]:
        raise ZeroDivisionError("nothing to divide by")


class Scaled(Value, frozen=True):
    """A transform of weights: all of them times a factor."""

    factor: float

    def apply(self, weights: Any, generator: np.random.Generator) -> Any:
        return {name: array * np.float32(self.factor) for name, array in weights.items()}


def lines(file: Path) -> list[str]:
    """What runs noted in a file, a line each; nothing if none did."""
    return file.read_text().splitlines() if file.exists() else []
