"""What a claim declares: its statement, its worlds and what they stand for at a tier."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from harness import Paper, Tiers, claim, trained
from harness.spec.claim import Claim, resolved

PAPER = Paper(key="X2020", authors="A", title="T", venue="V", year=2020, url="https://x.org")


def declared(says: str = "") -> Claim:
    """The claim of a test with a docstring over two lines."""

    @claim(PAPER, "Section 1", adapted={"quick": "none"}, says=says)
    def test_it() -> None:
        """Random labels are fitted
        without error."""

    return test_it.claim  # type: ignore[attr-defined]


def test_the_docstring_is_the_statement_on_one_line() -> None:
    assert declared().says == "Random labels are fitted without error."
    assert declared("put together").says == "put together"


def test_a_claim_without_a_statement_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="test_it needs a docstring that states the claim"):

        @claim(PAPER, "Section 1", adapted={"quick": "none"})
        def test_it() -> None:
            pass


def test_worlds_are_no_fixtures_and_stay_parameters_of_the_body() -> None:
    @trained(wide=1, narrow=2)
    def test_it(wide: int, narrow: int, width: int) -> tuple[int, int, int]:
        return wide, narrow, width

    assert list(test_it.__signature__.parameters) == ["width"]  # type: ignore[attr-defined]
    assert test_it(wide=1, narrow=2, width=3) == (1, 2, 3)


class Size(NamedTuple):
    """A plain value of two numbers."""

    height: int
    breadth: int


@pytest.mark.parametrize(
    "value, expected",
    [
        (3, 3),
        (Tiers(quick=1, full=2), 1),
        (lambda tier: tier * 2, "quickquick"),
        ([Tiers(quick=1), 2], [1, 2]),
        ((Tiers(quick=1), 2), (1, 2)),
        ({16: Tiers(quick=1), 32: 2}, {16: 1, 32: 2}),
        (Size(3, 4), Size(3, 4)),
    ],
)
def test_what_a_world_stands_for_at_a_tier(value: object, expected: object) -> None:
    reached = resolved(value, {}, "quick")
    assert reached == expected
    assert type(reached) is type(expected)
