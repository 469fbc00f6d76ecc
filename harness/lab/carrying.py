"""Carrying records over a change of code that cannot have touched them, by proof.

A change of code gives what it reaches another address, also where it changes no number: a function was
split, a class got a field. Then a random sample of every kind of run is computed again by the code of
now. Where all of a kind's sample equals its records to the bit, its other records get their new names,
and each says in its provenance from which commit it was carried and by which proof.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from harness.lab.names import Addressed, Names, specification
from harness.lab.runs import Run, parts, with_parents
from harness.lab.store import WEIGHTS, Record, Store
from harness.spec import Experiment, Runnable, Simulation, abbreviated, digest, values_in

COMPARED = ("finals", "curves", "shapes", "resolutions", "outcome", "epochs", "steps_per_epoch")
"""What of two records must be equal: every number that a claim can read, but not the time it took."""
CARRIED_FROM, CARRIED_BY = "carried_from", "carried_by"
"""Entries of a carried record's provenance: the commit that computed it, and the proof in one sentence."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """How a commit named experiments.

    Attributes:
        commit: the commit.
        names: specification -> address and data, as that commit's code made them.
        fields: class -> its fields then; fields added since do not count where they are at their default.
    """

    commit: str
    names: dict[str, Addressed]
    fields: dict[str, tuple[str, ...]]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A run of now, and the record that a run of equal specification and data left under its earlier name."""

    run: Run
    record: Record

    @property
    def kind(self) -> str:
        """The classes and functions that computed it and the kernel: what of a sample speaks for it."""
        inside = values_in(self.run.value)
        names = {type(value).__name__ for value in inside}
        names |= {value.function.__name__ for value in inside if isinstance(value, Simulation)}
        kernel = self.record.provenance.get("kernel", "")
        return ", ".join(sorted(names)) + (f"; {kernel}" if kernel else "")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a kind's sample.

    Attributes:
        kind: the kind of run.
        says: one sentence: what was computed again, where, and whether it was equal.
        holds: all of the sample was equal to the bit.
    """

    kind: str
    says: str
    holds: bool


def candidates(
    values: Iterable[Runnable], names: Names, earlier: Earlier, source: Store, target: Store
) -> list[Candidate]:
    """Every run of these values (probes and parents included) whose record has another name by now.

    Args:
        values: what the claims of now read.
        names: names runs by the code of now.
        earlier: names of the commit that computed the records.
        source: where those records are.
        target: where they are needed; what it has under its new name is left out.
    """
    records: dict[str, list[Record]] = {}
    for key in source.keys():  # noqa: SIM118 - not a dict
        record = source.peek(key)
        if record is not None:
            records.setdefault(record.address, []).append(record)
    cells = (names.run(part, 0) for value in values for part in parts(value))
    carried: dict[str, Candidate] = {}
    for cell in with_parents(cells):
        named = names.named(cell.value)
        before = earlier.names.get(specification(cell.value, earlier.fields))
        if before is None or before.address == named.address or before.sources != named.sources:
            continue
        for record in records.get(before.address, ()):
            run = names.run(cell.value, record.replicate)
            if not target.has(run.key):
                carried[run.key] = Candidate(run=run, record=record)
    return list(carried.values())


def sampled(carried: Iterable[Candidate], each: int, seed: int) -> dict[str, list[Candidate]]:
    """A random sample of every kind: so many runs, or all if there are fewer."""
    kinds: dict[str, list[Candidate]] = {}
    for candidate in carried:
        kinds.setdefault(candidate.kind, []).append(candidate)
    generator = random.Random(seed)
    return {kind: generator.sample(of_kind, min(each, len(of_kind))) for kind, of_kind in kinds.items()}


def epochs_within(candidate: Candidate, seconds: float) -> int | None:
    """The first epochs of a training that take about these seconds; None for all that its record has.

    What a solver, a simulation or a probe computes cannot be cut, nor can a training of no epochs.
    """
    record = candidate.record
    if not isinstance(candidate.run.value, Experiment) or not record.epochs or record.seconds <= seconds:
        return None
    return max(1, int(record.epochs * seconds / record.seconds))


def again(candidate: Candidate, epochs: int | None) -> Runnable:
    """What is computed to compare it with the record: the same, or its first epochs."""
    value: Runnable = candidate.run.value
    return value if epochs is None else value.but(optimizer__epochs=epochs)


def differs(record: Record, computed: Record, epochs: int | None = None) -> str:
    """The first thing in which two records differ; "" where they are equal to the bit.

    Args:
        record: what was kept.
        computed: what came of computing it again.
        epochs: only so many epochs were computed again: their curves are compared, and nothing else.
    """
    if epochs is None:
        kept = msgspec.structs.replace(computed, curves=_of(record, computed.curves))
        return next((name for name in COMPARED if getattr(record, name) != getattr(kept, name)), "")
    if record.curves.keys() - computed.curves.keys():
        return "the curves' names"
    for name, curve in _of(record, computed.curves).items():
        if not curve or curve != record.curves[name][: len(curve)]:
            return name
    return ""


def _of(record: Record, curves: Mapping[str, tuple[float | None, ...]]) -> dict[str, Any]:
    """Curves but for those whose measure a record has at its end alone, since nobody read them."""
    return {
        name: curve for name, curve in curves.items() if name in record.curves or name not in record.finals
    }


class Comparison(NamedTuple):
    """One run of a sample: how many of its epochs were computed again (None: all), and what came of it.

    ``kept`` is what it is compared with, and ``computed`` is None where the run failed.
    """

    candidate: Candidate
    epochs: int | None
    kept: Record
    computed: Record | None


def proved(kind: str, comparisons: Sequence[Comparison], machine: str, against: str) -> Proof:
    """Whether all of a kind's sample was equal to the bit.

    Args:
        kind: the kind.
        comparisons: its sample.
        machine: processor and versions it was computed on, for the sentence.
        against: what it was compared with, for the sentence.
    """
    equal = []
    for candidate, epochs, kept, computed in comparisons:
        what = f"replicate {candidate.run.replicate} of {abbreviated(candidate.run.value)}"
        if epochs is not None:
            what = f"the first {epochs} of {candidate.record.epochs} epochs of {what}"
        wrong = "it failed" if computed is None else differs(kept, computed, epochs)
        if wrong:
            how = wrong if computed is None else f"{wrong} not equal to {against}"
            return Proof(kind=kind, says=f"{what}, computed again on {machine}: {how}", holds=False)
        equal.append(what)
    says = f"{'; '.join(equal)}: computed again on {machine}, equal to {against} to the bit"
    return Proof(kind=kind, says=says, holds=True)


def renamed(candidate: Candidate, commit: str, proof: Proof) -> Record:
    """The record under its name of now, saying whence and by which proof it was carried."""
    earlier = candidate.record.provenance
    says = " | ".join(filter(None, [proof.says, earlier.get(CARRIED_BY, "")]))
    return msgspec.structs.replace(
        candidate.record,
        key=candidate.run.key,
        address=candidate.run.address,
        provenance={**earlier, CARRIED_FROM: earlier.get(CARRIED_FROM) or commit, CARRIED_BY: says},
    )


def carry(
    carried: Iterable[Candidate], proofs: Mapping[str, Proof], commit: str, source: Store, target: Store
) -> int:
    """Publish every record of a kind whose proof holds under its new name; how many there were.

    Raises:
        StoreError: the target cannot be written.
    """
    count = 0
    for candidate in carried:
        proof = proofs.get(candidate.kind)
        if proof is None or not proof.holds:
            continue
        weights = source.weights(candidate.record.key) if WEIGHTS in candidate.record.files else None
        target.publish(renamed(candidate, commit, proof), weights)
        target.note_timing(candidate.run.kind, candidate.record.seconds)
        count += 1
    return count


def proof_of(record: Record) -> tuple[str, str] | None:
    """The name and the sentence of the proof by which a record was carried; None if it was not."""
    if CARRIED_BY not in record.provenance:
        return None
    says = f"from commit {record.provenance.get(CARRIED_FROM, '?')}: {record.provenance[CARRIED_BY]}"
    return digest(says)[:8], says
