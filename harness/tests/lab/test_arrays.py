"""Arrays come back from a file whole, and in the order in which they lie there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from harness.lab.arrays import loaded, saved

NAMES = [f"{layer}.{part}" for layer in range(12) for part in ("bias", "weight")]


def test_arrays_come_back_in_the_order_of_the_file_each_time(tmp_path: Path) -> None:
    """A transform draws for one array after the other: in another order it would draw other numbers."""
    weights = {name: np.full((2, 3), i, np.float32) for i, name in enumerate(NAMES)}
    counts = {"1.batches": np.zeros((), np.int64)}
    digest = saved(tmp_path / "weights.safetensors", {**weights, **counts})
    stored = list(load_file(tmp_path / "weights.safetensors"))
    for _ in range(5):
        again = loaded(tmp_path / "weights.safetensors", digest)
        assert again is not None
        assert list(again) == stored
        assert all((again[name] == array).all() for name, array in weights.items())


def test_other_bytes_are_no_arrays(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    digest = saved(file, {"a": np.zeros(3)})
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert loaded(file, digest) is None
    assert loaded(tmp_path / "missing", digest) is None
