"""What an xdist worker tells the controller when it ends; a session without workers keeps it for itself."""

from __future__ import annotations

import msgspec

from harness.evidence.schema import ClaimReport, Collected, PaperEntry
from harness.lab import progress
from harness.lab.runs import Work


class Exchange(msgspec.Struct, kw_only=True):
    """What a process collected, computed and read.

    Attributes:
        collected: every item that exists.
        skeletons: the entry of each selected item, in case that it never reports.
        papers: the sources of all that exists.
        data: honest name of a collection -> digest.
        computed: key of a run -> seconds; trained: what was trained -> (runs, seconds).
        read: keys of the records that were judged; carried: as in ``Provenance``.
        exact, judged: names of the outcomes of exact claims, and of the judgements, of earlier sessions.
        notes: what people should hear of the machine that computed, a line each.
        mistakes: what is wrong with single claims, a line each.
        refusal: why nothing can be judged (missing data, say), in one line; empty if all is well.
    """

    collected: list[Collected] = []
    skeletons: list[ClaimReport] = []
    papers: list[PaperEntry] = []
    data: dict[str, str] = {}
    computed: dict[str, float] = {}
    trained: dict[str, Work] = {}
    read: list[str] = []
    carried: dict[str, str] = {}
    exact: list[str] = []
    judged: list[str] = []
    notes: list[str] = []
    mistakes: list[str] = []
    refusal: str = ""

    def add(self, other: Exchange) -> None:
        """Take in what another process of the session did; all of them collected the same."""
        if not self.collected:
            self.collected, self.skeletons, self.papers = other.collected, other.skeletons, other.papers
        self.computed |= other.computed
        self.trained = progress.summed(self.trained, other.trained)
        self.read += other.read
        self.carried |= other.carried
        self.exact = sorted({*self.exact, *other.exact})
        self.judged = sorted({*self.judged, *other.judged})
        self.data |= other.data
        self.notes = list(dict.fromkeys((*self.notes, *other.notes)))
        self.mistakes = list(dict.fromkeys((*self.mistakes, *other.mistakes)))
        self.refusal = self.refusal or other.refusal
