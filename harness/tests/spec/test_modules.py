"""The code that counts in an address: all that is reached, a user's own modules included."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.spec import Simulation
from harness.spec.fingerprint import fingerprint, forget, unseen
from harness.spec.modules import is_followed

PACKAGE = {
    "own/__init__.py": "from own.inner import reexported\n",
    "own/inner.py": "def reexported():\n    return 1\n\ndef starred():\n    return 2\n",
    "own/deep/__init__.py": "",
    "own/deep/leaf.py": "from ..inner import starred as renamed\n\ndef leaf():\n    return renamed()\n",
    "own/whole.py": "A = 1\n\ndef unused():\n    return 4\n",
    "beside.py": "LEVEL = 3\n",
    "fingerprinted.py": """
        import beside
        import own.deep.leaf
        from numpy.linalg import norm
        from own import reexported
        from own.inner import *

        def by_name(generator):
            return {"x": reexported()}

        def by_star(generator):
            return {"x": starred()}

        def by_path(generator):
            return {"x": own.deep.leaf.leaf()}

        def by_module(generator):
            return {"x": beside.LEVEL}

        def late(generator):
            from own import whole
            return {"x": vars(whole)}

        def by_text(generator):
            import importlib
            return {"x": importlib.import_module("own.whole").A}

        def outside(generator):
            return {"x": norm([generator.random()])}
    """,
}

Edit = Callable[..., str]


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """Sources are read once a process; here they change within one."""
    forget()
    yield
    forget()


@pytest.fixture
def of_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """The fingerprint of a function that reads a user's own modules, after replacing text in one file."""
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    module = importlib.import_module("fingerprinted")

    def edited(function: str, name: str = "beside.py", old: str = "", new: str = "") -> str:
        plain = textwrap.dedent(PACKAGE[name])
        assert old in plain
        (tmp_path / name).write_text(plain.replace(old, new, 1) if old else plain)
        forget()
        try:
            return fingerprint(Simulation(getattr(module, function)))
        finally:
            (tmp_path / name).write_text(plain)

    yield edited
    for name in [n for n in sys.modules if n.partition(".")[0] in ("own", "beside", "fingerprinted")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "function, name, old, new",
    [
        ("by_name", "own/inner.py", "return 1", "return 5"),  # by way of a package that names it again
        ("by_star", "own/inner.py", "return 2", "return 5"),
        ("by_path", "own/inner.py", "return 2", "return 5"),  # by way of a relative import
        ("by_path", "own/deep/leaf.py", "renamed()", "renamed() + 1"),
        ("by_module", "beside.py", "3", "4"),
        ("late", "own/whole.py", "return 4", "return 5"),  # a module passed on counts as a whole
        ("by_text", "own/whole.py", "A = 1", "A = 2"),
        ("outside", "fingerprinted.py", "from numpy.linalg", "from scipy.linalg"),
    ],
)
def test_a_users_own_modules_are_followed(
    of_package: Edit, function: str, name: str, old: str, new: str
) -> None:
    assert of_package(function, name, old, new) != of_package(function)


@pytest.mark.parametrize(
    "function, name, old, new",
    [
        ("by_name", "own/inner.py", "return 2", "return 5"),
        ("by_name", "own/inner.py", "def reexported", "class More: ...\n\ndef reexported"),
        ("by_module", "beside.py", "LEVEL = 3", "LEVEL = 3\nOTHER = 4"),
        ("by_module", "own/whole.py", "A = 1", "A = 2"),
        ("by_name", "fingerprinted.py", "from own import reexported", "from own.inner import reexported"),
        ("outside", "fingerprinted.py", "import beside\n", "import beside, math\n"),
    ],
)
def test_what_is_not_reached_there_is_no_concern(
    of_package: Edit, function: str, name: str, old: str, new: str
) -> None:
    assert of_package(function, name, old, new) == of_package(function)


def test_a_module_that_moves_changes_nothing(of_package: Edit, tmp_path: Path) -> None:
    before = of_package("by_name"), of_package("by_path")
    (tmp_path / "own" / "inner.py").rename(tmp_path / "own" / "deep" / "elsewhere.py")
    moved = {
        "own/__init__.py": ("own.inner", "own.deep.elsewhere"),
        "own/deep/leaf.py": ("..inner", ".elsewhere"),
    }
    for name, (old, new) in moved.items():
        (tmp_path / name).write_text(PACKAGE[name].replace(old, new))
    for name in [n for n in sys.modules if n.startswith("own.")]:
        del sys.modules[name]
    forget()
    assert (of_package("by_name"), of_package("by_path")) == before


def test_code_that_cannot_be_seen_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compiled.so").write_bytes(b"\x7fELF")
    (tmp_path / "blind.py").write_text(
        "import importlib\n"
        "import compiled, generated, numpy\n"
        "def f(generator):\n    return {'x': compiled.x + generated.y + numpy.pi}\n"
        "def g(generator, name='math'):\n    return {'x': importlib.import_module(name).pi}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("generated", "compiled"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    sys.modules["compiled"].__file__ = str(tmp_path / "compiled.so")
    blind = importlib.import_module("blind")
    monkeypatch.delitem(sys.modules, "blind")
    sys.modules["blind"] = blind
    fingerprint(Simulation(blind.f))
    fingerprint(Simulation(blind.f, {"n": 1}))
    assert unseen() == ("compiled", "generated")
    fingerprint(Simulation(blind.g))
    assert unseen() == ("compiled", "generated", "what blind imports by a computed name")
    del sys.modules["blind"]


def test_packages_that_were_installed_are_not_followed_but_ours_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "apart.py").write_text("def f():\n    return 1\n")
    (tmp_path / "reader.py").write_text("import apart\n\ndef g(generator):\n    return {'x': apart.f()}\n")
    for folder in (installed, tmp_path):
        monkeypatch.syspath_prepend(folder)
    reader = importlib.import_module("reader")
    before = fingerprint(Simulation(reader.g))
    (installed / "apart.py").write_text("def f():\n    return 2\n")
    forget()
    assert fingerprint(Simulation(reader.g)) == before
    assert not is_followed("apart")
    assert is_followed("harness.data.digits")
    assert is_followed("claims.settings")  # wherever a wheel puts them
    for name in ("reader", "apart"):
        del sys.modules[name]
