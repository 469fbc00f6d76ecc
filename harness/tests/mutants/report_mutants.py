"""Mistakes in what is shown: another column, count, unit, interval or reason than was judged."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_wording = into("report/wording.py", "report/test_wording.py", "report/test_report.py")
_contents = into(
    "report/contents.py", "report/test_contents.py", "report/test_report.py", "report/test_html.py"
)
_markdown = into("report/markdown.py", "report/test_report_cells.py", "report/test_markdown.py")
_tally = into("report/tally.py", "report/test_tally.py", "report/test_contents.py")
_printed = into("report/printed.py", "report/test_tally.py")
_counts = into("report/trust.html.jinja", "report/test_report_cells.py", "report/test_html.py")
_statement = into("report/statement.html.jinja", "report/test_report_cells.py", "report/test_html.py")
_statements = into("report/statements.py", "report/test_statements.py", "report/test_report_cells.py")
_parts = into("report/parts.html.jinja", "report/test_report_cells.py", "report/test_html.py")
_words = into("report/words.py", "report/test_words.py")
_cards = into("report/cards.py", "report/test_cards.py")
_matrix = into("report/matrix.py", "report/test_matrix.py")
_plates = into("report/plates.py", "report/test_plates.py")
_forest = into("report/forest.py", "report/test_forest.py")
_track = into("report/track.py", "report/test_track.py")
_figures = into("report/figures.py", "report/test_figures.py")
_costs = into("report/costs.py", "report/test_costs.py")
_badge = into("report/badge.py", "report/test_badge.py")
_readme = into("report/readme.py", "test_readme.py")
_diff = into("report/diff.py", "report/test_diff.py")
_reporting = into("suite/reporting.py", "suite/test_reporting.py", "suite/test_plugin.py")
_said = into("spec/said.py", "spec/test_said.py")
_entries = into("suite/entries.py", "suite/test_entries.py", "suite/test_plugin.py")
_verdict = into("spec/verdict.py", "report/test_wording.py", "suite/test_terminal.py")

MUTANTS = (
    _wording(
        "report", "intervals are shown from the estimate up",
        "low, high = (_rounded(end, _decimals(evidence)) for end in (evidence.low, evidence.high))",
        "low, high = (_rounded(end, _decimals(evidence)) for end in (evidence.estimate, evidence.high))",
    ),
    _wording(
        "report", "an interval open below is shown as one open above",
        'return f"up to {high}"', 'return f"from {high}"',
    ),
    _wording(
        "report", "an upper bound is shown as a lower one",
        """f"{'below' if evidence.level else 'at most'} {number(high)}\"""",
        """f"{'above' if evidence.level else 'at least'} {number(high)}\"""",
    ),
    _wording(
        "report", "levels are shown as shares with a per cent sign",
        'f"{100 * evidence.level:.3g} %"', 'f"{evidence.level:.3g} %"',
    ),
    _wording(
        "report", "minutes are shown in seconds",
        'return f"{minutes} min" if minutes < UNITS else',
        'return f"{seconds:.0f} min" if minutes < UNITS else',
    ),
    _wording(
        "report", "minutes are shown as hours",
        'f"{minutes / 60:.1f} h"', 'f"{minutes:.1f} h"',
    ),
    _wording(
        "report", "rates are shown by what failed",
        'return f"{round(evidence.estimate * evidence.n)} of {evidence.n}"',
        'return f"{round((1 - evidence.estimate) * evidence.n)} of {evidence.n}"',
    ),
    _wording(
        "report", "small p-values are shown as none",
        'return "< 1e−6" if value < SMALLEST_P', 'return NOTHING if value < SMALLEST_P',
    ),
    _wording(
        "report", "runs that diverged are left out of the values",
        """", ".join("diverged" if value is None else number(value) for value in evidence.values)""",
        """", ".join(number(value) for value in evidence.values if value is not None)""",
    ),
    _wording(
        "report", "an interval's end is rounded onto its bound",
        "if all(round(end, d) != round(bound, d) for end, bound in apart)", "if d >= least",
    ),
    _wording(
        "report", "runs that were carried are shown as computed",
        'carried = f"carried, proof {run.carried}" if run.carried else ""', 'carried = ""',
    ),
    _wording(
        "report", "a tree with uncommitted changes is shown as its commit",
        """{seen.commit or installed}{' (with uncommitted changes)' if seen.dirty else ''}""",
        "{seen.commit or installed}",
    ),
    _wording(
        "report", "runs that were read are shown as trained",
        'f"{seen.trained_runs:,} trained in', 'f"{seen.trained_runs + seen.reused_runs:,} trained in',
    ),
    _wording(
        "report", "an expected refutation is shown as unexpected",
        "    if claim.unexpected:\n        return f\"unexpected:",
        "    if claim.unexpected or claim.verdict is not Verdict.REPRODUCED:\n        return f\"unexpected:",
    ),
    _wording(
        "report", "a control that tells nothing is shown as one that does",
        'return "it discriminates" if discriminates else "it does not discriminate"',
        'return "it discriminates" if not discriminates else "it does not discriminate"',
    ),
    _contents(
        "report", "verdicts of all tiers are counted at each",
        "Counter(i.verdict for i in self.items if i.tier == name)", "Counter(i.verdict for i in self.items)",
    ),
    _tally(
        "report", "a paper's row counts the verdicts that were expected",
        "counts=Counter(claim.verdict for claim in firsts.get(cell, ())),",
        "counts=Counter(claim.expected for claim in firsts.get(cell, ())),",
    ),
    _tally(
        "report", "claims that make the same checks of the same runs are counted each",
        "if checked[i] and checked[i] <= checked[j]", "if checked[i] and checked[i] < checked[j]",
    ),
    _tally(
        "report", "claims that share their runs are one piece whatever they check",
        "if checked[i] and checked[i] <= checked[j]", "if checked[i]",
    ),
    _tally(
        "report", "a source's statement is counted under our own name",
        "(kinds.index(members[i].kind), -len(checked[i]), i)", "(-len(checked[i]), i)",
    ),
    _printed(
        "report", "a number is shown beside another printed one",
        "if printed_at(bounds, value):", "if True:",
    ),
    _printed(
        "report", "a number of which controls doubt is reproduced",
        "or self.claim.verdict is Verdict.INCONCLUSIVE", "",
    ),
    _contents(
        "report", "the earlier of two sessions is shown",
        "latest = {(claim.id, claim.tier): claim for report in reports for claim",
        "latest = {(claim.id, claim.tier): claim for report in reversed(reports) for claim",
    ),
    _contents(
        "report", "what was not tested is left out",
        "missing.append(Missing(item.id, item.tier, item.paper, item.says, why))", "why = item.reason",
    ),
    _tally(
        "report", "unexpected verdicts of a row are counted as all",
        "unexpected=sum(claim.unexpected for claim in", "unexpected=sum(1 for claim in",
    ),
    _contents(
        "report", "disputes are between claims of one paper",
        "apart = one.paper != other.paper and one.family == other.family",
        "apart = one.paper == other.paper and one.family == other.family",
    ),
    _markdown(
        "report", "the columns of estimate and interval are exchanged",
        "numbers = [wording.estimate(check), wording.interval(check), str(check.n)]",
        "numbers = [wording.interval(check), wording.estimate(check), str(check.n)]",
    ),
    _markdown(
        "report", "of each claim the first check is shown, not the one that decides",
        "check = next((c for c in claim.checks if c.verdict is not Verdict.REPRODUCED), claim.checks[0])",
        "check = claim.checks[0]",
    ),
    _markdown(
        "report", "Holm's p stands in the column of p",
        "chances = multiplicity.p_value(claim), contents.adjusted.get((claim.id, claim.tier))",
        "chances = contents.adjusted.get((claim.id, claim.tier)), multiplicity.p_value(claim)",
    ),
    _statement(
        "report", "the control's checks are the claim's",
        "{% for check in world.checks %}", "{% for check in one.checks %}",
    ),
    _markdown(
        "report", "what was not reproduced is left out where space is short",
        "if claim.verdict not in as_said:", "if claim.verdict in as_said:",
    ),
    _counts(
        "report", "the page counts one verdict in all columns",
        " zero' }}\">{{ row.counts[verdict] }}</td>",
        " zero' }}\">{{ row.counts[verdicts[0]] }}</td>",
    ),
    _counts(
        "report", "the page's total of unexpected verdicts is that of claims",
        '">{{ unexpected }}</td>',
        '">{{ c.claims|length }}</td>',
    ),
    _parts(
        "report", "the page shows the level where n belongs",
        "<td>{{ w.count(check.n) }}", "<td>{{ w.level(check) }}",
    ),
    _statement(
        "report", "the page shows the claim's verdict beside each of its checks",
        "{{ part.chip(line.check.verdict) }}", "{{ part.chip(line.item.verdict) }}",
    ),
    _statement(
        "report", "the page shows the control's interval in place of the difference's",
        "{{ w.difference(between) }} ({{ w.interval(between) }})",
        "{{ w.difference(between) }} ({{ w.interval(check) }})",
    ),
    _statements(
        "report", "a difference stands beside the check before its own",
        "beside[position], after = contrast, position + 1",
        "beside[max(position - 1, 0)], after = contrast, position + 1",
    ),
    _statements(
        "report", "what is said of one test is said of all of its tier",
        "return \"; \".join(names)", "return \"\"",
    ),
    _words(
        "report", "an order is told the wrong way round",
        "{high} above {low}", "{low} above {high}",
    ),
    _words(
        "report", "a limit above is told as one below",
        'return _compared(check, "<", "below", check.upper_bound)',
        'return _compared(check, "<", "above", check.upper_bound)',
    ),
    _cards(
        "report", "a card shows the claim's runs as its control's",
        "control = _finite(value for check in there for value in check.values)[:MOST]",
        "control = _finite(value for check in checks for value in check.values)[:MOST]",
    ),
    _cards(
        "report", "a card calls reproduced what was not run",
        "verdicts = Counter({Verdict.NOT_RUN: 1})", "verdicts = Counter({Verdict.REPRODUCED: 1})",
    ),
    _matrix(
        "report", "what is only retold counts as said by its source",
        "if row.kind is Saying.STATEMENT or row.paper.key == OURS:",
        "if row.kind in (Saying.STATEMENT, Saying.RETOLD) or row.paper.key == OURS:",
    ),
    _plates(
        "report", "a figure's lines begin where the one before ends",
        'pieces.append(f"M{_joined(points[0])}" +', 'pieces.append(f"m{_joined(points[0])}" +',
    ),
    _parts(
        "report", "an SVG's interval is drawn from the left edge",
        '<path d="M{{ x(laid.low) }} 10H{{ x(laid.high) }}', '<path d="M{{ x(0) }} 10H{{ x(laid.high) }}',
    ),
    _forest(
        "report", "checks below a bound are drawn as if they were above",
        "_towards(check, check.upper_bound, check.high, check.low, -1.0),",
        "_towards(check, check.upper_bound, check.low, check.high, 1.0),",
    ),
    _forest(
        "report", "ratios are drawn without their logs",
        "    if check.logarithmic:\n        values =", "    if False:\n        values =",
    ),
    _forest(
        "report", "of two bounds the farther one is drawn",
        "return min(sides, key=lambda side: side.estimate, default=None)",
        "return max(sides, key=lambda side: side.estimate, default=None)",
    ),
    _track(
        "report", "a side without limit is drawn closed",
        "open_high=interval and high is None,", "open_high=False,",
    ),
    _track(
        "report", "the control is drawn where the claim is",
        "control=place(beside),", "control=place(evidence.estimate) if control else None,",
    ),
    _figures(
        "report", "mean curves go on over the runs that last longest",
        "np.where(2 * count >= max(len(rows), 1), total", "np.where(count >= 1, total",
    ),
    _figures(
        "report", "mean curves count ended runs as zero",
        "total / np.maximum(count, 1), np.nan)", "total / max(len(rows), 1), np.nan)",
    ),
    _figures(
        "report", "tiers share a figure",
        "cells.setdefault((claim.paper, series.figure, claim.tier), [])",
        "cells.setdefault((claim.paper, series.figure, \"quick\"), [])",
    ),
    _costs(
        "report", "runs that two families share count twice in the total",
        'total = Cost("", "", len(claims), len(every), _seconds(every.values()), _overlap(read.values()))',
        'total = Cost("", "", len(claims), len(every), sum(c.seconds for c in costed), '
        '_overlap(read.values()))',
    ),
    _costs(
        "report", "replicates of one experiment cost as one",
        "return {(run.address, run.replicate): run for run in runs}",
        "return {(run.address, 0): run for run in runs}",
    ),
    _badge(
        "report", "the badge is green whatever came out unexpectedly",
        "if contents.unexpected or Verdict.ERROR in verdicts:", "if Verdict.ERROR in verdicts:",
    ),
    _readme(
        "report", "README counts what was not run as reproduced",
        "judged.get(key, Verdict.NOT_RUN)", "judged.get(key, Verdict.REPRODUCED)",
    ),
    _diff(
        "diff", "a change is before less after",
        "else y.estimate - x.estimate", "else x.estimate - y.estimate",
    ),
    _diff(
        "diff", "every flip is expected",
        "        unexpected=b.unexpected,\n", "        unexpected=a.unexpected,\n",
    ),
    _diff(
        "diff", "a flip is told the wrong way round",
        "        before=a.verdict,\n        after=b.verdict,\n",
        "        before=b.verdict,\n        after=a.verdict,\n",
    ),
    _diff(
        "diff", "items of two tiers are one",
        "({(c.id, c.tier): c for c in report.claims} for report",
        "({(c.id, \"\"): c for c in report.claims} for report",
    ),
    _diff(
        "diff", "ratios are compared by differences",
        "change = math.log(y.estimate / x.estimate) if x.logarithmic else y", "change = y",
    ),
    _diff(
        "diff", "intervals of changes have the deviation of one report",
        "welch_interval(change, (x.spread, y.spread), (x.n, y.n), LEVEL)",
        "welch_interval(change, (x.spread, x.spread), (x.n, y.n), LEVEL)",
    ),
    _diff(
        "diff", "a bound that was moved is not told",
        '        *((f"bound: {y.statement}", wording.bound(x), wording.bound(y)) for _, x, y in '
        '_pairs(a, b)),\n',
        "",
    ),
    _diff(
        "diff", "the smallest changes come first",
        "key=lambda c: -c.size)),", "key=lambda c: c.size)),",
    ),
    _reporting(
        "report", "a lost worker's claims are left out",
        "self.claims.setdefault((entry.id, entry.tier), entry)",
        "self.claims.get((entry.id, entry.tier), entry)",
    ),
    _reporting(
        "report", "the machine's paths are part of the report",
        'shown.append("DIR" if os.path.isabs(argument) else argument)', "shown.append(argument)",
    ),
    _reporting(
        "report", "runs that were trained count as reused too",
        "reused_runs=len(set(exchange.read) - set(exchange.computed)),",
        "reused_runs=len(set(exchange.read)),",
    ),
    _entries(
        "report", "an inconclusive verdict is always expected",
        "unexpected=judgement.verdict is not Verdict.NOT_RUN and not",
        "unexpected=judgement.verdict not in (Verdict.NOT_RUN, Verdict.INCONCLUSIVE) and not",
    ),
    _entries(
        "report", "what the control read is listed as the claim's",
        "        control_runs=judgement.control_runs,\n", "        control_runs=judgement.runs,\n",
    ),
    _entries(
        "report", "why a source prints no number is lost on the way into a report",
        "        unprinted=claim.unprinted,\n", "",
    ),
    _said(
        "report", "a statement need not say what its source prints",
        "if kind is Saying.STATEMENT and not reported and unprinted is None:",
        "if kind is Saying.PRINTED and not reported and unprinted is None:",
    ),
    _entries(
        "report", "what was changed from the source is another tier's",
        "adapted=claim.adapted[tier],", "adapted=next(iter(claim.adapted.values())),",
    ),
    _verdict(
        "report", "inconclusive has the sign of reproduced",
        '"refuted": "✗", "inconclusive": "?"', '"refuted": "✗", "inconclusive": "✓"',
    ),
)  # fmt: skip
