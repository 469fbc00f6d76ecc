"""The student's networks have the counts of their names, and misnamed ones have not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.models import StudentCnn

WHOLE = (3, 32, 32)


STUDENTS = {  # name and true count: (second, hidden1, hidden2), recomputed from the report's tables
    3_305: (5, 15, 10), 5_695: (5, 30, 20), 10_608: (8, 40, 20), 13_093: (8, 50, 25), 15_895: (10, 50, 25),
    23_299: (9, 80, 40), 27_150: (10, 80, 60), 30_397: (10, 92, 55), 33_370: (10, 100, 60),
    36_480: (10, 110, 60), 39_590: (10, 120, 60), 42_052: (12, 110, 58), 45_892: (12, 120, 60),
    54_694: (14, 120, 80), 62_716: (16, 128, 64), 75_426: (16, 150, 80),
}  # fmt: skip


MISNAMED = {3_305: (5, 23, 8), 10_608: (6, 40, 20), 15_895: (8, 50, 25), 16_819: (9, 80, 40)}


def built(model: Any, shape: tuple[int, ...], classes: int, seed: int = 0) -> Any:
    return model.build(shape, classes, np.random.default_rng(seed))


def torch_count(net: Any) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("name, widths", STUDENTS.items())
def test_student_networks_have_the_count_of_their_name(name: int, widths: tuple[int, int, int]) -> None:
    model = StudentCnn(*widths)
    assert model.size(WHOLE, 4) == name == torch_count(built(model, WHOLE, 4))


@pytest.mark.parametrize("name, widths", MISNAMED.items())
def test_misnamed_rows_of_the_student_report_do_not(name: int, widths: tuple[int, int, int]) -> None:
    assert StudentCnn(*widths).size(WHOLE, 4) != name
