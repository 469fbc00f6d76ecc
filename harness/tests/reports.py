"""Hand-made reports for the tests of everything that is rendered from one."""

from __future__ import annotations

import functools
import math
from typing import Any

from harness.evidence.outcome import Contrast, ControlOutcome, Evidence
from harness.evidence.schema import (
    SCHEMA,
    ClaimReport,
    Collected,
    PaperEntry,
    Provenance,
    Report,
    Reported,
    RunRead,
    Series,
)
from harness.spec.verdict import Expected, Verdict

HOSTILE = (
    "<script>alert(1)</script> | a\n# b $x^2$ **c** `d` \"e' "
    "[f](javascript:g) @h \x00\x1b \u202e </style></title>"
)
PAPERS = (
    PaperEntry(
        key="RIVER2017",
        authors="River et al.",
        title="Networks that remember",
        venue="Proceedings of Streams",
        year=2017,
        url="https://example.org/river?a=1&b=2",
    ),
    PaperEntry(
        key="MEADOW2019", authors="Meadow", title="The second descent", venue="Fields", year=2019, url=""
    ),
)


def evidence(verdict: Verdict = Verdict.REPRODUCED, **changes: Any) -> Evidence:
    fields: dict[str, Any] = {
        "relation": "above",
        "statement": "test error of random labels minus that of true labels is above 0.1",
        "verdict": verdict,
        "n": 5,
        "level": 0.035,
        "because": "a tenth is the smallest gap a reader would call a gap",
        "estimate": 0.312,
        "low": 0.251,
        "high": 0.373,
        "lower_bound": 0.1,
        "values": (0.31, 0.28, None, 0.35, 0.31),
    }
    return Evidence(**{**fields, **changes})


def control(**changes: Any) -> ControlOutcome:
    fields: dict[str, Any] = {
        "says": "a linear model of 650 weights cannot memorize 1,000 labels",
        "positive": False,
        "verdict": Verdict.REFUTED,
        "discriminates": True,
        "how": "it came out refuted",
        "checks": (evidence(Verdict.REFUTED, estimate=0.01, low=-0.02, high=0.04, level=0.05),),
        "contrasts": (Contrast(statement="the same difference", estimate=0.302, low=0.24, high=0.36),),
        "runs": ("ab" * 32, "cd" * 32),
    }
    return ControlOutcome(**{**fields, **changes})


def curve(series: str = "random labels", speed: float = 20.0, **changes: Any) -> Series:
    x = tuple(float(epoch) for epoch in range(1, 301))
    rows = (
        tuple(2.3 * math.exp(-e / speed / (1 + r / 10)) if e < 300 - 30 * r else None for e in x)
        for r in range(5)
    )
    fields: dict[str, Any] = {
        "figure": "Figure 1a",
        "series": series,
        "x": x,
        "y": tuple(rows),
        "x_label": "epoch",
        "y_label": "training loss",
        "reported": (Reported(source="River et al. 2017, Figure 1a", points=((10.0, 1.9), (40.0, 0.4))),),
        "marks": {"first epoch without an error": 120.0},
    }
    return Series(**{**fields, **changes})


@functools.cache
def _figure_1a() -> Series:
    return curve()


def widths(**changes: Any) -> Series:
    x = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
    rows = tuple(
        tuple(0.2 + 0.5 * math.exp(-((math.log2(w) - 5) ** 2)) + r / 100 for w in x) for r in range(5)
    )
    return curve("double descent", x=x, y=rows, figure="Figure 2", x_scale="log", **changes)


def claim(name: str = "random_labels_are_fit", tier: str = "quick", **changes: Any) -> ClaimReport:
    node = f"claims/test_memorization.py::test_{name}[{tier}]"
    fields: dict[str, Any] = {
        "id": node,
        "tier": tier,
        "params": {},
        "paper": "RIVER2017",
        "where": "Section 2.1, Table 1",
        "says": "Training error reaches zero on completely random labels.",
        "adapted": "1,000 digits of 8 by 8 pixels and a network of one hidden layer",
        "reported": {"train accuracy": 1.0, "optimizer": "SGD"},
        "expected": Expected.REPRODUCED,
        "expected_because": "",
        "verdict": Verdict.REPRODUCED,
        "unexpected": False,
        "reason": "",
        "checks": (evidence(),),
        "controls": (control(),),
        "figures": (_figure_1a(),),
        "runs": tuple(
            RunRead(name="random", replicate=r, address=f"{r}f" * 32, what="digits, 512 units", seconds=1.5)
            for r in range(5)
        ),
        "command": f'python -m pytest "{node}"',
        "seconds": 2.75,
        "family": "test_memorization",
        "thesis": "Networks fit random labels, so capacity alone cannot explain why they generalize.",
    }
    return ClaimReport(**{**fields, **changes})


def bare(verdict: Verdict, **changes: Any) -> ClaimReport:
    """A claim with nothing measured."""
    empty: dict[str, Any] = {"checks": (), "controls": (), "figures": (), "runs": (), "reported": {}}
    return claim(f"bare_{verdict.name.lower()}", verdict=verdict, **{**empty, **changes})


def hostile() -> ClaimReport:
    """Every text is an attack on some renderer."""
    drawn = curve(HOSTILE, x_label=HOSTILE, y_label=HOSTILE, figure=HOSTILE, marks={HOSTILE: 3.0})
    return claim(
        HOSTILE,
        **dict.fromkeys(
            ("where", "says", "adapted", "expected_because", "reason", "family", "thesis"), HOSTILE
        ),
        paper=HOSTILE,
        params={HOSTILE: HOSTILE},
        reported={HOSTILE: HOSTILE},
        contested=HOSTILE,
        command=HOSTILE + "```",
        verdict=Verdict.ERROR,
        unexpected=True,
        checks=(evidence(statement=HOSTILE, because=HOSTILE, reason=HOSTILE, relation=HOSTILE),),
        controls=(control(says=HOSTILE, how=HOSTILE),),
        figures=(drawn,),
    )


def refutation() -> ClaimReport:
    """Refuted as expected, with a control and a positive one."""
    below = evidence(
        Verdict.REFUTED,
        relation="below",
        lower_bound=None,
        upper_bound=0.02,
        low=None,
        high=0.08,
        estimate=0.05,
    )
    positive = control(
        positive=True, verdict=Verdict.REPRODUCED, says="a world in which the gap was built in"
    )
    return claim(
        "weight_decay_is_needed",
        says="Weight decay is needed to generalize.",
        checks=(below,),
        controls=(control(), positive),
        verdict=Verdict.REFUTED,
        expected=Expected.REFUTED,
        expected_because="the source itself reports that it is not",
        contested="MEADOW2019 finds it matters.",
    )


def every_kind() -> tuple[ClaimReport, ...]:
    """All verdicts, one- and two-sided bounds, expected and unexpected refutations, nothing measured."""
    unmeasured = evidence(Verdict.INCONCLUSIVE, estimate=None, low=None, high=None, values=(None,) * 5)
    inside = evidence(
        relation="matches", estimate=0.985, low=0.97, high=1.0, lower_bound=0.95, upper_bound=1.05
    )
    exact = evidence(
        relation="exact", level=0.0, low=None, high=None, estimate=3.5, upper_bound=3.5, lower_bound=3.5
    )
    nothing = Series(
        figure="Figure 3", series="diverged", x=(1.0, 2.0), y=((None, None), (None,)), y_scale="log"
    )
    peak = "The test error peaks where the parameters just suffice to fit, and falls again beyond."
    second = {"paper": "MEADOW2019", "family": "test_descent", "thesis": "More parameters help in the end."}
    blind = control(discriminates=False, verdict=Verdict.INCONCLUSIVE, how="the contrast covers zero")
    late = claim(
        "late",
        says="Training longer does not hurt.",
        checks=(unmeasured,),
        controls=(blind,),
        figures=(nothing,),
        verdict=Verdict.INCONCLUSIVE,
        unexpected=True,
        reason="2 of 5 runs diverged",
        **second,
    )
    return (
        claim(figures=(curve(), curve("true labels", 6.0))),
        claim(tier="standard", adapted="none", checks=(evidence(n=10, level=0.01), inside)),
        refutation(),
        claim(
            "peak",
            says=peak,
            checks=(inside, exact),
            figures=(widths(), nothing),
            params={"noise": 0.15},
            **second,
        ),
        late,
        bare(Verdict.NOT_RUN, reason="the data set is not here: python -m harness data get cifar10"),
        bare(Verdict.ERROR, unexpected=True, reason="no check was made\nsecond line"),
        hostile(),
    )


def report(*claims: ClaimReport, **changes: Any) -> Report:
    tiers = tuple(dict.fromkeys(c.tier for c in claims)) or ("quick",)
    items = [Collected(id=c.id, tier=c.tier, paper=c.paper, says=c.says, selected=True) for c in claims]
    full = Collected(
        id="claims/test_x.py::test_y[full]", tier="full", paper="RIVER2017", says="No.", selected=False
    )
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "tiers": tiers,
        "provenance": Provenance(
            commit="0123456789abcdef", dirty=True, started="2025-01-02T03:04:05Z",
            finished="2025-01-02T03:09:05Z",
            wall_seconds=300.0, trained_seconds=250.5, trained_runs=85, reused_runs=12, device="cpu",
            processor="Example CPU", cores=2, memory_gib=7.75, versions={"python": "3.11.7", "torch": "2.6"},
            data={"digits (scikit-learn)": "", "CIFAR-10": "sha256 6d958be0"}, replicates="0-9",
            command="python -m pytest claims -m quick",
        ),
        "papers": PAPERS,
        "collected": (*items, full),
        "claims": claims,
    }  # fmt: skip
    return Report(**{**fields, **changes})


def run_read(address: str, seconds: float, replicate: int = 0) -> RunRead:
    """A run of an experiment that a claim read."""
    return RunRead(name="x", replicate=replicate, address=address, what="w", seconds=seconds, kernel="plain")
