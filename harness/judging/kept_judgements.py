"""How items came out and what their rehearsals heard, kept in a store: nothing is judged twice the same way.

By which name is for who judges to say (``harness.suite.kept``): it covers whatever an outcome depends on,
apart from the records, which are compared here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from harness.judging.ladder import Item, Judgement, runnables
from harness.judging.rehearsal import Heard
from harness.lab.records import Record, sealed, unchanging, unsealed
from harness.lab.unsynced import MOST_BYTES, Keyed, Unsynced
from harness.spec.watched import Watched

if TYPE_CHECKING:
    from harness.lab.lab import Lab


class KeptJudgement(Keyed, frozen=True, kw_only=True):
    """How an item came out.

    Attributes:
        judgement: as it was judged.
        records: key of a run that was read -> SHA-256 (hex) of its record.
    """

    judgement: Judgement
    records: dict[str, str]


class KeptJudgements:
    """The judgements of a lab's store.

    Args:
        lab: reads the records.
        fresh: whether no judgement is read, so that all are made anew.

    Attributes:
        reused: the names of those that were read.
    """

    def __init__(self, lab: Lab, *, fresh: bool = False) -> None:
        self.lab = lab
        self.reused: set[str] = set()
        self._digests: dict[str, tuple[Record, str]] = {}
        self._kept = Unsynced(lab.store, "judgements", KeptJudgement, fresh=fresh)

    def read(self, name: str) -> Judgement | None:
        """The judgement of this name; None if there is none, or if a record is not the one that it read."""
        kept = self._kept.read(name)
        if kept is None or not all(self._is_read(key, digest) for key, digest in kept.records.items()):
            return None
        self.reused.add(name)
        return kept.judgement

    def keep(self, name: str, item: Item, judgement: Judgement) -> None:
        """Keep a judgement that was just made; one that would be read back as another is none to keep."""
        records = {key: self._digest(self.lab.read[key]) for key in self._keys(item, judgement)}
        kept = KeptJudgement(key=name, judgement=judgement, records=records)
        data = sealed(kept)
        if len(data) <= MOST_BYTES and unsealed(data, KeptJudgement) == kept:  # NaN is no JSON
            self._kept.keep(kept)

    def _keys(self, item: Item, judgement: Judgement) -> set[str]:
        """The runs that an item read: of what any of its worlds has, as many replicates as it read of one."""
        read = Counter(run.address for run in {*judgement.runs, *judgement.control_runs})
        values = [v for world in item.worlds() for value in world.values() for v in runnables(value)]
        most = max(read.values(), default=0)
        named = (run.key for value in values for run in self.lab.runs(value, most))
        return self.lab.read.keys() & set(named)

    def _is_read(self, key: str, digest: str) -> bool:
        """Whether a run's record is there and is this one; if so it is read from now on."""
        record = self.lab.read.get(key)
        if record is None and (stored := self.lab.store.read(key)):
            record = unchanging(stored)
        if record is None or self._digest(record) != digest:
            return False
        self.lab.read[key] = record
        return True

    def _digest(self, record: Record) -> str:
        """SHA-256 (hex) of a record, made once as long as it is not replaced: many claims read it."""
        known = self._digests.get(record.key)
        if known is None or known[0] is not record:
            content = msgspec.json.encode(record, enc_hook=dict)  # what is read holds unchanging mappings
            known = self._digests[record.key] = (record, hashlib.sha256(content).hexdigest())
        return known[1]


class KeptRehearsal(Keyed, frozen=True, kw_only=True):
    """What a rehearsal without mistakes heard: tier, number of the world, name in it, and what is watched."""

    heard: tuple[tuple[str, int, str, Watched], ...]


class KeptRehearsals:
    """The rehearsals of a lab's store; ``fresh`` as for judgements."""

    def __init__(self, lab: Lab, *, fresh: bool = False) -> None:
        self._kept = Unsynced(lab.store, "rehearsals", KeptRehearsal, fresh=fresh)

    def read(self, name: str) -> Heard | None:
        """What the rehearsal of this name heard; None if there is none."""
        kept = self._kept.read(name)
        if kept is None:
            return None
        return {(tier, number, world): watched for tier, number, world, watched in kept.heard}

    def keep(self, name: str, heard: Heard) -> None:
        """Keep what a rehearsal heard that found no mistake."""
        rows: Iterable[tuple[str, int, str, Watched]] = ((*where, each) for where, each in heard.items())
        self._kept.keep(KeptRehearsal(key=name, heard=tuple(rows)))
