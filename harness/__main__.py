"""``python -m harness``: around pytest - list, plan, train ahead, check, render, keep store and data."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys

from harness.commands import OneLineParser
from harness.lab.environment import verified_environment
from harness.lab.pinning import pin_arithmetic
from harness.spec.untrusted import cause_of

COMMANDS = ("list", "plan", "rehearse", "train", "fresh", "report", "store", "data", "check", "doctor")
DESCRIPTION = """Around the claims of a checkout: run it at the top of one.
To judge claims, use pytest: python -m pytest claims -m quick"""
STATUSES = """exit status:
  0    done
  1    something is missing, damaged or failed, or a verdict flipped unexpectedly or came out opposite
  2    the command line is wrong, or a claim file cannot be collected
  75   asked to end before it was done (SIGTERM, SIGUSR1, --max-time): the same command goes on
  130  interrupted
(pytest has its own: 0 as expected, 1 an unexpected verdict or an error, 2 interrupted, 4 wrong command
line, missing data or unusable store, 5 nothing selected, 75 asked to end: the same command goes on)
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; the exit status."""
    parser = OneLineParser(
        prog="python -m harness",
        description=DESCRIPTION,
        epilog=f"each has examples: python -m harness plan --help\n\n{STATUSES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    for name in COMMANDS:
        importlib.import_module(f"harness.commands.{name}").add(commands)
    options = parser.parse_args(arguments)
    pin_arithmetic()  # before anything imports numpy
    if sys.stdout is None:  # it was closed (`>&-`)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as there is a process
    try:
        verified_environment()
        status = int(options.run(options))
        sys.stdout.flush()  # here, where a closed pipe is known not to matter
        return status
    except BrokenPipeError:  # `| head` has seen enough
        _silence()
        return 0
    except KeyboardInterrupt:
        print(f"python -m harness {options.command}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError, MemoryError, RecursionError) as error:
        print(f"python -m harness {options.command}: {cause_of(error)}", file=sys.stderr)
        if getattr(error, "errno", None) == errno.ENOSPC:
            _silence()  # it may be the disk behind standard output that is full
        return getattr(error, "status", 1)


def _silence() -> None:
    """Let Python's own last flush of standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
