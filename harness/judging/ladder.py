"""One item judged: the claim's body in the claim's world and in its controls', up the ladder of rungs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from harness.evidence.contrasts import Failing, contrasts, discriminates, failing
from harness.evidence.kinds import Relation, Replicated
from harness.evidence.measured import WrongUse
from harness.evidence.outcome import ControlOutcome, Evidence, uncovered, with_controls
from harness.evidence.recurrence import World, chance_again
from harness.evidence.schema import RunRead, Series
from harness.evidence.statistics import (
    CONTROL_LEVEL,
    CONTROL_RUNGS,
    judge_all,
    past_reproducing,
    rungs,
)
from harness.judging import near_misses
from harness.judging.check import Check
from harness.judging.unshared import unshared
from harness.lab.carrying import proof_of
from harness.spec import Anew, Experiment, Probing, Simulation, Solved, abbreviated
from harness.spec.abridged import abridged
from harness.spec.claim import Claim, Control, resolved
from harness.spec.verdict import Verdict

if TYPE_CHECKING:
    from harness.lab.lab import Lab
    from harness.lab.results import Results

RUNNABLE = (Anew, Experiment, Solved, Simulation, Probing)


def runnables(value: Any) -> list[Any]:
    """What has to be computed for a world's value: itself, or the members of a sweep (mapping or list)."""
    if isinstance(value, RUNNABLE):
        return [value]
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return [v for v in value if isinstance(v, RUNNABLE)] if isinstance(value, (list, tuple)) else []


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to judge.

    Attributes:
        claim, trained, controls: as declared on the function.
        params: the item's parameters without the tier.
        call: runs the body: ``call(check, worlds)``.
        examples: counts hypothesis's examples so far; None for a claim without hypothesis.
        met: worlds that were asked for, by their control's identity: what is named once by content has its
            name as long as it is the same object.
    """

    claim: Claim
    trained: Mapping[str, Any]
    controls: tuple[Control, ...]
    params: Mapping[str, Any]
    tier: str
    call: Callable[[Check, Mapping[str, Any]], None]
    examples: Callable[[], int] | None = None
    met: dict[int, dict[str, Any]] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "met", {})  # of an item made of another, its own

    def world(self, control: Control | None = None) -> dict[str, Any]:
        """The values the body reads, for the claim or for one of its controls: the same ones every time."""
        if id(control) not in self.met:
            self.met[id(control)] = self._resolved(control)
        return dict(self.met[id(control)])

    def _resolved(self, control: Control | None) -> dict[str, Any]:
        changed = control.worlds if control else {}
        unknown = sorted(set(changed) - set(self.trained))
        if unknown:  # a slip of the pen would make the control's world the claim's own
            raise LookupError(f"@control names {', '.join(unknown)}, which @trained does not")
        declared = {**self.trained, **changed}
        return {name: resolved(value, self.params, self.tier) for name, value in declared.items()}

    def worlds(self) -> Iterator[dict[str, Any]]:
        """The claim's world, then each control's."""
        yield self.world()
        for control in self.controls:
            yield self.world(control)

    def rungs(self) -> tuple[tuple[int, float], ...]:
        """(replicates, level) of each look."""
        return rungs(self.tier, self.claim.replicates_at(self.tier))

    def control_rungs(self) -> tuple[int, ...]:
        """Replicates of each look at a control."""
        fixed = self.claim.replicates_at(self.tier)
        return CONTROL_RUNGS if fixed is None else (fixed,)

    def computed(self) -> list[Any]:
        """Everything that has to be computed for its worlds, in their order."""
        return _computed(self.worlds())

    def needs(self) -> list[tuple[Any, int]]:
        """(value, replicates) of everything its first look reads."""
        first = self.rungs()[0][0]
        return [(value, first) for value in self.computed()]


def _computed(worlds: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [v for world in worlds for value in world.values() for v in runnables(value)]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """How an item came out; ``chance``: of the same on fresh replicates, None where nothing is chance."""

    verdict: Verdict
    reason: str
    checks: tuple[Evidence, ...]
    controls: tuple[ControlOutcome, ...]
    figures: tuple[Series, ...]
    runs: tuple[RunRead, ...]
    control_runs: tuple[RunRead, ...] = ()
    chance: float | None = None


class _Heard:
    """One world's body, run at one number of replicates."""

    def __init__(self, item: Item, control: Control | None, replicates: int, lab: Lab) -> None:
        self.check = Check()
        self.replicates = replicates
        self.exact: tuple[Evidence, ...] = ()
        world = item.world(control)
        lab.ensure(
            run for value in world.values() for v in runnables(value) for run in lab.runs(v, replicates)
        )
        self.results: list[Results] = []
        read = {name: self._read(name, value, replicates, lab) for name, value in world.items()}
        before = item.examples() if item.examples else 0
        try:
            item.call(self.check, read)
        except (AssertionError, ExceptionGroup) as error:
            if item.examples is None or not is_counterexample(error):
                raise  # outside hypothesis a bare assert is a mistake in the claim, not evidence
            self.exact = (_exact(item.examples() - before, told(error)),)
        else:
            if item.examples is not None:
                self.exact = (_exact(item.examples() - before, ""),)
        if not self.check.relations and not self.exact:
            raise ValueError("the claim made no check: call check(...) in its body")
        if self.results and (wrong := unpaired(self.check.relations, replicates)):
            raise WrongUse(wrong)

    def _read(self, name: str, value: Any, replicates: int, lab: Lab) -> Any:
        """Results for what was computed, a mapping or list of them for a sweep; other values as they are."""
        if isinstance(value, RUNNABLE):
            self.results.append(lab.results(name, value, replicates))
            return self.results[-1]
        if runnables(value) and isinstance(value, Mapping):
            return {key: self._read(f"{name} {key}", v, replicates, lab) for key, v in value.items()}
        if runnables(value):
            return [self._read(f"{name} {i}", v, replicates, lab) for i, v in enumerate(value)]
        return unshared(value)

    def judged(self, level: float, spent: float = 0.0) -> tuple[Verdict, tuple[Evidence, ...]]:
        """The verdict of its checks at a look's level, and the evidence: of relations, then exact."""
        verdict, checks = judge_all(self.check.relations, level, spent)
        verdicts = {e.verdict for e in self.exact} | ({verdict} if checks else set())
        for worst in (Verdict.REFUTED, Verdict.INCONCLUSIVE):
            if worst in verdicts:
                return worst, (*checks, *self.exact)
        return Verdict.REPRODUCED, (*checks, *self.exact)

    def failing_exactly(self, control: _Heard) -> tuple[Failing, ...]:
        """The claim's exact evidence, if there is a counterexample in the control's world."""
        if self.exact and any(e.verdict is Verdict.REFUTED for e in control.exact):
            return (Failing(len(self.check.relations), None),)
        return ()

    def seen(self, positive: bool = False) -> World:
        """What was checked, for the chance that it comes out so again."""
        return World(self.check.relations, [e.verdict for e in self.exact], positive)

    @property
    def runs(self) -> tuple[RunRead, ...]:
        """Every run that was read, in the order of ``@trained`` and its replicates."""
        return tuple(run for results in self.results for run in _runs(results))

    @property
    def proof(self) -> bool:
        """Does a refutation rest on a counterexample or an identity rather than on statistics?"""
        exact = (*self.exact, *(e for e in judge_all(self.check.relations, CONTROL_LEVEL)[1] if e.level == 0))
        return any(e.verdict is Verdict.REFUTED for e in exact)


def unpaired(relations: Iterable[Relation], replicates: int) -> str:
    """Why a check counts something else than replicates, in one line; "" if none does.

    Images of one run, or one run repeated, are no independent repetitions: any interval would shrink to
    nothing with their number.
    """
    for relation in relations:
        if isinstance(relation, Replicated) and len(relation.x) != replicates:
            return (
                f"{relation.x.name} has {len(relation.x)} numbers for {replicates} replicates, which are the "
                "unit of statistics: bring those of a replicate to one number, their mean say"
            )
    return ""


Readable = Callable[[Iterable[Any], int], bool]
"""Whether values can be read at a number of replicates: always, but from a file of shipped records."""


def judged(item: Item, lab: Lab, readable: Readable = lambda values, replicates: True) -> Judgement:
    """Climb the rungs until the claim's own checks decide; then the controls, which climb on from there.

    Args:
        item: what there is to judge.
        lab: computes what it reads.
        readable: which of the looks can be taken; the first always is.

    Raises:
        Exception: whatever the body raises, apart from a counterexample found by hypothesis.
    """
    spent = 0.0
    for replicates, level in item.rungs():
        if spent and not readable(item.computed(), replicates):
            break
        claim = _Heard(item, None, replicates, lab)
        reached, checks = claim.judged(level, spent)
        spent += level
        if reached is not Verdict.INCONCLUSIVE or not claim.results:
            break
        if past_reproducing(claim.check.relations):
            break
    last, seen = _with_controls(item, claim, checks, reached, lab, readable)
    controls = tuple(look.outcome for look in seen)
    runs = claim.runs
    read = set(runs)
    further = [run for run in last.runs if run not in read]  # read for contrasts alone
    verdict, reason = with_controls(reached, checks, controls, proof=claim.proof)
    if not reason:
        reason = "; ".join(e.reason for e in checks if e.reason and e.verdict is not Verdict.REPRODUCED)
    return Judgement(
        verdict=verdict,
        reason=reason,
        checks=checks,
        controls=controls,
        figures=tuple(claim.check.series),
        runs=runs,
        control_runs=tuple(dict.fromkeys([*further, *(run for look in seen for run in look.heard.runs)])),
        chance=chance_again(
            verdict,
            last.seen(),
            [look.heard.seen(look.outcome.positive) for look in seen],
            item.rungs(),
            item.control_rungs(),
        ),
    )


class _ControlLook(NamedTuple):
    """A control judged at one number of replicates, and what was heard there."""

    outcome: ControlOutcome
    heard: _Heard


def _with_controls(
    item: Item,
    claim: _Heard,
    checks: tuple[Evidence, ...],
    reached: Verdict,
    lab: Lab,
    readable: Readable,
) -> tuple[_Heard, list[_ControlLook]]:
    """The controls at the claim's number of replicates, and those that have not told yet further up.

    Returns the claim at the most replicates that were read of it, and the last look at each control.
    """
    looks = [_looked(item, control, claim, checks, lab) for control in item.controls]
    for replicates in item.control_rungs():
        if replicates <= claim.replicates or not claim.results:
            continue
        pending = _untold(reached, checks, [look.outcome for look in looks])
        worlds = [list(map(item.world, (None, item.controls[i]))) for i in pending]
        pending = [i for i, w in zip(pending, worlds, strict=True) if readable(_computed(w), replicates)]
        if pending:
            claim = _Heard(item, None, replicates, lab)
            for i in pending:
                looks[i] = _looked(item, item.controls[i], claim, checks, lab)
    return claim, looks


def _untold(reached: Verdict, checks: tuple[Evidence, ...], controls: Sequence[ControlOutcome]) -> list[int]:
    """Positions of the controls on which the verdict hangs and that more replicates may decide."""
    undecided = [c.verdict is Verdict.INCONCLUSIVE for c in controls]
    if reached is Verdict.REFUTED:
        return [i for i, c in enumerate(controls) if c.positive and undecided[i]]
    if reached is not Verdict.REPRODUCED:
        return []
    open_checks = uncovered(checks, controls)

    def may_fail(control: ControlOutcome) -> bool:
        seen = dict(enumerate(control.checks))
        return any(i in seen and seen[i].verdict is Verdict.INCONCLUSIVE for i in open_checks)

    negative = [(i, c) for i, c in enumerate(controls) if not c.positive]
    return [i for i, c in negative if (undecided[i] and not c.discriminates) or may_fail(c)]


def _looked(
    item: Item, control: Control, claim: _Heard, checks: tuple[Evidence, ...], lab: Lab
) -> _ControlLook:
    heard = _Heard(item, control, claim.replicates, lab)
    verdict, seen = heard.judged(CONTROL_LEVEL)
    paired = contrasts(claim.check.relations, heard.check.relations)
    fails = failing(claim.check.relations, heard.check.relations, paired)
    silent = set() if control.trivial else _silent(item, control, claim, heard)
    fails = tuple(f for f in fails if f.position not in silent) + claim.failing_exactly(heard)
    tells, how = discriminates(control.positive, checks, verdict, fails)
    if silent:
        how += f"; {len(silent)} of its checks compare a world with itself there, or the claim's mirrored"
    outcome = ControlOutcome(
        says=control.says,
        positive=control.positive,
        trivial=control.trivial,
        verdict=verdict,
        discriminates=tells,
        how=how,
        checks=seen,
        contrasts=tuple(paired.values()),
        runs=tuple(run.address for run in heard.runs),
        failing=tuple(f.position for f in fails),
    )
    return _ControlLook(outcome, heard)


def _silent(item: Item, control: Control, claim: _Heard, heard: _Heard) -> set[int]:
    """Positions of the checks about which a control says nothing, whatever they come out as there."""
    merged = near_misses.merges(item.world(), item.world(control))
    pairs = zip(claim.check.relations, heard.check.relations, strict=False)
    return {i for i, (c, h) in enumerate(pairs) if near_misses.says_nothing(c, h, merged=merged)}


def is_counterexample(error: Exception) -> bool:
    """Is every error a failed assertion? hypothesis groups several, and may group others with them."""
    if isinstance(error, ExceptionGroup):
        return all(is_counterexample(inner) for inner in error.exceptions)
    return isinstance(error, AssertionError)


def told(error: BaseException) -> str:
    """The assertion and, from hypothesis's notes, the example it failed for; never empty."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    notes = (" ".join(note.split()) for note in getattr(error, "__notes__", ()))
    return "\n".join(filter(None, (str(error).strip() or "an assertion failed", *notes)))


def _exact(examples: int, counterexample: str) -> Evidence:
    if counterexample:
        return Evidence(
            relation="exact",
            statement="no counterexample",
            verdict=Verdict.REFUTED,
            n=examples,
            level=0.0,
            because="exact arithmetic: one counterexample refutes",
            reason=counterexample.strip(),
        )
    return Evidence(
        relation="exact",
        statement=f"no counterexample among {examples} examples",
        verdict=Verdict.REPRODUCED,
        n=examples,
        level=0.0,
        because="exact arithmetic: one counterexample would refute",
    )


def _runs(results: Results) -> Iterator[RunRead]:
    said: dict[int, str] = {}  # of a value that stands as long as its runs do; its replicates share it
    for run, record in zip(results.runs, results.records, strict=True):
        proof = proof_of(record)
        if id(run.value) not in said:
            said[id(run.value)] = abridged(abbreviated(run.value))
        yield RunRead(
            name=results.name,
            replicate=run.replicate,
            address=run.address,
            what=said[id(run.value)],
            seconds=round(record.seconds, 3),
            kernel=record.provenance.get("kernel", ""),
            carried=proof[0] if proof else "",
        )
