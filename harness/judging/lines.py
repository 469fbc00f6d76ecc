"""Where in a claim's file something stands, looked up only for what is wrong."""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import os
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class ClaimLines:
    """The file of a test function.

    Args:
        function: the function as pytest calls it; hypothesis's own is looked through.
        file: the path that people are told.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
        plain = inspect.unwrap(getattr(inner, "__func__", inner))
        self.code: types.CodeType | None = getattr(plain, "__code__", None)
        self.file = file

    def at(self, line: int, text: str) -> str:
        """One line for people: file, line and what is wrong there."""
        return f"{self.file}:{line}: {written(' '.join(text.split()))}"

    @property
    def line(self) -> int:
        """That of ``def``."""
        function = self._function()
        return function.lineno if function else self._first

    @property
    def _first(self) -> int:
        """That of the first decorator."""
        return self.code.co_firstlineno if self.code else 1

    def decorator(self, name: str, number: int = 0, keyword: str = "") -> int:
        """The line of the ``number``-th decorator of a name, or of one of its keywords."""
        function = self._function()
        calls = [
            node
            for node in (function.decorator_list if function else ())
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
        ]
        if number >= len(calls):
            return self.line
        lines = [word.lineno for word in calls[number].keywords if word.arg == keyword]
        return lines[0] if lines else calls[number].lineno

    def assertion(self) -> int:
        """The line of the first assert in the function, 0 if there is none."""
        if not self.code or not any(map(_may_assert, _codes(self.code))):
            return 0
        function = self._function()
        lines = [n.lineno for n in ast.walk(function) if isinstance(n, ast.Assert)] if function else ()
        return min(lines, default=0)

    def raised(self, error: BaseException, text: str, otherwise: int) -> str:
        """One line for people: where in this file an exception came from, and where else it was raised.

        Args:
            error: with its traceback.
            text: what is wrong.
            otherwise: the line, if it came from elsewhere.
        """
        path = self.code.co_filename if self.code else ""
        of_file = [f for f in frames(error) if f.tb_frame.f_code.co_filename == path]
        body = [f.tb_lineno for f in of_file if f.tb_frame.f_code is self.code]
        return self.declared(
            body[-1] if body else of_file[-1].tb_lineno if of_file else otherwise, error, text
        )

    def declared(self, line: int, error: BaseException, text: str) -> str:
        """One line for people: a line of this file, and where else the claim's own code raised the error."""
        path = self.code.co_filename if self.code else ""
        for frame in [f for f in frames(error) if is_users(f)][-1:]:
            other, number = frame.tb_frame.f_code.co_filename, frame.tb_lineno
            if (other, number) != (path, line):
                return self.at(
                    line, f"{text} (at {self.file if other == path else os.path.relpath(other)}:{number})"
                )
        return self.at(line, text)

    def _function(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The syntax tree of the function, None where there is no source."""
        if not self.code:
            return None
        for node in ast.walk(_tree(self.code.co_filename)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == self.code.co_name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first <= self._first <= node.lineno:
                    return node
        return None


def frames(error: BaseException) -> list[types.TracebackType]:
    """The frames of an error, from where it was caught to where it was raised."""
    passed = []
    at = error.__traceback__
    while at is not None:
        passed.append(at)
        at = at.tb_next
    return passed


def written(text: str) -> str:
    """What can be written as UTF-8, without the half characters that a string may hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def is_users(frame: types.TracebackType) -> bool:
    """Is a frame of a claim's file, or of a module beside it?"""
    name, path = frame.tb_frame.f_globals.get("__name__", ""), frame.tb_frame.f_code.co_filename
    ours = name == "harness" or name.startswith("harness.")
    return not ours and "site-packages" not in path and not path.startswith((LIBRARY, "<"))


@functools.lru_cache(maxsize=4)
def _tree(path: str) -> ast.Module:
    try:
        return ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code objects of a function and of the functions and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _may_assert(code: types.CodeType) -> bool:
    """Whether code has an assert: one that pytest rewrote names its module, another loads the exception."""
    return "@pytest_ar" in code.co_names or bool(OPCODES & set(code.co_code[::2]))


LIBRARY = os.path.dirname(os.__file__)
OPCODES = {dis.opmap[name] for name in ("LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT") if name in dis.opmap}
