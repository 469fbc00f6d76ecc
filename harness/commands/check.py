"""``python -m harness check``: whether a class or value of one's own keeps its contract."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import commands as shared
from harness.commands import selection

EXAMPLES = """
claims/test_mine.py:Maxout                    a class (made with its defaults) or a value of a file
claims.test_mine:WIDE                         the same by the name of the module
mine.py:Maxout --shape 3,32,32 --classes 100  on examples of another shape than 1,8,8
"""


class Unnamed(ValueError):
    """What is to be checked cannot be found or made; the message is one line."""

    status = 2


def add(commands: Any) -> None:
    """Add the parser of ``check``."""
    what = "try out what you added (model, data set, corruption ...): a line for each fault"
    parser = shared.parser(commands, "check", what, EXAMPLES, run)
    parser.add_argument("named", metavar="FILE:NAME", help="file or module, and a class or value in it")
    parser.add_argument("--shape", type=_shape, metavar="C,H,W", help="of an example (default: 1,8,8)")
    parser.add_argument("--classes", type=selection.count, metavar="N", help="their number (default: 10)")
    selection.add_place(parser, store=False)


def run(options: argparse.Namespace) -> int:
    """Print the faults, or that there are none; 1 if there are some.

    Raises:
        Unnamed: there is no such file, name, or value.
    """
    from harness.lab.conformance import examined, members, role_of
    from harness.lab.tryouts import TryoutSetting
    from harness.spec import Runnable, Value, values_in
    from harness.spec.contracts import Sourced

    value = _made(_named(options.named), options.named)
    if not any(isinstance(one, Runnable) or role_of(one) for one in members(value)):
        offers = "a model has build, a data set split, a corruption apply, a solver solve ..."
        raise Unnamed(f"{options.named} is nothing that a claim can use: {offers}")
    root = selection.data_root_of(options)
    inner = [each for one in members(value) for each in (values_in(one) if isinstance(one, Value) else [one])]
    if options.data_root and not any(isinstance(each, Sourced) for each in inner):
        raise Unnamed(f"--data-root has no effect: {options.named} reads no data; leave it out")
    plain = TryoutSetting()
    setting = TryoutSetting(options.shape or plain.shape, options.classes or plain.classes)
    lines = examined(value, root, setting)
    if lines:
        print("\n".join(lines))
        return 1
    role = role_of(value)
    print(f"{options.named}: no fault found{f', as {role.name}' if role else ''}")
    return 0


def _shape(text: str) -> tuple[int, ...]:
    sides = text.split(",")
    if not all(side.isdigit() and int(side) for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape such as 3,32,32")
    return tuple(map(int, sides))


def _named(text: str) -> object:
    """The object that ``FILE:NAME`` or ``module:NAME`` names."""
    where, colon, name = text.rpartition(":")
    if not (where and colon and name.isidentifier()):
        raise Unnamed(f"{text!r}: give FILE:NAME, claims/test_mine.py:Maxout say")
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except Unnamed:
        raise
    except (Exception, SystemExit) as error:  # a file of the user's may do anything when it is imported
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else ""
        raise Unnamed(f"{where} cannot be imported: {type(error).__name__}: {reason}") from None
    if not hasattr(module, name):
        raise Unnamed(f"{where} has no {name}")
    named: object = getattr(module, name)
    return named


def _from_file(path: Path) -> ModuleType:
    """A file as a module: by its name from here where it is in a package, as pytest imports it."""
    if not path.is_file():
        raise Unnamed(f"there is no file {path}")
    top, parts = path.resolve().parent, [path.stem]
    while (top / "__init__.py").is_file():
        top, parts = top.parent, [top.name, *parts]
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    return importlib.import_module(".".join(parts))


def _made(named: object, text: str) -> object:
    """The value itself, or a class called without arguments.

    Raises:
        Unnamed: the class needs arguments, or it is a function or module, which no contract is about.
    """
    if isinstance(named, type):
        try:
            return named()
        except (Exception, SystemExit) as error:
            reason = str(error).partition("\n")[0]
            raise Unnamed(f"{text} cannot be made without arguments ({reason}): name a value of it") from None
    if isinstance(named, ModuleType) or callable(named):
        raise Unnamed(f"{text} is a {type(named).__name__}: name a class or a value")
    return named
