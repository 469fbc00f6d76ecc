"""What is kept of a judgement is read back as it was, or not at all."""

from __future__ import annotations

import math

import msgspec
import pytest

from harness.evidence.schema import Series
from harness.judging.kept_judgements import KeptJudgements, KeptRehearsals
from harness.judging.ladder import Item, Judgement, judged
from harness.lab.lab import Lab
from harness.lab.store import Record
from harness.lab.unsynced import MOST_BYTES
from harness.spec import Anew
from harness.spec.watched import EVERYTHING, NOTHING
from harness.tests.items import ABOVE, NEGATIVE, item, looking
from harness.tests.simulated import drawn, named

NAME = "a" * 64


def opened(lab: Lab) -> Lab:
    """Another session's lab on the same store."""
    return Lab(lab.place)


@pytest.fixture
def question() -> Item:
    """Climbs, as it stays unclear; its control reads another draw."""
    body, _ = looking()
    return item(body, NEGATIVE, tier="standard", x=named(drawn, shift=1.2, spread=-1.0))


def test_a_judgement_is_read_by_a_session_that_has_read_nothing(lab: Lab, question: Item) -> None:
    judgement = judged(question, lab)
    KeptJudgements(lab).keep(NAME, question, judgement)
    later = opened(lab)
    kept = KeptJudgements(later)
    assert kept.read("b" * 64) is None
    assert kept.reused == set()
    assert kept.read(NAME) == judgement
    assert kept.reused == {NAME}
    assert later.read == lab.read
    assert KeptJudgements(later, fresh=True).read(NAME) is None


def test_a_judgement_is_not_read_without_each_of_its_records(lab: Lab, question: Item) -> None:
    KeptJudgements(lab).keep(NAME, question, judged(question, lab))
    assert len(lab.read) == 40  # of twenty replicates of the claim's world and of the control's
    for key in lab.read:
        assert lab.store.set_aside(key)
        assert KeptJudgements(opened(lab)).read(NAME) is None
        lab.store.publish(msgspec.structs.replace(_plain(lab, key), seconds=3.0))
        assert KeptJudgements(opened(lab)).read(NAME) is None
        lab.store.publish(_plain(lab, key))
        assert KeptJudgements(opened(lab)).read(NAME) is not None


def _plain(lab: Lab, key: str) -> Record:
    """A record that was read, as it can be written."""
    record = lab.read[key]
    held = ("finals", "curves", "shapes", "resolutions")
    return msgspec.structs.replace(record, **{name: dict(getattr(record, name)) for name in held})


def test_a_record_that_a_session_trains_again_is_another(lab: Lab, question: Item) -> None:
    """A body may ask for a curve that was not recorded: then its run is trained again meanwhile."""
    kept = KeptJudgements(lab)
    kept.keep(NAME, question, judged(question, lab))
    assert kept.read(NAME) is not None
    key = next(iter(lab.read))
    lab.read[key] = msgspec.structs.replace(lab.read[key], seconds=3.0)
    assert kept.read(NAME) is None


def test_what_is_read_anew_counts_among_the_records(lab: Lab) -> None:
    body, _ = looking()
    question = item(body, NEGATIVE, x=Anew(ABOVE))
    KeptJudgements(lab).keep(NAME, question, judged(question, lab))
    assert KeptJudgements(opened(lab)).read(NAME) is not None
    (first, *_) = (key for key in lab.read if lab.read[key].replicate > 1000)
    assert lab.store.set_aside(first)
    assert KeptJudgements(opened(lab)).read(NAME) is None


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_would_be_read_as_another_is_not_kept(lab: Lab, number: float) -> None:
    body, _ = looking()
    question = item(body, NEGATIVE, x=ABOVE)
    judgement = judged(question, lab)
    odd = msgspec.structs.replace(judgement.checks[0], spread=number)
    KeptJudgements(lab).keep(NAME, question, msgspec.structs.replace(judgement, checks=(odd,)))
    assert KeptJudgements(lab).read(NAME) is None


def test_what_is_too_large_to_be_read_is_not_kept(lab: Lab) -> None:
    body, _ = looking()
    question = item(body, NEGATIVE, x=ABOVE)
    large = Series(figure="f", series="s" * MOST_BYTES, x=(1.0,), y=((1.0,),))
    kept: Judgement = msgspec.structs.replace(judged(question, lab), figures=(large,))
    KeptJudgements(lab).keep(NAME, question, kept)
    assert not list((lab.store.root / "judgements").iterdir())


def test_a_rehearsal_is_read_as_it_was_heard(lab: Lab) -> None:
    heard = {("quick", 0, "x"): EVERYTHING, ("standard", 2, "y"): NOTHING}
    rehearsals = KeptRehearsals(lab)
    rehearsals.keep(NAME, heard)
    rehearsals.keep("b" * 64, {})
    assert rehearsals.read(NAME) == heard
    assert rehearsals.read("b" * 64) == {}
    assert rehearsals.read("c" * 64) is None
    assert KeptRehearsals(lab, fresh=True).read(NAME) is None
