"""What holds for every data set: numbers refused, shapes known without files, canonical forms."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from harness.data import (
    Cifar10,
    Cifar100,
    Digits,
    GeneratedImages,
    Mnist,
    RandomLabels,
    ShuffledPixels,
)
from harness.spec import canonical


@pytest.mark.parametrize(
    "kind, fields",
    [
        (Digits, {"n": 0}),
        (Digits, {"n": 1797}),
        (GeneratedImages, {"difficulty": 1.5}),
        (GeneratedImages, {"size": 4}),
        (Cifar10, {"n": 50_001}),
        (Cifar10, {"n_test": 0}),
        (Cifar10, {"crop": 33}),
        (Mnist, {"crop": 29}),
    ],
)
def test_impossible_numbers_are_refused(kind: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        kind(**fields)


def test_shapes_and_sizes_are_known_without_files() -> None:
    assert (Cifar10().shape, Cifar10().train_size, Cifar10().test_size) == ((3, 28, 28), 50_000, 10_000)
    assert (Cifar10(crop=None).shape, Cifar100().classes) == ((3, 32, 32), 100)
    assert (Mnist(n=100).shape, Mnist(n=100).train_size) == ((1, 28, 28), 100)
    assert GeneratedImages(size=16).shape == (3, 16, 16)


def test_values_have_a_canonical_form_with_their_corruptions() -> None:
    plain = canonical(Cifar10(labels=RandomLabels(0.5), inputs=ShuffledPixels()))
    assert plain["labels"] == {"value": "RandomLabels", "fraction": 0.5}
    assert canonical(Cifar10()) != canonical(Cifar100())


def test_importing_the_vocabulary_needs_neither_numpy_nor_torch() -> None:
    code = "import sys, harness.data; sys.exit(bool({'numpy', 'torch', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
