"""What a claim declares: its statement, its worlds and what they stand for at a tier."""

from __future__ import annotations

import sys
import warnings
from typing import Any, NamedTuple

import pytest

from harness import Anew, Paper, Simulation, Tiers, claim, control, trained
from harness.spec.claim import JUDGE, Claim, resolved
from harness.spec.verdict import Expected, Verdict
from harness.tests.simulated import drawn

PAPER = Paper(key="X2020", authors="A", title="T", venue="V", year=2020, url="https://x.org")


def declared(says: str = "") -> Claim:
    """The claim of a test with a docstring over two lines."""

    @claim(PAPER, "Section 1", reported="words", adapted={"quick": "none"}, says=says)
    def test_it() -> None:
        """Random labels are fitted
        without error."""

    return test_it.claim  # type: ignore[attr-defined]


def test_the_docstring_is_the_statement_on_one_line() -> None:
    assert declared().says == "Random labels are fitted without error."
    assert declared("put together").says == "put together"


def test_a_claim_without_a_statement_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="test_it needs a docstring that states the claim"):

        @claim(PAPER, "Section 1", reported="words", adapted={"quick": "none"})
        def test_it() -> None:
            pass


def test_a_number_of_replicates_may_be_fixed_for_every_tier_or_for_some() -> None:
    def fixed(replicates: int | dict[str, int] | None) -> list[int | None]:
        made = declared().but(replicates=replicates)
        return [made.replicates_at(tier) for tier in ("quick", "standard")]

    assert fixed(None) == [None, None]
    assert fixed(7) == [7, 7]
    assert fixed({"quick": 20}) == [20, None]
    for wrong, why in (
        ({"tiny": 5}, "unknown tier"),
        (0, "from 1 to 100"),
        ({"quick": -1}, "from 1 to 100"),
        (True, "from 1 to 100"),
        (10**9, "from 1 to 100"),
    ):
        with pytest.raises(ValueError, match=why):
            fixed(wrong)


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


HELD = Simulation(drawn)


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
        (Anew(Tiers(quick=HELD, full=2)), Anew(HELD)),
        (lambda tier: Anew(Tiers(quick=HELD)), Anew(HELD)),
        (Anew([HELD, HELD]), [Anew(HELD), Anew(HELD)]),
        ([Anew(Tiers(quick=HELD)), 2], [Anew(HELD), 2]),
        (Anew({16: HELD}), {16: Anew(HELD)}),
    ],
)
def test_what_a_world_stands_for_at_a_tier(value: object, expected: object) -> None:
    reached = resolved(value, {}, "quick")
    assert reached == expected
    assert type(reached) is type(expected)


def test_only_what_is_computed_can_be_read_anew() -> None:
    with pytest.raises(TypeError, match=r"Anew\(3\): only what is computed can be read anew"):
        resolved(Anew(3), {}, "quick")
    with pytest.raises(TypeError, match="once is enough"):
        Anew(Anew(HELD))


@pytest.mark.parametrize(
    "written, expected",
    [
        ("refuted", Expected.REFUTED),
        (Verdict.INCONCLUSIVE, Expected.INCONCLUSIVE),
        ("inconclusive or reproduced", Expected.PERHAPS_REPRODUCED),
        ("reproduced or inconclusive", Expected.PERHAPS_REPRODUCED),
        ("inconclusive or refuted or inconclusive", Expected.PERHAPS_REFUTED),
        ("refuted or refuted", Expected.REFUTED),
        (Expected.PERHAPS_REFUTED, Expected.PERHAPS_REFUTED),
    ],
)
def test_two_verdicts_may_be_expected_in_any_order(written: str, expected: Expected) -> None:
    declaring = declared().but(expected={"quick": (written, "chance decides")})
    assert declaring.expects("quick") == (expected, "chance decides")
    assert declaring.but(where="Section 2").expected == declaring.expected
    assert {v for v in Verdict if expected.allows(v)} == set(expected.value.split(" or "))
    assert expected.is_set is (" or " in expected)


@pytest.mark.parametrize(
    "pair, why",
    [
        (
            ("reproduced or refuted", "either"),
            "at tier 'quick': 'reproduced or refuted' .*opposite.* nothing",
        ),
        (("refuted or inconclusive or reproduced", "any"), "opposite verdicts says nothing"),
        (("not run", "no data"), "'not run' cannot be expected: one of reproduced, refuted, inconclusive"),
        (("error or reproduced", "it breaks"), "'error or reproduced' cannot be expected: one of"),
        (("inconclusive, reproduced", "either"), "cannot be expected: one of .*, reproduced or inconclusive"),
        (("", "nothing"), "'' cannot be expected"),
        (("inconclusive or reproduced", ""), "needs a reason"),
        ((("inconclusive", "reproduced"), "either"), "a verdict is a word, or two joined by 'or'"),
        ("inconclusive or reproduced", "a verdict and a reason are needed"),
    ],
)
def test_what_cannot_be_expected_is_refused_in_one_line(pair: object, why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why) as refused:
        declared().but(expected={"quick": pair})
    assert "\n" not in str(refused.value)


def test_claims_that_nothing_judges_are_told_when_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They would only be deselected; by whom they are judged is loaded here, so nothing is said before."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declared()
    monkeypatch.delitem(sys.modules, JUDGE)
    with pytest.warns(UserWarning, match=r"= \['harness.suite.plugin'\] is missing in the conftest") as seen:
        declared()
    assert [warning.filename for warning in seen] == [__file__]
    monkeypatch.delenv("PYTEST_VERSION")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declared()


def test_a_function_is_one_claim_and_says_once_what_it_reads() -> None:
    """The other one would be lost."""

    def test_it(x: int) -> None:
        """Something is."""

    marked = claim(PAPER, "S", adapted={"quick": "none"}, reported="words")(trained(x=1)(test_it))
    with pytest.raises(TypeError, match="test_it is a claim already"):
        claim(PAPER, "S2", adapted={"quick": "none"}, reported="words")(marked)
    with pytest.raises(TypeError, match="test_it has @trained already"):
        trained(y=2)(marked)


@pytest.mark.parametrize(
    "declared, why",
    [
        ({"adapted": {"quick": " "}}, "blank for tier 'quick'"),
        ({"expected": {"full": ("refuted", "why")}}, "tier 'full' is not in adapted="),
        ({"replicates": {"standard": 5}}, "tier 'standard' is not in adapted="),
        ({"expected": {"quick": ("refuted", " ")}}, "needs a reason"),
    ],
)
def test_what_says_nothing_or_has_no_effect_is_refused(declared: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        claim(PAPER, "S", **{"adapted": {"quick": "none"}, "reported": "words", **declared})


@pytest.mark.parametrize("reasons", [{"says": ""}, {"says": "noise", "trivial": " "}])
def test_a_control_says_in_words_what_is_different(reasons: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="@control"):
        control(**reasons, x=1)(lambda x: None)
