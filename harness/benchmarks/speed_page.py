"""The speed report as GitHub-flavoured Markdown, from the report alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.benchmarks.rounds import Ratio
from harness.benchmarks.speed_report import (
    LARGE,
    DeviceSection,
    Gate,
    Profile,
    SpeedReport,
    SpeedRow,
    Startup,
    Unused,
)

NONE = "–"
LETTERS = {"plain": "(a)", "tuned": "(b)", "sklearn": "(c)"}
LEGEND = """Ratios are wall time of the baseline over ours: above 1 we are faster. Median of the rounds
[smallest to largest].

* **(a)** what tutorials and reproductions do: `DataLoader(TensorDataset, shuffle=True)`, a textbook
  `nn.Module`, `torch.optim.SGD`, `loss.item()` and accuracy each step, float32, torch's default threads.
* **(b)** the same loop tuned, at the row's precision: resident tensors, `index_select`, fused SGD, the
  fastest number of threads and, for convolutions, memory layout; as many images evaluated at once as by us.
* **(c)** scikit-learn: `MLPClassifier` in float32, `LinearRegression` for random features.
"""


def render(report: SpeedReport) -> str:
    """The whole report."""
    parts = ["# Speed", LEGEND.rstrip(), *(part for section in report.sections for part in _section(section))]
    return "\n\n".join(parts) + "\n"


def _section(section: DeviceSection) -> list[str]:
    machine = section.machine
    named = ", ".join(filter(None, (machine.processor, machine.family)))
    title = f"CPU: {named}" if section.device == "cpu" else f"GPU: {machine.accelerator}"
    parts = [f"## {title}", _machine(section)]
    if section.rows:
        parts.append(_rows(section.rows) if section.device == "cpu" else _fleets(section.rows))
        parts += _kernels(section.rows)
    parts += ["### Losses", *_losses(section)]
    if section.profiles:
        parts += ["### Missed targets", _profiles(section)]
    if section.startup:
        parts += ["### Start-up", _startup(section.startup)]
    if section.gates:
        parts += ["### Quality gate", *_gates(section.gates)]
    if section.left_out:
        parts += ["### Not measured", *_bullets(section.left_out)]
    return [*parts, "### Method", _method(section)]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table: the first column to the left, the others to the right."""
    names = list(head)
    ruler = ["---", *["---:"] * (len(names) - 1)]
    lines = [names, ruler, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, never as a power of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: Ratio | None) -> str:
    """Median with the range."""
    if value is None:
        return NONE
    return f"**{number(value.median)}** [{number(value.low)} to {number(value.high)}]"


def _machine(section: DeviceSection) -> str:
    machine, versions = section.machine, section.machine.versions
    peaks = _rates({peak.precision: peak.tflops for peak in section.peaks})
    units = _rates({peak.precision: peak.units for peak in section.peaks if peak.units})
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    wide = f" in vectors of {machine.vector_bits} bits" if machine.vector_bits else ""
    named = ", ".join(filter(None, (machine.processor, machine.family)))
    where = f"{named}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.instructions}{wide}"
    lines = [
        f"Measured {section.date[:10]} at commit {section.commit[:12] or 'unknown'}"
        + (" with changes" if section.commit.endswith("+") else "")
        + f", on {machine.accelerator + ', ' if machine.accelerator else ''}{where}.",
        f"Fastest matrix product of this run: {peaks}."
        + (f" Vector units alone, all cores: {units}." if units else ""),
        f"Versions: {shown}.",
    ]
    return "  \n".join(lines)


def _rates(tflops: Mapping[str, float]) -> str:
    return ", ".join(f"{number(value * 1000)} GFLOP/s in {precision}" for precision, value in tflops.items())


def _marked(row: SpeedRow) -> str:
    return f"{row.title}{' †' if row.disturbed else ''}"


def _target(row: SpeedRow) -> str:
    if row.target is None:
        return NONE
    return f"{row.target:g} {'met' if row.met else '**missed**'}"


def _share_target(row: SpeedRow) -> str:
    target = row.share_target
    if target is None:
        return NONE
    return f"{target:.0%} {'met' if (row.peak_share or 0.0) >= target else '**missed**'}"


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.0%}"


def _rows(rows: Sequence[SpeedRow]) -> str:
    head = (
        "workload", "precision", "(a)", "(b)", "(c)", "CPU time, (a)", "target over (a)",
        "of the product", "of the units", "target of the product",
    )  # fmt: skip
    cells = (
        (
            _marked(row), row.precision, ratio(row.plain), ratio(row.tuned), ratio(row.sklearn),
            ratio(row.cpu), _target(row), _share(row.peak_share), _share(row.unit_share), _share_target(row),
        )
        for row in rows
    )  # fmt: skip
    return table(head, cells) + _footnote(rows)


def _profiles(section: DeviceSection) -> str:
    """Where the rows that missed their target spend their time, and how near to the peak they are."""
    peaks = {(row.title, row.precision): row.peak_share for row in section.rows}

    def cells(profiled: Profile) -> tuple[str, ...]:
        peak = peaks.get((profiled.title, profiled.precision))
        spent = ", ".join(f"{part.what} {part.share:.0%}" for part in profiled.shares)
        return profiled.title, profiled.precision, _share(peak), spent

    head = ("workload", "precision", "of peak", "where one training of ours spends its time")
    (commit, *others) = sorted({profiled.commit[:12] for profiled in section.profiles})
    by = f"Profiled at commit {commit or 'unknown'}{' and others' if others else ''}. "
    note = by + (
        "Time in the library's own convolutions is not shortened by another loop around them: that would "
        "take convolutions of our own. Shares of what moves memory, as batch normalization does, differ from "
        "profile to profile."
    )
    return f"{table(head, map(cells, section.profiles))}\n\n{note}"


def _fleets(rows: Sequence[SpeedRow]) -> str:
    head = (
        "model",
        "replicas",
        "precision",
        "kernel",
        "images/s",
        "(a)",
        "(b)",
        "TFLOP/s",
        "of peak",
        "epoch, s",
    )
    cells = (
        (
            _marked(row), str(row.cells), row.precision, _engine(row), number(row.images_per_second or 0.0),
            ratio(row.plain), ratio(row.tuned), number(row.tflops or 0.0),
            _share(row.peak_share), number(row.seconds / row.cells),
        )
        for row in rows
    )  # fmt: skip
    note = "\n\n(a) and (b) train one replica; times are per replica, and so are the seconds of an epoch."
    return table(head, cells) + note + _footnote(rows)


def _engine(row: SpeedRow) -> str:
    return row.kernel + (" (forced)" if row.engine == "reference" else "")


def _footnote(rows: Sequence[SpeedRow]) -> str:
    disturbed = any(row.disturbed for row in rows)
    return "\n\n† too few rounds were undisturbed: all are used" * disturbed


def _kernels(rows: Sequence[SpeedRow]) -> list[str]:
    """What each row was trained by, and how the baselines ran."""
    lines = []
    for row in rows:
        if row.engine == "chosen":
            notes = ", ".join(sorted(f"{LETTERS[key.split()[0]]} {note}" for key, note in row.notes.items()))
            size = f"{row.cells} cells of {row.parameters:,} parameters"
            rejected = f"; rejected rounds: {row.rejected}" if row.rejected else ""
            lines.append(f"{row.title}, {row.precision}: {size}, by `{row.kernel}`; {notes}{rejected}")
    return [
        "<details><summary>Kernels and settings</summary>",
        "\n".join(f"* {line}" for line in lines),
        "</details>",
    ]


def _losses(section: DeviceSection) -> list[str]:
    """Where ours is slower than a baseline, and the variants that were measured and are not used."""
    lost = [
        f"{row.title}, {row.precision}, {_engine(row)}: {number(compared.median)} of {LETTERS[name]}"
        for row in section.rows
        for name, compared in (("plain", row.plain), ("tuned", row.tuned), ("sklearn", row.sklearn))
        if compared is not None and compared.median < 1
    ]
    parts = _bullets(lost) if lost else ["Ours is slower than none of the baselines above."]
    return [*parts, *_unused(section.unused)]


def _unused(rows: Sequence[Unused]) -> list[str]:
    if not rows:
        return []
    head = ("not used by the engine", "workload", "(a) over it", "how")
    cells = ((row.variant, row.title, ratio(row.ratio), row.note) for row in rows)
    return [table(head, cells)]


def _startup(rows: Sequence[Startup]) -> str:
    head = ("what", "seconds", "imports of torch, scipy, sklearn", "target, s")
    cells = (
        (
            row.what.replace("_", "\\_"), ratio(row.seconds),
            NONE if row.imported is None else ", ".join(row.imported) or "none",
            NONE if row.target is None else f"{row.target:g} {'met' if row.met else '**missed**'}",
        )
        for row in rows
    )  # fmt: skip
    return table(head, cells)


def _gates(gates: Sequence[Gate]) -> list[str]:
    head = ("epochs to fit", "precision", "kernel", "median", "reference", "unfitted", "ratio (95 %)", "gate")
    cells = (
        (
            gate.title, gate.precision, gate.kernel, f"{gate.median:g}", f"{gate.reference_median:g}",
            f"{gate.unfitted} and {gate.unfitted_reference} of {gate.replicates}", _interval(gate),
            "passed" if gate.passed else "**not passed**",
        )
        for gate in gates
    )  # fmt: skip
    margins = ", ".join(sorted({f"{gate.margin:g}" for gate in gates}))
    said = (
        "Passed when the 95 % interval of the ratio of epochs, paired by replicate, lies within "
        f"1 / {margins} and {margins} and every run fits."
    )
    return [table(head, cells), said]


def _interval(gate: Gate) -> str:
    if gate.ratio is None or gate.low is None or gate.high is None:
        return NONE
    return f"{gate.ratio:.3f} [{gate.low:.3f} to {gate.high:.3f}]"


def _bullets(lines: Iterable[str]) -> list[str]:
    return ["\n".join(f"* {line}" for line in lines)]


def _method(section: DeviceSection) -> str:
    lines = (
        f"{section.rounds} rounds; in each, every variant once, in a new random order, in processes that "
        "stay warm. Start-up is measured apart.",
        "Wall time of all cells, from data in memory to final errors (ours: to records on disk, read back); "
        "after each epoch everyone measures the errors on training and test images.",
        f"Rounds beside which other processes took more than {section.foreign_limit:.0%} of the machine are "
        f"thrown away and repeated, at most {section.repeats} per workload.",
        "CPU time counts every process of a variant. Inputs are Gaussian, labels random in part; parameter "
        "counts are equal.",
        f"Shares of a rate: {section.formula}; over the fastest matrix product at that precision, and over "
        "what the vector units do on registers alone, all cores at once. Above 100% where the product leaves "
        "part of the units idle, or where products with padding are counted that convolutions skip. Nets of "
        f"more than {LARGE:,} weights aim at a share of the product, for where their products and "
        "convolutions run at its rate no other loop around them is faster.",
    )
    return "\n".join(f"* {line}" for line in lines)
