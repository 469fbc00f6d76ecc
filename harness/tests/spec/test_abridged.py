"""Lists of parents in words: of many the first and the last are named, and how many there are."""

from __future__ import annotations

import pytest

from harness.data import Digits
from harness.models import Mlp
from harness.spec import Experiment, From, abbreviated
from harness.spec.abridged import abridged
from harness.tests.simulated import SMALL


@pytest.mark.parametrize(
    ("what", "short"),
    [
        ("Experiment(Digits(), Mlp())", "Experiment(Digits(), Mlp())"),
        ("A(start=(From(B), From(C)), stop=D())", "A(start=(From(B), From(C)), stop=D())"),
        (
            "A(start=(From(B(1, 2)), From(C), From(D), From(E, transform=F())), stop=D())",
            "A(start=(From(B(1, 2)), … 2 more …, From(E, transform=F())), stop=D())",
        ),
        (
            "A(start=(From(B, start=(1, 2, 3, 4)), From(C)))",
            "A(start=(From(B, start=(1, … 2 more …, 4)), From(C)))",
        ),
        ("A(start=(never closed", "A(start=(never closed"),
    ],
)  # fmt: skip
def test_only_long_lists_are_abridged(what: str, short: str) -> None:
    assert abridged(what) == short


def test_an_experiment_of_many_parents_is_a_line() -> None:
    parents = [SMALL.but(model=Mlp(width)) for width in range(2, 40)]
    whole = SMALL.but(start=tuple(map(From, parents)))
    assert isinstance(whole, Experiment)
    assert isinstance(whole.data, Digits)
    said = abridged(abbreviated(whole))
    assert "… 36 more …" in said
    assert "Mlp(width=2)" in said
    assert "Mlp(width=39)" in said
    assert len(said) < 500 < len(abbreviated(whole))
