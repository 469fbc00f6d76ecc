"""The subcommands of ``python -m harness``, one module each: ``add`` its parser, ``run`` it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

Command = Callable[[argparse.Namespace], int]


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, instead of after its whole usage.

    Attributes:
        actions: first argument -> the parser of all that follows it. A command that takes folders may have
            actions beside them so; a folder of such a name is written with its path (``./audit``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actions: dict[str, argparse.ArgumentParser] = {}

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, and an action's arguments by the action's own parser."""
        if args and args[0] in self.actions:
            return self.actions[args[0]].parse_known_args(args[1:], namespace)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser(commands: Any, name: str, what: str, examples: str, run: Command | None = None) -> OneLineParser:
    """A subcommand whose help ends with examples.

    Args:
        run: None if its actions have their own.
        examples: what follows ``python -m harness NAME``, a line each, with its comment.
    """
    shown = [f"  python -m harness {name} {row.strip()}".rstrip() for row in examples.strip().splitlines()]
    added: OneLineParser = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog="\n".join(["examples:", *shown]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if run is not None:
        added.set_defaults(run=run)
    return added


def action(parser: OneLineParser, name: str, what: str, examples: str, run: Command) -> OneLineParser:
    """The parser of an action of a command, chosen by its first argument; its help ends with examples."""
    shown = [f"  {parser.prog} {name} {row.strip()}".rstrip() for row in examples.strip().splitlines()]
    added = OneLineParser(
        prog=f"{parser.prog} {name}",
        description=what[0].upper() + what[1:] + ".",
        epilog="\n".join(["examples:", *shown]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.set_defaults(run=run)
    parser.actions[name] = added
    return added


def print_json(value: Any) -> None:
    """Plain data or structs as indented JSON."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def sized(count: float) -> str:
    """Bytes for people: ``712 B``, ``4.1 KB``, ``16 MB``."""
    units = ["B", "KB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count, units = count / 1000, units[1:]
    return f"{count:.1f} {units[0]}" if count < 10 and units[0] != "B" else f"{count:.0f} {units[0]}"


def table(rows: Sequence[Sequence[Any]], right: str = "") -> list[str]:
    """Columns of equal width; those numbered in ``right`` ("023") are aligned to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if str(i) in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in texts
    ]
