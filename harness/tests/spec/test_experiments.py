"""Draws: which purposes they set, that they never meet, where they end; and fields that came later."""

from __future__ import annotations

import pytest

from harness.spec import ANEW, Draws, Tiers, Value, abbreviated, addressed, canonical, values_in
from harness.spec.experiments import DRAWN_APART, DRAWN_FOR, DRAWS
from harness.spec.streams import PURPOSES, stream, stream_of
from harness.tests.simulated import SMALL

NUMBERS = {"data": 1, "weights": 2, "order": 3}


def test_each_purpose_of_a_training_is_of_one_draw() -> None:
    draws = Draws(**NUMBERS)
    for purpose, part in DRAWN_FOR.items():
        assert draws.replicate(purpose, 5) == 5 + NUMBERS[part] * DRAWN_APART
        assert Draws().replicate(purpose, 5) == 5
    assert set(PURPOSES) - set(DRAWN_FOR) == {"simulation", "solution"}  # which no training reads


@pytest.mark.parametrize(
    "purpose, part",
    [
        ("data", "data"),
        ("labels", "data"),
        ("initialization", "weights"),
        ("order", "order"),
        ("noise", "order"),
    ],
)
def test_a_stream_is_that_of_its_draw(purpose: str, part: str) -> None:
    draws = Draws(**NUMBERS)
    drawn = stream_of(draws, 4, purpose, 9).integers(2**62)
    assert drawn == stream(4 + NUMBERS[part] * DRAWN_APART, purpose, 9).integers(2**62)
    assert drawn != stream(4, purpose, 9).integers(2**62)
    assert stream_of(Draws(), 4, purpose).integers(2**62) == stream(4, purpose).integers(2**62)


def test_draws_of_all_that_is_read_are_apart() -> None:
    """Replicates of verdicts, of calibrations, fresh ones and those read anew, at every draw."""
    read = [*range(20), *range(1000, 1010), *range(3000, 3010), *range(ANEW, ANEW + 20)]
    numbers = {Draws(weights=draw).replicate("initialization", r) for draw in range(DRAWS) for r in read}
    assert len(numbers) == DRAWS * len(read)
    assert max(numbers) < 2**32  # random streams tell apart what is below


def test_draws_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Draws\(order=42\): must be between 0 and 41"):
        Draws(order=DRAWS)
    with pytest.raises(ValueError, match="must be between 0 and 41"):
        SMALL.but(draws__data=-1)
    with pytest.raises(ValueError, match="are of those below 100,000,000"):
        Draws(data=1).replicate("data", DRAWN_APART)
    assert Draws(data=1).replicate("order", DRAWN_APART) == DRAWN_APART


def test_draws_are_changed_like_other_fields() -> None:
    tiers = Tiers(quick=SMALL, standard=SMALL).but(draws__weights=2, standard__draws__order=1)
    assert tiers["quick"].draws == Draws(weights=2)
    assert tiers["standard"].draws == Draws(weights=2, order=1)
    assert SMALL.draws == Draws()


class Amended(Value, frozen=True):
    """A value with a field that came later, and one that is a value itself."""

    later = ("size", "inner")

    width: int = 3
    size: int = 1
    inner: Draws = Draws()


def test_a_field_that_came_later_counts_only_where_it_is_not_at_its_default() -> None:
    assert canonical(Amended()) == {"value": "Amended", "width": 3}
    assert values_in(Amended()) == [Amended()]
    assert addressed(Amended(size=2)) == ("width", "size")
    inner = Amended(inner=Draws(order=1))
    assert canonical(inner)["inner"] == {"value": "Draws", "data": 0, "weights": 0, "order": 1}
    assert values_in(inner) == [inner, Draws(order=1)]
    assert abbreviated(SMALL.but(draws__weights=2)).endswith("draws=Draws(weights=2))")
