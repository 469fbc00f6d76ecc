"""``python -m harness.benchmarks``: measure the engine beside its baselines on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.benchmarks import gate, speed_page, speed_report, workloads
from harness.benchmarks.feature_sweeps import Sweep
from harness.benchmarks.measure import Agenda, profiled, section
from harness.benchmarks.warm import Failure
from harness.commands import OneLineParser, selection
from harness.lab import places
from harness.lab.environment import verified_environment
from harness.spec.untrusted import cause_of

NAME = "python -m harness.benchmarks"
EPILOG = """examples:
  python -m harness.benchmarks                                everything on the CPU, into reports/
  python -m harness.benchmarks --device cuda                  fleets of 1 to 64 replicas on a GPU
  python -m harness.benchmarks --only mlp-1x512 gate          two parts, printed and not written
  python -m harness.benchmarks --quick                        smaller sizes, 2 rounds, printed and not written
  python -m harness.benchmarks --only student-cnn --out /tmp  written to another place

Leave the machine alone meanwhile: a round in which other processes took more than 12 % of it is repeated.
exit status: 0 measured, 1 something failed or the quality gate was not passed, 2 the command line is wrong
"""
GATE, STARTUP, SWEEP = "gate", "start-up", Sweep().name


def main(arguments: list[str] | None = None) -> int:
    """Measure, write or print; the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        verified_environment()
        measured = _again(asked) if asked.profiles else section(plan(asked))
        print(_written(speed_report.SpeedReport(sections=(measured,)), asked))
    except (Failure, RuntimeError, ValueError, OSError) as error:
        print(f"{NAME}: {cause_of(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted", file=sys.stderr)
        return 130
    return 0 if all(judged.passed for judged in measured.gates) else 1


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=NAME,
        description="Time the engine and what a person would write instead, in shuffled rounds side by side.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu (default), cuda or cuda:1")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help=f"parts: {', '.join(_parts('cpu'))}"
    )
    parser.add_argument(
        "--rounds", type=_positive, default=None, metavar="N", help="undisturbed rounds (default 5)"
    )
    parser.add_argument(
        "--out", type=selection.path, metavar="DIR", help="where to write speed.json and speed.md"
    )
    parser.add_argument(
        "--profiles",
        action="store_true",
        help="profile the rows of the report there that missed their target; nothing is timed again",
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller sizes, 2 rounds, no gate: does it work?"
    )
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds: use 1 or more")
    return int(text)


def _parts(device: str) -> list[str]:
    if device.startswith("cuda"):
        return [workload.name for workload in workloads.on_gpu()] + [GATE]
    return [workload.name for workload in workloads.WORKLOADS] + [SWEEP, GATE, STARTUP]


def plan(asked: argparse.Namespace) -> Agenda:
    """What the command line asks for.

    Raises:
        ValueError: an unknown part, or a device that is not there.
    """
    places.place(device=asked.device)  # refuses what is not there
    parts = _parts(asked.device)
    unknown = [name for name in asked.only if name not in parts]
    if unknown:
        raise ValueError(f"--only {unknown[0]}: no such part; use {', '.join(parts)}")
    wanted = asked.only or [part for part in parts if part != GATE or not asked.quick]
    gpu = asked.device.startswith("cuda")
    trained = [w for w in (workloads.on_gpu() if gpu else workloads.WORKLOADS) if w.name in wanted]
    swept = [Sweep()] if SWEEP in wanted else []
    if asked.quick:
        trained, swept = [w.smaller() for w in trained], [s.smaller() for s in swept]
    return Agenda(
        workloads=tuple(trained),
        sweeps=tuple(swept),
        device=asked.device,
        processes=places.processes(asked.device),
        engines=("chosen", "reference") if gpu else ("chosen",),
        rounds=asked.rounds or (2 if asked.quick else 5),
        endings=gate.ENDINGS if GATE in wanted else (),
        starts=0 if STARTUP not in wanted else 1 if asked.quick else 5,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )


def _again(asked: argparse.Namespace) -> speed_report.DeviceSection:
    """The section of the report there for this device, with new profiles.

    Raises:
        ValueError: there is no such section, or parts were asked for.
    """
    folder = asked.out or Path("reports")
    device = asked.device.partition(":")[0]
    sections = [s for s in speed_report.read(folder / "speed.json").sections if s.device == device]
    if not sections:
        raise ValueError(f"--profiles: {folder / 'speed.json'} has no section for {device}; measure first")
    if asked.only or asked.quick or asked.rounds:
        raise ValueError("--profiles profiles what is in the report: leave out --only, --quick and --rounds")
    return profiled(sections[0], workloads.on_gpu() if device == "cuda" else workloads.WORKLOADS)


def _written(report: speed_report.SpeedReport, asked: argparse.Namespace) -> str:
    """The report in Markdown; a full run, or one with --out, is written beside the other device's section."""
    partial = asked.quick or bool(asked.only)
    if asked.out is None and partial:
        return speed_page.render(report)
    folder = asked.out or Path("reports")
    folder.mkdir(parents=True, exist_ok=True)
    whole = speed_report.with_section(speed_report.read(folder / "speed.json"), report.sections[0])
    (folder / "speed.json").write_bytes(speed_report.encode(whole))
    (folder / "speed.md").write_text(speed_page.render(whole), encoding="utf-8")
    return f"wrote {folder / 'speed.json'} and {folder / 'speed.md'}"


if __name__ == "__main__":
    sys.exit(main())
