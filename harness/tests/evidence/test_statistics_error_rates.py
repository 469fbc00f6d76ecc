"""The judge's errors, power and coverage, by simulation or exactly, and its agreement with statsmodels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from harness.evidence.inference import sample
from harness.evidence.kinds import OfRate
from harness.evidence.readings import Sample, fails, holds
from harness.evidence.statistics import (
    RUNGS,
    all_reach,
    equivalent,
    frequencies,
    holm,
    judge,
    mean_interval,
    most_reach,
    multinomial_p,
    power,
    rate_interval,
    replicates_needed,
    rungs,
)
from harness.spec.verdict import Verdict
from harness.tests.samples import WHY, measured

REPRODUCED, REFUTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.REFUTED, Verdict.INCONCLUSIVE


def ladder_of_rates(p: float, tier: str, reach: Callable[..., OfRate] = all_reach) -> dict[Verdict, float]:
    """Exact probabilities of the verdicts when each replicate succeeds with probability p."""
    ends = dict.fromkeys((REPRODUCED, REFUTED, INCONCLUSIVE), 0.0)
    alive, before = {0: 1.0}, 0
    for n, level in rungs(tier):
        more, reached = n - before, dict.fromkeys(range(n + 1), 0.0)
        for k, chance in alive.items():
            for extra in range(more + 1):
                reached[k + extra] += chance * math.comb(more, extra) * p**extra * (1 - p) ** (more - extra)
        alive, before = {}, n
        for k, chance in reached.items():
            verdict = judge(reach(measured([0.0] * k + [1.0] * (n - k)), 0.0), level).verdict
            if verdict is INCONCLUSIVE:
                alive[k] = chance
            else:
                ends[verdict] += chance
    ends[INCONCLUSIVE] = sum(alive.values())
    return ends


@pytest.mark.parametrize("tier", ["quick", "full"])
def test_exact_errors_of_all_reach_over_the_ladder(tier: str) -> None:
    even = ladder_of_rates(0.5, tier)
    assert even[REPRODUCED] == pytest.approx(1 / 32)
    assert 0 < even[REFUTED] <= 0.05
    for p in (0.1, 0.3, 0.45):
        assert ladder_of_rates(p, tier)[REPRODUCED] <= 0.05
    for p in (0.55, 0.8, 1.0):
        assert ladder_of_rates(p, tier)[REFUTED] <= 0.05
    assert ladder_of_rates(1.0, tier)[REPRODUCED] == 1
    assert ladder_of_rates(0.02, tier)[REFUTED] > 0.9


@pytest.mark.parametrize("tier, chance", [("quick", 37 / 1024), ("full", 0.03935)])
def test_exact_errors_of_most_reach_over_the_ladder(tier: str, chance: float) -> None:
    """The same bound the error about the typical run of any distribution: its median is on the bound."""
    even = ladder_of_rates(0.5, tier, most_reach)
    assert even[REPRODUCED] == pytest.approx(even[REFUTED])
    assert even[REPRODUCED] == pytest.approx(chance, abs=1e-5)
    assert ladder_of_rates(0.8, "full", most_reach)[REPRODUCED] > 0.69
    assert ladder_of_rates(0.9, "full", most_reach)[REPRODUCED] > 0.95


@pytest.mark.parametrize("p, level", [(0.5, 0.05), (0.5, 0.005), (0.2, 0.035)])
def test_exact_errors_of_frequencies(p: float, level: float) -> None:
    n, within = 500, 0.1
    verdicts = [
        judge(frequencies([k, n - k], [p, 1 - p], within=within, because=WHY), level).verdict
        for k in range(n + 1)
    ]

    def chance(wanted: Verdict, q: float) -> float:
        return math.fsum(
            math.comb(n, k) * q**k * (1 - q) ** (n - k) for k, v in enumerate(verdicts) if v is wanted
        )

    assert chance(REFUTED, p) <= level
    assert max(chance(REPRODUCED, p + within), chance(REPRODUCED, p - within)) <= level
    assert chance(REPRODUCED, p) > 0.7
    assert chance(REFUTED, p + 2 * within) > 0.99


def test_the_multinomial_test_has_its_size() -> None:
    n, p = 12, (0.5, 0.3, 0.2)
    rejected = 0.0
    for a, b in itertools.product(range(n + 1), repeat=2):
        counts = (a, b, n - a - b)
        if a + b <= n and multinomial_p(counts, p) <= 0.05:
            ways = math.comb(n, a) * math.comb(n - a, b)
            rejected += ways * math.prod(q**c for q, c in zip(p, counts, strict=True))
    assert 0.02 < rejected <= 0.05


@pytest.mark.parametrize("n, level, d", [(5, 0.032, 1.5), (10, 0.014, 1.0), (20, 0.012, 0.8)])
def test_declared_power_is_that_of_the_reading_of_the_mean(n: int, level: float, d: float) -> None:
    values = np.random.Generator(np.random.Philox(20)).normal(d, 1, size=(20_000, n))
    nowhere = np.zeros(values.shape, bool)
    p = holds(Sample(values, nowhere, nowhere, 0.0), 0.0, None).mean
    assert (p <= level).mean() == pytest.approx(power(n, level, d), abs=0.012)


def test_replicates_needed_is_the_smallest_number_with_the_power() -> None:
    for level, d in ((0.05, 0.5), (0.005, 1.0), (0.035, 0.05)):
        n = replicates_needed(level, d)
        assert power(n, level, d) >= 0.8 > power(n - 1, level, d)
    assert replicates_needed(0.05, 10.0) == 5
    for hopeless in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="no affordable n"):
            replicates_needed(0.05, hopeless)


@pytest.mark.parametrize("n, level", RUNGS)
def test_mean_intervals_cover_the_truth_as_often_as_they_say(n: int, level: float) -> None:
    generator = np.random.Generator(np.random.Philox(7))
    times = 3000
    under = over = 0
    for _ in range(times):
        _, low, high = mean_interval(measured(generator.normal(3, 2, size=n)), level)
        under, over = under + (high < 3), over + (low > 3)
    assert under / times == pytest.approx(level, abs=0.01)
    assert over / times == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("n, level", RUNGS)
def test_rate_intervals_miss_no_more_often_than_they_say(n: int, level: float) -> None:
    for p in np.linspace(0.02, 0.98, 25):
        chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        ends = [rate_interval(k, n, level) for k in range(n + 1)]
        assert sum(c for c, (low, _) in zip(chances, ends, strict=True) if low > p) <= level
        assert sum(c for c, (_, high) in zip(chances, ends, strict=True) if high < p) <= level


def test_equivalence_agrees_with_two_one_sided_tests() -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    generator = np.random.Generator(np.random.Philox(1))
    for _ in range(60):
        a, b = generator.normal(size=(2, 8))
        margin, level = float(generator.uniform(0.5, 2)), float(generator.uniform(0.01, 0.2))
        p, above_low, below_high = weightstats.ttost_paired(a, b, -margin, margin)
        x = equivalent(measured(a) - measured(b), margin, because=WHY)
        assert judge(x, level).p_value == pytest.approx(p)
        outside = fails(sample(x.x), x.lower, x.upper)
        assert [side.mean for side in outside] == pytest.approx([1 - above_low[1], 1 - below_high[1]])


def test_rate_intervals_agree_with_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for n, level in RUNGS:
        for k in range(n + 1):
            oracle = proportion.proportion_confint(k, n, alpha=2 * level, method="beta")
            assert rate_interval(k, n, level) == pytest.approx(oracle)


def test_power_agrees_with_statsmodels() -> None:
    oracle = pytest.importorskip("statsmodels.stats.power").TTestPower()
    for n, level in RUNGS:
        for d in (0.0, 0.5, 1.0, 2.0):
            assert power(n, level, d) == pytest.approx(
                oracle.power(d, n, level, alternative="larger"), abs=1e-9
            )


@pytest.mark.parametrize(
    "p_values", [[0.3], [0.01, 0.04, 0.03], [0.2, 0.2, 0.001, 1.0, 0.0], [0.9, 0.8, 0.7]]
)
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1])


def test_the_multinomial_test_agrees_with_the_binomial_one_and_with_itself_by_drawing() -> None:
    stats = pytest.importorskip("scipy.stats")
    for k in range(13):
        assert multinomial_p([k, 12 - k], [0.3, 0.7]) == pytest.approx(stats.binomtest(k, 12, 0.3).pvalue)
    assert multinomial_p([1, 0, 0], [0.2, 0.3, 0.5]) == pytest.approx(0.2)
    assert multinomial_p([3, 0], [0.0, 1.0]) == 0
    fair = [25, 35, 30, 40, 20, 30]
    drawn, chi2 = multinomial_p(fair, [1 / 6] * 6), stats.chisquare(fair).pvalue
    assert drawn == multinomial_p(fair, [1 / 6] * 6) == pytest.approx(chi2, abs=0.02)
