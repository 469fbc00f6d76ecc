"""Mistakes in what numbers bear: pairs, censoring, resolution, p-values, intervals and relations."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_measured = into("evidence/measured.py", "evidence/test_measured.py")
_readings = into("evidence/readings.py", "evidence/test_readings.py", "evidence/test_statistics_p_values.py")
_inference = into(
    "evidence/inference.py", "evidence/test_inference.py", "evidence/test_statistics_p_values.py",
    "evidence/test_statistics_error_rates.py",
)  # fmt: skip
_relations = into("evidence/relations.py", "evidence/test_relations.py")
_identities = into("evidence/identities.py", "evidence/test_identities.py", "evidence/test_relations.py")

MUTANTS = (
    _measured(
        "pairing", "the second measure is subtracted in another order of replicates",
        "values = np.sum([weight * part.values for part, weight in pairs], axis=0)",
        "values = np.sum([weight * (part.values if weight > 0 else part.values[::-1]) "
        "for part, weight in pairs], axis=0)",
    ),
    _measured(
        "pairing", "measures of other numbers of replicates are compared as far as they go",
        "        if len(part) != len(parts[0]):\n", "        if len(part) < len(parts[0]) - 1:\n",
    ),
    _measured(
        "pairing", "a ratio is of the measures, not of their logs",
        "values = np.log(np.where(positive, x.values, np.nan))",
        "values = np.where(positive, x.values, np.nan)",
    ),
    _measured(
        "censoring", "a censored run that is subtracted counts as what it is",
        "part.unusable | (part.censored if weight < 0 else zero)", "part.unusable | zero",
    ),
    _measured(
        "censoring", "a sum with a censored run is no bound",
        "np.any([part.censored if weight > 0 else zero for part, weight in pairs], axis=0)", "zero",
    ),
    _measured(
        "censoring", "the smallest of several measures is a bound wherever one is",
        "censored = np.any([part.censored for part in parts], axis=0) & ~known",
        "censored = np.any([part.censored for part in parts], axis=0)",
    ),
    _measured(
        "censoring", "a ratio of numbers that are not positive counts as one",
        "unusable = x.unusable | (x.values <= 0)", "unusable = x.unusable",
    ),
    _measured(
        "resolution", "the resolution of a difference is that of its first measure",
        "sum(abs(weight) * part.resolution for part, weight in pairs)", "parts[0].resolution",
    ),
    _measured(
        "resolution", "the resolution of a ratio is not relative",
        "relative = x.resolution / float(np.mean(x.values[positive])) if positive.any() else 0.0",
        "relative = x.resolution",
    ),
    _readings(
        "statistics", "the deviation is that of the sample, with n",
        "np.std(x.values, axis=-1, ddof=1)", "np.std(x.values, axis=-1)",
    ),
    _readings(
        "statistics", "Student's t has n degrees of freedom",
        "p = stdtr(n - 1, -distance / error)", "p = stdtr(n, -distance / error)",
    ),
    _readings(
        "statistics", "the error of a mean is the deviation",
        "error = spread(x)[0] / math.sqrt(n) if n > 1", "error = spread(x)[0] if n > 1",
    ),
    _readings(
        "statistics", "p-values of means are two-sided",
        "p = stdtr(n - 1, -distance / error)", "p = 2 * stdtr(n - 1, -np.abs(distance) / error)",
    ),
    _readings(
        "statistics", "p-values of means are those of a normal distribution",
        "p = stdtr(n - 1, -distance / error)", "p = stdtr(10**6, -distance / error)",
    ),
    _readings(
        "statistics", "the binomial test leaves the observed count out",
        "bdtrc(np.maximum(counts - 1, 0), n, rate)", "bdtrc(counts, n, rate)",
    ),
    _readings(
        "statistics", "one reading is enough",
        "return np.maximum(self.mean, self.typical)", "return np.minimum(self.mean, self.typical)",
    ),
    _readings(
        "statistics", "the typical run is not read",
        "return np.maximum(self.mean, self.typical)", "return self.mean",
    ),
    _readings(
        "statistics", "of two bounds one is enough",
        "np.maximum.reduce([side.mean for side in sides])",
        "np.minimum.reduce([side.mean for side in sides])",
    ),
    _readings(
        "statistics", "runs on a bound lie beyond it",
        "beyond = np.sum(x.values > lower, axis=-1)", "beyond = np.sum(x.values >= lower, axis=-1)",
    ),
    _readings(
        "resolution", "no spread is certainty",
        "return np.maximum(deviations, floor), deviations <= floor", "return deviations, deviations <= floor",
    ),
    _readings(
        "resolution", "the floor is a whole step of the measure",
        "x.resolution / math.sqrt(12)", "x.resolution",
    ),
    _readings(
        "resolution", "the floor is the variance of rounding",
        "x.resolution / math.sqrt(12)", "x.resolution / 12",
    ),
    _readings(
        "censoring", "censored runs lie below an upper bound",
        "beyond = np.sum((x.values < upper) & ~x.censored, axis=-1)",
        "beyond = np.sum(x.values < upper, axis=-1)",
    ),
    _readings(
        "censoring", "the mean of censored runs is below an upper bound",
        "p = np.where(x.censored.any(axis=-1), 1.0, _t_tail(upper - mean, error, n))",
        "p = _t_tail(upper - mean, error, n)",
    ),
    _readings(
        "censoring", "unusable runs surely failed",
        "perhaps = inside | (x.censored & (x.values <= high)) | x.unusable", "perhaps = inside",
    ),
    _inference(
        "statistics", "intervals are two-sided at a one-sided level",
        "stdtrit(n - 1, 1 - level)) * deviation(x)", "stdtrit(n - 1, 1 - level / 2)) * deviation(x)",
    ),
    _inference(
        "statistics", "intervals of means have n degrees of freedom",
        "stdtrit(n - 1, 1 - level)) * deviation(x)", "stdtrit(n, 1 - level)) * deviation(x)",
    ),
    _inference(
        "censoring", "a censored mean has an upper side",
        "math.inf if x.censored.any() else mean + half", "mean + half",
    ),
    _inference(
        "censoring", "runs that diverged are dropped",
        "if n == 0 or x.unusable.any() or x.diverged.any():\n"
        "        return MeanInterval(math.nan, math.nan, math.nan)\n"
        '    with np.errstate(all="ignore"):\n        mean = float(np.mean(x.values))',
        "if n == 0 or x.unusable.any() or x.diverged.all():\n"
        "        return MeanInterval(math.nan, math.nan, math.nan)\n"
        '    with np.errstate(all="ignore"):\n        mean = float(np.nanmean(x.values))',
    ),
    _inference(
        "statistics", "exact intervals of rates are off by one success",
        "betaincinv(successes + 1, n - successes, 1 - level)",
        "betaincinv(successes, n - successes, 1 - level)",
    ),
    _inference(
        "statistics", "Holm's p-values are Bonferroni's",
        "(len(p_values) - rank) * p_values[i]", "len(p_values) * p_values[i]",
    ),
    _inference(
        "statistics", "Holm's p-values fall again",
        "largest = max(largest, min(1.0,", "largest = max(0.0, min(1.0,",
    ),
    _inference(
        "statistics", "the multinomial test counts likelier outcomes",
        'log_likelihood(counts) + AS_LIKELY, side="right")', 'log_likelihood(counts) + 1.0, side="right")',
    ),
    _inference(
        "statistics", "the multinomial test leaves equally likely outcomes out",
        'log_likelihood(counts) + AS_LIKELY, side="right")',
        'log_likelihood(counts) - AS_LIKELY, side="left")',
    ),
    _inference(
        "diff", "Welch's interval has pooled degrees of freedom",
        "freedom = total**2 / sum(part**2 / (count - 1) for part, count in zip(parts, n, strict=True))",
        "freedom = sum(n) - 2",
    ),
    _inference(
        "diff", "Newcombe's interval takes the far ends from the wrong rates",
        "q - p - math.hypot(q - low_q, high_p - p)", "q - p - math.hypot(high_q - q, p - low_p)",
    ),
    _inference(
        "statistics", "power is that of twice the effect",
        "effect_over_sd * math.sqrt(n)", "effect_over_sd * n",
    ),
    _identities(
        "statistics", "an identity holds where it does on average",
        "float(np.max(np.where(one == other", "float(np.mean(np.where(one == other",
    ),
    _identities(
        "statistics", "an identity holds where errors cancel",
        "np.where(one == other, 0.0, np.abs(one - other))", "np.abs(np.sum(one - other))",
    ),
    _relations(
        "statistics", "an order is that of the first and the last",
        "for before, after in itertools.pairwise(xs)]\n    lower",
        "for before, after in [(xs[0], xs[-1])] * (len(xs) - 1)]\n    lower",
    ),
    _relations(
        "statistics", "an order is falling",
        "steps = [after - before for before, after", "steps = [before - after for before, after",
    ),
    _relations(
        "statistics", "a slope is over the order of its positions",
        "places = [math.log(p) if log else float(p) for p in positions]",
        "places = [float(i) for i, _ in enumerate(positions)]",
    ),
    _relations(
        "statistics", "a slope is not divided by the spread of its positions",
        "[(p - centre) / spread for p in places]", "[p - centre for p in places]",
    ),
    _relations(
        "statistics", "ratios are equivalent within a difference",
        "lower = 1 / margin if x.logarithmic else -margin",
        "lower = 2 - margin if x.logarithmic else -margin",
    ),
    _relations(
        "statistics", "a peak is anywhere that the range is not",
        "x = (larger_of(*inside) - larger_of(*outside))", "x = (larger_of(*outside) - larger_of(*inside))",
    ),
    _relations(
        "statistics", "what is reached from above is reached from below",
        'return (None, bound) if at == "most" else (bound, None)',
        'return (bound, None) if at == "most" else (None, bound)',
    ),
    _relations(
        "control", "the best of several noisy measures may speak for a claim",
        "    if chosen:\n", '    if chosen == "both":\n',
    ),
)  # fmt: skip
