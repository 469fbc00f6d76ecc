"""What tests of the benchmarks share: tiny workloads, a pool that is this process, and rows of a report."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.benchmarks import (
    gate,
    ours,
    speed_report,
)
from harness.benchmarks.feature_sweeps import Sweep
from harness.benchmarks.images import BenchmarkImages
from harness.benchmarks.load import Timing
from harness.benchmarks.rounds import Ratio
from harness.benchmarks.warm import Answer
from harness.benchmarks.workloads import WORKLOADS, Workload
from harness.evidence.measured import Measured
from harness.models import Mlp


def tiny(workload: Workload, **changes: Any) -> Workload:
    data = workload.data.but(n=24, n_test=8, shape=(workload.data.shape[0], 16, 16))
    optimizer = workload.optimizer.but(epochs=1, batch=8)
    small = {"data": data, "optimizer": optimizer, "replicates": 1, "levels": (0.0, 1.0), "baseline_cells": 0}
    return msgspec.structs.replace(workload, **{**small, **changes})


TINY = tiny(WORKLOADS[0], name="tiny", model=Mlp(4))
SWEEP = Sweep(data=BenchmarkImages(30, 10, (1, 4, 4)), widths=(4, 30, 60), sets=(1, 3), targets=((1, 7.5),))


class Here:
    """A pool whose processes are this one; each has its own lab, as in a process of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.labs: dict[str, Any] = {}
        self.environments: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        for lab in self.labs.values():
            lab.cache_clear()

    def of(self, name: str, environment: dict[str, str] | None = None) -> Any:
        self.labs.setdefault(name, functools.cache(ours.lab.__wrapped__))
        self.environments.setdefault(name, environment or {})
        return Process(self, name)


class Process:
    def __init__(self, pool: Here, name: str) -> None:
        self.pool, self.name = pool, name

    def call(self, function: Callable[..., Any], *arguments: Any) -> Answer:
        with self.pool.monkeypatch.context() as patch:
            patch.setattr(ours, "lab", self.pool.labs[self.name])
            for key, value in self.pool.environments[self.name].items():
                patch.setenv(key, value)
            return Answer(Timing(1.0, 1.0, 0.0), function(*arguments))


EPOCHS = [80.0, 95.0, 101.0, 88.0, 92.0, 85.0, 99.0, 90.0, 97.0, 93.0]


def fitted(epochs: list[float], censored: list[bool] | None = None) -> gate.Fitted:
    flags = np.array(censored or [False] * len(epochs))
    return gate.Fitted(Measured(np.array(epochs), 1.0, flags), "some")


def row(**changes: Any) -> speed_report.SpeedRow:
    known: dict[str, Any] = {
        "workload": "mlp", "title": "MLP", "precision": "float32", "kernel": "backprop", "engine": "chosen",
        "cells": 16, "parameters": 1_209_866, "seconds": 4.0, "cpu_seconds": 7.9, "tflops": 0.129,
        "images_per_second": 16384.0, "peak_share": 0.71, "unit_share": 0.6,
        "plain": Ratio(1.66, 1.61, 1.702, 5),
        "tuned": Ratio(0.97, 0.9, 1.04, 5), "sklearn": None, "cpu": Ratio(12.34, 11.0, 1234.5, 5),
        "notes": {"plain": "2 threads", "tuned float32": "1 thread"}, "target": 1.6, "met": True,
        "rounds": 5, "rejected": 2, "disturbed": False, "foreign": 0.03,
    }  # fmt: skip
    return speed_report.SpeedRow(**{**known, **changes})


MACHINE = speed_report.MeasuredOn(
    processor="A processor",
    family="family 6, model 7",
    vector_bits=512,
    cores=2,
    memory_gib=23.5,
    instructions="AVX512",
    accelerator="",
    versions={"python": "3.11.7", "torch": "2.15.0"},
)
VMAP = speed_report.Unused(
    workload="mlp", title="MLP", variant="vmap", note="E = 8", ratio=Ratio(0.5, 0.4, 0.6, 5)
)
LISTING = speed_report.Startup(
    what="python -m harness list", seconds=Ratio(0.9, 0.8, 1.0, 5), imported=(), target=1.5, met=True
)


def section(**changes: Any) -> speed_report.DeviceSection:
    known: dict[str, Any] = {
        "device": "cpu", "date": "2026-01-02T03:04:05Z", "commit": "0123456789abcdef+", "machine": MACHINE,
        "rounds": 5, "repeats": 5, "foreign_limit": 0.12, "formula": "6 m", "rows": (row(),), "gates": (),
        "peaks": (speed_report.MatmulPeak(precision="float32", tflops=0.162, units=0.215),),
        "unused": (VMAP,), "startup": (LISTING,), "left_out": ("MLP, compiled: no compiler",),
    }  # fmt: skip
    return speed_report.DeviceSection(**{**known, **changes})
