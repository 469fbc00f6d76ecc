"""Fingerprints: changed code gets a new name, an edited comment does not, a neighbour is no concern."""

from __future__ import annotations

import ast
import hashlib
import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.data import Digits
from harness.fleet import SEMANTICS
from harness.models import Mlp
from harness.spec import Simulation, Value
from harness.spec import fingerprint as fingerprints
from harness.spec.fingerprint import fingerprint
from harness.tests.simulated import SMALL, Norm

CACHED = (
    fingerprints._of_definition,
    fingerprints._of_modules,
    fingerprints._imported,
    fingerprints._dumped,
    fingerprints._tree,
    fingerprints._source,
)
CLAIM = '''
"""A family."""
import math
from harness.data.labels import RandomLabels

FACTOR = 2
SHARED = [1]
SHARED += [2]
if FACTOR > 1:
    def scaled(x):
        return x * FACTOR
else:
    scaled = abs

def measured(generator, n=3):
    """Draws."""
    # a comment
    return {"x": scaled(generator.random()) + SHARED[0]}

def neighbour(generator):
    return {"x": 0.0, "y": RandomLabels(1.0)}

def labelled(generator):
    return {"x": float(RandomLabels(0.5).fraction)}
'''

Edit = Callable[..., str]


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """Sources are read once a process; here they change within one."""
    forget()
    yield
    forget()


def forget() -> None:
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def of_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """The fingerprint of a function of the claim file above, after replacing some of its text."""
    file = tmp_path / "claim_to_fingerprint.py"
    file.write_text(CLAIM)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(file.stem)

    def edited(function: str = "measured", old: str = "", new: str = "") -> str:
        assert old in CLAIM
        file.write_text(CLAIM.replace(old, new, 1) if old else CLAIM)
        forget()
        return fingerprint(Simulation(getattr(module, function)))

    yield edited
    del sys.modules[file.stem]


@pytest.fixture
def with_edited(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Value], str]:
    """The fingerprint of a value if a module of the harness ended with some more code."""
    read = fingerprints._tree.__wrapped__

    def edited(module: str, more: str, value: Value) -> str:
        def tree(name: str) -> ast.Module:
            found = read(name)
            return ast.Module(found.body + ast.parse(more).body, []) if name == module else found

        monkeypatch.setattr(fingerprints, "_tree", tree)
        for cached in CACHED[:4]:
            cached.cache_clear()
        return fingerprint(value)

    return edited


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""Draws."""', '"""Draws otherwise."""'),
        ('    """Draws."""\n', ""),
        ("# a comment", "# another one"),
        ("    # a comment\n", "\n\n"),
        ("    return x * FACTOR", "    return (x   *\n            FACTOR)"),
        ('{"x": scaled', "{'x': scaled"),
        ('"""A family."""', '"""Another thesis."""'),
    ],
)
def test_comments_docstrings_and_formatting_do_not_change_it(of_claim: Edit, old: str, new: str) -> None:
    assert of_claim("measured", old, new) == of_claim("measured")


@pytest.mark.parametrize(
    "old, new",
    [
        ("n=3", "n=4"),
        ("SHARED[0]", "SHARED[-1]"),
        ("x * FACTOR", "x / FACTOR"),  # a function it calls, defined within an if
        ("scaled = abs", "scaled = float"),
        ("FACTOR = 2", "FACTOR = 3"),  # a name which that function reads
        ("SHARED = [1]", "SHARED = [0]"),  # the first of two statements about a name
        ("SHARED += [2]", "SHARED += [3]"),
        ('{"x": scaled', '{"z": scaled'),
    ],
)
def test_code_that_is_reached_changes_it(of_claim: Edit, old: str, new: str) -> None:
    assert of_claim("measured", old, new) != of_claim("measured")


@pytest.mark.parametrize(
    "old, new",
    [
        ('{"x": 0.0,', '{"x": 1.0,'),
        ("def neighbour(generator):", "def neighbour(generator, more=1):"),
        ("RandomLabels(0.5)", "RandomLabels(0.25)"),
        ("import math\n", "import cmath\n"),
        ("def labelled", "class Another: ...\n\ndef labelled"),
    ],
)
def test_a_neighbour_in_the_same_claim_file_does_not(of_claim: Edit, old: str, new: str) -> None:
    assert of_claim("measured", old, new) == of_claim("measured")


def test_a_function_answers_for_the_modules_whose_names_it_uses(
    of_claim: Edit, with_edited: Callable[[str, str, Value], str]
) -> None:
    uses, does_not = of_claim("labelled"), of_claim("measured")
    module = sys.modules["claim_to_fingerprint"]
    labelled, measured = Simulation(module.labelled), Simulation(module.measured)
    assert with_edited("harness.data.labels", "EXTRA = 1", labelled) != uses
    assert with_edited("harness.data.labels", "EXTRA = 1", measured) == does_not


@pytest.mark.parametrize(
    "module, changes",
    [
        ("harness.data.digits", True),
        ("harness.data.preprocessing", True),  # imported by digits
        ("harness.data.labels", True),
        ("harness.models.mlp", True),
        ("harness.models.counts", True),
        ("harness.models._nets", True),  # imported inside build()
        ("harness.fleet.optimizers", True),  # the module of Sgd
        ("harness.models.inception", False),  # mlp imports _nets through the package that names every model
        ("harness.models._inception_nets", False),
        ("harness.data.stored", False),
        ("harness.data.fetch", False),  # downloading is no part of what is computed
        ("harness.spec", False),
        ("harness.lab.store", False),
        ("harness.fleet.trainer", False),  # SEMANTICS answers for it
    ],
)
def test_which_modules_an_experiment_answers_for(
    module: str, changes: bool, with_edited: Callable[[str, str, Value], str]
) -> None:
    plain = with_edited("", "", SMALL)
    assert (with_edited(module, "EXTRA = 1", SMALL) != plain) == changes
    assert with_edited(module, '"""Only a note."""' if not changes else "", SMALL) == plain


def test_probes_do_not_change_the_code_behind_an_experiment() -> None:
    assert fingerprint(SMALL.but(probes=(Norm(),))) == fingerprint(SMALL)


def test_values_of_other_modules_have_other_fingerprints() -> None:
    assert len({fingerprint(v) for v in (Digits(n=200), Mlp(16), SMALL)}) == 3
    assert fingerprint(Mlp(16)) == fingerprint(Mlp(32))  # numbers are the specification's, not the code's


@pytest.mark.parametrize(
    "source",
    [
        "x = None", "def f(*, a, b=1): return a", "class A(B, metaclass=C): x: int = 1", "f'{a!r:>{w}} b'",
        "async def f():\n    async with a as b: yield b",
        "match x:\n    case [1, *_]: pass\n    case None: pass",
        "lambda *a, **k: (yield)", "{**a, 'b': 1}", "x[1:2, ...]", "try: pass\nexcept* E: pass",
    ],
)  # fmt: skip
def test_the_dump_tells_apart_what_python_tells_apart(source: str) -> None:
    dump = fingerprints._dump(ast.parse(source))
    assert dump != fingerprints._dump(ast.parse(source + "\ny = 1"))
    assert dump == fingerprints._dump(ast.parse(ast.unparse(ast.parse(source))))
    assert "lineno" not in dump
    assert "None=" not in dump


def test_none_true_and_nothing_are_told_apart() -> None:
    sources = ("return", "return None", "return True", "return 1", "return 1.0", "return '1'", "return b'1'")
    dumps = {fingerprints._dump(ast.parse(f"def f():\n    {source}")) for source in sources}
    assert len(dumps) == len(sources)


def test_fingerprinting_imports_neither_torch_nor_numpy() -> None:
    script = """
        import sys
        from pathlib import Path
        from harness import Experiment, From, Sgd
        from harness.data import Cifar10, Digits
        from harness.lab.names import Names
        from harness.models import Mlp, SmallInception
        parent = Experiment(Digits(n=200), SmallInception(), Sgd(lr=0.05, epochs=3))
        run = Names(Path()).run(parent.but(model=Mlp(16), start=From(parent)), 3)
        assert len(run.key) == 64 and run.depth == 1
        print(sorted({"torch", "numpy", "scipy", "sklearn"} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


PINNED = {1: "40ace16865775b2fd9450d2e26986e0da24f8bfa24ae3d45a49857d0d01153db"}


def test_the_trainer_is_the_one_that_semantics_names() -> None:
    """What the trainer computes is named by ``SEMANTICS`` alone, so a change of it must not go unseen."""
    parts = ("trainer", "optimizers", "replica", "_response_nets", "backprop", "stacked", "small", "native")
    modules = (*(f"harness.fleet.{part}" for part in parts), "harness.spec.streams")
    dumps = "\n".join(fingerprints._dump(fingerprints._tree(module)) for module in modules)
    assert hashlib.sha256(dumps.encode()).hexdigest() == PINNED.get(SEMANTICS), (
        "the trainer changed: bump SEMANTICS if its arithmetic did, then bless this digest"
    )
