"""Who says what a claim states, and the ledger: what a declaration may not say is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from harness import Change, Paper, claim
from harness.spec.claim import Claim
from harness.spec.said import Saying, Unprinted, why_unprinted

RIVER = Paper(key="RIVER2017", authors="R", title="T", venue="V", year=2017, url="")
OURS = Paper(key="OVERCLAIM", authors="we", title="T", venue="V", year=2026, url="")


def declared(paper: Paper = RIVER, **fields: Any) -> Claim:
    """A claim with some fields, of a source that prints no number unless they say otherwise."""
    if fields.get("kind", "statement") not in ("retold", "counter"):
        fields.setdefault("reported", "words")
    marked: Any = claim(paper, "Section 1", says="it is so", adapted={"quick": "none"}, **fields)(lambda: 0)
    made: Claim = marked.claim
    return made


def test_a_claim_is_a_statement_of_its_source_unless_it_says_otherwise() -> None:
    assert declared().kind is Saying.STATEMENT
    assert declared(kind="retold").kind is Saying.RETOLD
    assert declared(OURS, kind="counter").kind is Saying.COUNTER
    assert declared(kind="printed", reported={"accuracy": 0.5}).but(where="Table 2").kind is Saying.PRINTED
    assert [kind.is_source for kind in Saying] == [True, True, False, False]


@pytest.mark.parametrize(
    "paper, fields, told",
    [
        (RIVER, {"kind": "rumour"}, "kind='rumour': one of statement, printed, retold, counter"),
        (RIVER, {"kind": None}, "kind=None: one of"),
        (RIVER, {"kind": "counter"}, "goes with OVERCLAIM, not with RIVER2017"),
        (OURS, {}, "OVERCLAIM is no source: its claims are kind='counter', not 'statement'"),
        (OURS, {"kind": "retold"}, "not 'retold'"),
        (RIVER, {"kind": "printed"}, r"needs the printed number\(s\) in reported="),
        (RIVER, {"kind": "printed", "reported": {"optimizer": "SGD"}}, "needs the printed number"),
        (RIVER, {"reported": None}, "a statement says what its source prints: reported={name: number}; or"),
        (RIVER, {"reported": {}}, "a statement says what its source prints"),
        (
            RIVER,
            {"reported": "nothing"},
            "reported='nothing': numbers by name, or one of theorem, figure, wo",
        ),
        (RIVER, {"kind": "retold", "reported": "words"}, "said of a source, and kind='retold' has none"),
        (OURS, {"kind": "counter", "reported": "unconfirmed"}, "and kind='counter' has none"),
        (RIVER, {"changed": Change("window", "It was wider.")}, "a tuple is needed"),
        (RIVER, {"changed": ("It was wider.",)}, "a tuple is needed"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    paper: Paper, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=told) as caught:
        declared(paper, **fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", list(Unprinted))
def test_a_statement_says_why_no_number_stands_beside_it(word: Unprinted) -> None:
    silent = declared(reported=word.value)
    assert (silent.reported, silent.unprinted) == ({}, word)
    assert silent.but(where="Section 2").unprinted is word
    told = silent.but(reported={"accuracy": 0.5})
    assert (told.reported, told.unprinted) == ({"accuracy": 0.5}, None)


def test_the_ledger_is_kept_in_the_order_it_was_written() -> None:
    ledger = (Change("window", "It was wider, and inconclusive."), Change("tier", "Standard had refuted it."))
    assert declared(changed=ledger).changed == ledger
    assert declared(changed=list(ledger)).but(where="Section 2").changed == ledger


@pytest.mark.parametrize(
    "what, says, told",
    [
        ("margin", "It was smaller.", "one of setting, window"),
        ("window", "  ", "which verdict was seen"),
        ("window", 3, "a sentence is needed"),
    ],
)
def test_an_entry_of_the_ledger_names_what_may_be_changed_and_tells_it(
    what: str, says: Any, told: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        Change(what, says)


def test_a_printed_number_is_judged_by_matches_against_itself() -> None:
    assert why_unprinted("matches", (0.512 - 0.03, 0.512 + 0.03), (0.544, 0.512)) == ""
    assert why_unprinted("matches", (0.482, 0.542), (51.2,)).endswith("against no number of reported= (51.2)")
    assert "matches(...) alone, not by above(...)" in why_unprinted("above", (0.5, None), (0.5,))
