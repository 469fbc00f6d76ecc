"""The text of code: it tells apart what Python tells apart, and nothing else."""

from __future__ import annotations

import ast

import pytest

from harness.spec.syntax import code_of


def parsed(source: str) -> str:
    return code_of(ast.parse(source).body, "").text


@pytest.mark.parametrize(
    "source",
    [
        "x = None", "def f(*, a, b=1): return a", "class A(B, metaclass=C): x: int = 1", "f'{a!r:>{w}} b'",
        "async def f():\n    async with a as b: yield b",
        "match x:\n    case [1, *_]: pass\n    case None: pass",
        "lambda *a, **k: (yield)", "{**a, 'b': 1}", "x[1:2, ...]", "try: pass\nexcept* E: pass",
        "[y := f(x) for x in z]", "class A:\n    x: ClassVar[int] = 1",
    ],
)  # fmt: skip
def test_the_text_tells_apart_what_python_tells_apart(source: str) -> None:
    text = parsed(source)
    assert text != parsed(source + "\ny = 1")
    assert text == parsed(ast.unparse(ast.parse(source)))
    assert "lineno" not in text
    assert "None=" not in text


@pytest.mark.parametrize(
    "one, other",
    [
        ("def f(a, b): pass", "def f(a, *, b): pass"),
        ("def f(a, /, b): pass", "def f(a, b): pass"),
        ("def f(a, b=1): pass", "def f(a=1, b=1): pass"),
        ("def f(*, a, b=1): pass", "def f(*, a=1, b): pass"),
        ("def f(*a): pass", "def f(**a): pass"),
        ("@g\ndef f(a=1): pass", "def f(a=1): pass"),
        ("class A:\n    x: int", "class A:\n    x: ClassVar[int]"),
        ("x = a.b", "x = a\nx.b"),
        ("del x", "x"),
        ("'x'", "x"),
    ],
)
def test_these_are_told_apart(one: str, other: str) -> None:
    assert parsed(one) != parsed(other)


def test_none_true_and_nothing_are_told_apart() -> None:
    sources = ("return", "return None", "return True", "return 1", "return 1.0", "return '1'", "return b'1'")
    assert len({parsed(f"def f():\n    {source}") for source in sources}) == len(sources)
