"""The words for what is counted: by whom it is said, on how many sets of runs, and what was changed on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.report import wording
from harness.spec.said import Saying, Unprinted
from harness.spec.verdict import Verdict

KINDS = {
    Saying.STATEMENT: "The sources' own statements",
    Saying.PRINTED: "numbers they print",
    Saying.RETOLD: "as often retold",
    Saying.COUNTER: "counter-claims of our own",
}
"""What is counted apart, in the words of every table and summary."""
HEADINGS = {
    Saying.STATEMENT: "What the sources say",
    Saying.PRINTED: "Numbers that the sources print",
    Saying.RETOLD: "As often retold, though the source does not say it",
    Saying.COUNTER: "Counter-claims of our own, which no source makes",
}
"""The heading of each kind's table."""
SAME = "same evidence"
"""The heading of the column of items that are counted with another, whose runs and checks they share."""
APART = {
    Saying.STATEMENT: "",
    Saying.PRINTED: "a number that the source prints",
    Saying.RETOLD: "as often retold; the source does not say it",
    Saying.COUNTER: "our own counter-claim",
}
"""Who says a claim, beside it; nothing where the source does."""
UNPRINTED = {
    Unprinted.THEOREM: "no number: a theorem",
    Unprinted.FIGURE: "no number: a figure",
    Unprinted.WORDS: "no number: words",
    Unprinted.UNCONFIRMED: "number unconfirmed",
}
"""Why no number of the source stands beside a claim, after the place in the source."""


def tallies(counted: Mapping[Saying, Mapping[Verdict, int]]) -> str:
    """How what was counted came out, by kind; without the kind's name where there are statements alone."""
    if set(counted) <= {Saying.STATEMENT}:
        return wording.tally(counted.get(Saying.STATEMENT, {}))
    return "; ".join(f"{KINDS[kind]}: {wording.tally(counts)}" for kind, counts in counted.items())


def shared(claims: int, pieces: int, sets: int) -> str:
    """Say in a sentence on how many sets of runs the items rest, and how many are counted together."""
    many = f"{claims:,} claim{'s' * (claims != 1)}"
    on = f"{many} on {sets:,} set{'s' * (sets != 1)} of runs" if sets else f"{many}, without runs"
    again = claims - pieces
    if not again:
        return f"{on}: no two make the same check of the same runs."
    them = f"{again} claims make" if again > 1 else "one claim makes"
    return f"{on}; {them} only checks that another makes of the same runs: counted once, with that one."


def others(count: int) -> str:
    """That other items read the very same runs."""
    return f"{count} other claim{'s' * (count > 1)} read{'s' * (count == 1)} the same runs"


def ledger(counts: Iterable[tuple[str, int]], changed: int, of: int) -> str:
    """How many statements were changed after a verdict on them had been seen, and in what."""
    if not changed:
        return f"No ledger says that any of {of} claims was changed after a verdict on it had been seen."
    what = ", ".join(f"{name} {count}" for name, count in counts)
    return f"{changed} of {of} claims were changed after a verdict on them had been seen: {what}."
