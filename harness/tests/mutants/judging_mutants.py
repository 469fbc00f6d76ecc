"""Mistakes in judging: levels of looks, what a control must show, and what several checks come to."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_statistics = into("evidence/statistics.py", "evidence/test_statistics.py", "evidence/test_readings.py")
_levels = into("evidence/statistics.py", "judging/test_ladder.py", "judging/test_ladder_error_rates.py")
_contrasts = into("evidence/contrasts.py", "evidence/test_contrasts.py", "judging/test_ladder_controls.py")
_outcome = into("evidence/outcome.py", "evidence/test_outcome.py", "judging/test_ladder_controls.py")
_recurrence = into("evidence/recurrence.py", "judging/test_ladder_of_many.py")
_ladder = into(
    "judging/ladder.py", "judging/test_ladder.py", "judging/test_ladder_controls.py",
    "judging/test_ladder_counterexamples.py",
)  # fmt: skip
_check = into("judging/check.py", "judging/test_ladder.py")
_kept = into(
    "judging/kept_judgements.py", "judging/test_kept_judgements.py", "suite/test_recall.py",
)  # fmt: skip
_recall = into("suite/recall.py", "suite/test_recall.py")
_names = into("suite/kept.py", "suite/test_recall.py", "suite/test_kept.py")
_multiplicity = into("report/multiplicity.py", "report/test_multiplicity.py")

MUTANTS = (
    _kept(
        "store", "a judgement stands whatever became of its records",
        "if record is None or self._digest(record) != digest:", "if record is None:",
    ),
    _kept(
        "store", "only the records of the first look are compared",
        "most = max(read.values(), default=0)", "most = item.rungs()[0][0]",
    ),
    _recall(
        "store", "what came out unexpected is not looked into again",
        " and expected.allows(judgement.verdict)", "",
    ),
    _names(
        "store", "a judgement stands whatever became of the claim's code",
        "code = fingerprint.of_definition(item.module.__name__, item.originalname, but=\"harness\")",
        "code = item.originalname",
    ),
    _levels(
        "ladder", "every look is at five per cent",
        "RUNGS = ((5, 0.032), (10, 0.014), (20, 0.012))", "RUNGS = ((5, 0.05), (10, 0.05), (20, 0.05))",
    ),
    _statistics(
        "ladder", "the quick tier has a third look",
        "return QUICK_RUNGS if tier == \"quick\" else RUNGS", "return RUNGS",
    ),
    _statistics(
        "ladder", "a fixed n is judged at a tenth",
        "return ((fixed, 0.05),)", "return ((fixed, 0.1),)",
    ),
    _statistics(
        "ladder", "each of several checks is refuted at the whole level",
        "judge(relation, level, level / len(relations))", "judge(relation, level, level)",
    ),
    _statistics(
        "ladder", "each of several checks is reproduced at its share of the level alone",
        "judge(relation, level, level / len(relations))",
        "judge(relation, level / len(relations), level / len(relations))",
    ),
    _levels(
        "ladder", "looks before this one are not recorded",
        "    if spent:\n", "    if spent > 1:\n",
    ),
    _levels(
        "ladder", "a rate asked of every run climbs on after a failure",
        "return any(len(r.x) * r.rate < successes(r)[1] < len(r.x) for r in rates)", "return False",
    ),
    _statistics(
        "statistics", "what lies on the bound is reproduced",
        "bool(holding.both <= level)", "bool(holding.both <= 0.5)",
    ),
    _statistics(
        "statistics", "a claim with two bounds errs twice",
        "share = refute_level / len(failing)", "share = refute_level",
    ),
    _statistics(
        "statistics", "most runs are asked for where every run was",
        "p = float(share_p(surely, n, r.rate)) if surely == n or not r.every else 1.0",
        "p = float(share_p(surely, n, r.rate))",
    ),
    _statistics(
        "statistics", "counts are close where their test does not reject them",
        "_verdict(furthest < r.within, rejected)", "_verdict(not rejected, rejected)",
    ),
    _statistics(
        "statistics", "absence refutes",
        "        verdict = Verdict.INCONCLUSIVE\n        notes = [*_notes(x, fewest=1)",
        "        verdict = Verdict.REFUTED\n        notes = [*_notes(x, fewest=1)",
    ),
    _statistics(
        "statistics", "bounds of ratios are held against logs",
        "math.log(bound) if r.x.logarithmic and bound is not None else bound for bound", "bound for bound",
    ),
    _contrasts(
        "control", "contrasts are at five per cent",
        "CONTRAST_LEVEL = 0.01", "CONTRAST_LEVEL = 0.05",
    ),
    _contrasts(
        "control", "a contrast is enough wherever the control's estimate lies",
        "return (too_low and larger) or (too_high and smaller)",
        "return (lower is not None and larger) or (upper is not None and smaller)",
    ),
    _contrasts(
        "control", "a contrast towards the wrong side counts",
        "return (too_low and larger) or (too_high and smaller)",
        "return (too_low or too_high) and (larger or smaller)",
    ),
    _contrasts(
        "control", "a control on the wrong side fails without a contrast",
        "elif position in paired and _wrong(control, paired[position]):",
        "elif judge(control, CONTROL_LEVEL).verdict is not Verdict.REPRODUCED:",
    ),
    _contrasts(
        "control", "a control that fails nowhere discriminates",
        "    if not fails:\n        return False,", "    if not fails:\n        return True,",
    ),
    _contrasts(
        "censoring", "contrasts of censored runs are closed",
        "low=None if control.censored.any() else low,", "low=low,",
    ),
    _contrasts(
        "pairing", "a contrast is of the control with itself",
        "_contrast(claim.x, control.x)) is not None", "_contrast(control.x, control.x)) is not None",
    ),
    _outcome(
        "control", "a claim without a control is reproduced",
        '    if not negative:\n        return "no control: nothing shows that this test can fail"\n', "",
    ),
    _outcome(
        "control", "of several controls one need discriminate",
        "if blind := [c for c in negative if not c.discriminates]:",
        "if (blind := [c for c in negative if not c.discriminates]) and len(blind) == len(negative):",
    ),
    _outcome(
        "control", "a check that fails in no control is none the worse",
        "if free := uncovered(checks, controls):",
        "if (free := uncovered(checks, controls)) and not controls:",
    ),
    _outcome(
        "control", "a positive control covers checks",
        "for control in controls if not control.positive for position in control.failing}",
        "for control in controls for position in control.failing}",
    ),
    _outcome(
        "control", "a refutation needs no positive control",
        "    if not positive:\n", "    if not positive and not controls:\n",
    ),
    _outcome(
        "ladder", "one reproduced check makes a claim",
        "return Verdict.REPRODUCED if seen == {Verdict.REPRODUCED} else Verdict.INCONCLUSIVE",
        "return Verdict.REPRODUCED if Verdict.REPRODUCED in seen else Verdict.INCONCLUSIVE",
    ),
    _outcome(
        "ladder", "a refuted check is outweighed by reproduced ones",
        "    if Verdict.REFUTED in seen:\n", "    if seen == {Verdict.REFUTED}:\n",
    ),
    _recurrence(
        "ladder", "the chance to come again is that of the first look",
        "ended = (marks[rows] != 0) | hopeless | (n == looks[-1][0])", "ended = marks[rows] < 2",
    ),
    _recurrence(
        "pairing", "claim and control are drawn apart",
        "mean + kept * rest[picked] + normal * smooth,",
        "mean + kept * generator.permuted(rest[picked]) + normal * smooth,",
    ),
    _recurrence(
        "control", "the chance to come again leaves controls out",
        "doubted = ((marks == 1) & ~kept) | ((marks == -1) & ~believed)", "doubted = marks > 1",
    ),
    _ladder(
        "ladder", "a decided claim climbs on",
        "if reached is not Verdict.INCONCLUSIVE or not claim.results:\n            break",
        "if not claim.results:\n            break",
    ),
    _ladder(
        "ladder", "an undecided claim does not climb",
        "if reached is not Verdict.INCONCLUSIVE or not claim.results:\n            break",
        "if True:\n            break",
    ),
    _ladder(
        "ladder", "levels of earlier looks are not added up",
        "        spent += level\n", "        spent = level\n",
    ),
    _ladder(
        "control", "the control is judged in the claim's world",
        "heard = _Heard(item, control, claim.replicates, lab)",
        "heard = _Heard(item, None, claim.replicates, lab)",
    ),
    _ladder(
        "control", "the control has the first look's replicates",
        "heard = _Heard(item, control, claim.replicates, lab)",
        "heard = _Heard(item, control, item.rungs()[0][0], lab)",
    ),
    _ladder(
        "control", "an undecided control does not climb",
        "        if pending:\n            claim", "        if pending and False:\n            claim",
    ),
    _ladder(
        "control", "a control that names no world of the claim is accepted",
        "        if unknown:  #", "        if unknown and not changed:  #",
    ),
    _ladder(
        "statistics", "a counterexample is one example among many",
        "if item.examples is None or not is_counterexample(error):\n                raise  #",
        "if item.examples is None or not is_counterexample(error) or item.examples() > 1:\n"
        "                raise  #",
    ),
    _check(
        "report", "curves are drawn with replicates for points",
        "return rows or list(zip(*columns, strict=True))", "return rows or columns",
    ),
    _multiplicity(
        "statistics", "the p-value of several checks is the smallest",
        "return max(known) if all(", "return min(known) if all(",
    ),
    _multiplicity(
        "statistics", "p-values do not count the looks",
        "return min(1.0, check.spent + max(", "return min(1.0, max(",
    ),
    _multiplicity(
        "statistics", "the p-value of a check is that of its mean alone",
        "max(check.p_value, check.p_typical or 0.0)", "check.p_value",
    ),
    _multiplicity(
        "statistics", "claims of all tiers are adjusted together",
        "cells.setdefault((claim.paper, claim.tier), []).append(claim)",
        'cells.setdefault((claim.paper, ""), []).append(claim)',
    ),
    _multiplicity(
        "statistics", "claims without a p-value do not count among the tests",
        "holm([1.0 if p is None else p for p in raw])", "holm([p or 0.0 for p in raw])",
    ),
    _multiplicity(
        "statistics", "exact claims count among verdicts that may be false",
        "claim.verdict in decided and _statistical(claim) for claim", "claim.verdict in decided for claim",
    ),
)  # fmt: skip
