"""Fingerprints: changed code gets a new name; a moved file, an edited comment and a neighbour do not."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import harness
from harness.data import Digits
from harness.models import Mlp
from harness.spec import Simulation, Value, modules
from harness.spec.fingerprint import LANGUAGE, fingerprint, forget, of_definition
from harness.tests.simulated import SMALL, Norm

CLAIM = '''
"""A family."""
import math
from harness.data.labels import RandomLabels

FACTOR = 2
SHARED = [1]
SHARED += [2]
SHARED[0] = 5
SHARED.append(7)
if FACTOR > 1:
    def scaled(x: float) -> float:
        return x * FACTOR
else:
    scaled = abs

def measured(generator, n=3):
    """Draws."""
    # a comment
    neighbours = [SHARED[i] for i in (0, 1)]
    return {"x": scaled(generator.random()) + sum(neighbours)}

def neighbour(generator):
    return {"x": 0.0, "y": RandomLabels(1.0)}

def labelled(generator):
    return {"x": float(RandomLabels(0.5).fraction)}

class Field:
    neighbour = 3
    def read(self):
        return neighbours(self)

def of_class(generator):
    return {"x": Field().neighbour}
'''
Edit = Callable[..., str]


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """Sources are read once a process; here they change within one."""
    forget()
    yield
    forget()


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
def with_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str, Value], str]:
    """The fingerprint of a value if some text of a module of the harness were another."""
    read = modules.source_file.__wrapped__

    def edited(module: str, old: str, new: str, value: Value) -> str:
        source = read(module)
        assert source is not None
        assert old in source.read_text()
        changed = tmp_path / "changed.py"
        changed.write_text(source.read_text().replace(old, new, 1) if old else source.read_text() + new)
        forget()

        def file(name: str) -> Path | None:
            return changed if name == module else read(name)

        file.cache_clear = lambda: None  # type: ignore[attr-defined]
        monkeypatch.setattr(modules, "source_file", file)
        return fingerprint(value)

    return edited


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""Draws."""', '"""Draws otherwise."""'),
        ('    """Draws."""\n', ""),
        ("# a comment", "# another one"),
        ("    # a comment\n", "\n\n"),
        ("        return x * FACTOR", "        return (x   *\n            FACTOR)"),
        ('{"x": scaled', "{'x': scaled"),
        ('"""A family."""', '"""Another thesis."""'),
        ("x: float) -> float", "x: int) -> int"),  # annotations do not run
    ],
)
def test_comments_docstrings_and_formatting_do_not_change_it(of_claim: Edit, old: str, new: str) -> None:
    assert of_claim("measured", old, new) == of_claim("measured")


@pytest.mark.parametrize(
    "old, new",
    [
        ("n=3", "n=4"),
        ("SHARED[i]", "SHARED[-i]"),
        ("x * FACTOR", "x / FACTOR"),  # a function it calls, defined within an if
        ("scaled = abs", "scaled = float"),
        ("FACTOR = 2", "FACTOR = 3"),  # a name which that function reads
        ("SHARED = [1]", "SHARED = [0]"),  # the first of several statements about a name
        ("SHARED += [2]", "SHARED += [3]"),
        ("SHARED[0] = 5", "SHARED[0] = 6"),
        ("SHARED.append(7)", "SHARED.append(8)"),
        ('{"x": scaled', '{"z": scaled'),
        ("FACTOR = 2", "math.pi = 3\nFACTOR = 2"),  # who knows what that changes
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
        ("def labelled", "def neighbours(): ...\n\ndef labelled"),  # as a variable of measured is called
        ("def labelled", "i = 3\n\ndef labelled"),  # as a variable of a comprehension is called
        ("def labelled", "if __name__ == '__main__':\n    FACTOR = 9\n\ndef labelled"),
    ],
)
def test_a_neighbour_in_the_same_claim_file_does_not(of_claim: Edit, old: str, new: str) -> None:
    assert of_claim("measured", old, new) == of_claim("measured")


def test_a_class_reads_its_own_variables_but_its_methods_do_not(of_claim: Edit) -> None:
    plain = of_claim("of_class")
    assert of_claim("of_class", '{"x": 0.0,', '{"x": 1.0,') == plain  # the module's neighbour is not read
    assert of_claim("of_class", "def of_class", "def neighbours(x): ...\n\ndef of_class") != plain


FINGERPRINTS = """
from pathlib import Path
from harness import Experiment, Sgd
from harness.data import Digits, Mnist
from harness.models import Mlp, SmallInception
from harness.spec.fingerprint import fingerprint
for value in (Digits(n=10), Mnist(), SmallInception(), Experiment(Digits(n=10), Mlp(3), Sgd(lr=1, epochs=1))):
    print(fingerprint(value))
"""


def test_modules_of_the_harness_can_be_moved_and_renamed(tmp_path: Path) -> None:
    """The whole house is copied, with a room renamed and a module given another name and room."""
    shutil.copytree(
        Path(harness.__file__).parent,
        tmp_path / "harness",
        ignore=shutil.ignore_patterns("tests", "__pycache__", "benchmarks"),
    )
    script = FINGERPRINTS
    before = _printed(script, tmp_path)
    (tmp_path / "harness/models").rename(tmp_path / "harness/nets")
    (tmp_path / "harness/spec/streams.py").rename(tmp_path / "harness/data/draws.py")
    (tmp_path / "harness/data/preprocessing.py").rename(tmp_path / "harness/spec_of_images.py")
    moves = {
        r"harness\.models": "harness.nets",
        r"harness\.spec\.streams": "harness.data.draws",
        r"harness\.data\.preprocessing": "harness.spec_of_images",
    }
    for file in tmp_path.rglob("*.py"):
        text = file.read_text()
        for old, new in moves.items():
            text = re.sub(rf"{old}\b", new, text)
        file.write_text(text)
        script = re.sub(r"harness\.models\b", "harness.nets", script)
    assert _printed(script, tmp_path) == before
    counts = tmp_path / "harness/nets/counts.py"
    counts.write_text(counts.read_text() + "\n\nclass Beside:\n    pass\n")
    assert _printed(script, tmp_path) == before


def _printed(script: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )
    assert not done.returncode, done.stderr
    assert len(done.stdout.split()) == 4
    return done.stdout


@pytest.mark.parametrize(
    "module, old, new",
    [
        ("harness.data.digits", "TOTAL = 1797", "TOTAL = 1796"),
        ("harness.data.preprocessing", "def _standardise(", "def _standardise(unused, "),
        ("harness.data.labels", "return labels", "return +labels"),
        ("harness.models.mlp", "nn.ReLU()", "nn.Tanh()"),
        ("harness.models._nets", "def uniform_(", "def uniform_(unused, "),  # imported inside build()
        ("harness.fleet.optimizers", "momentum: float = 0.9", "momentum: float = 0.8"),
        ("harness.spec.streams", "def stream(", "def stream(unused, "),
    ],
)
def test_code_that_an_experiment_reaches_changes_its_address(
    module: str, old: str, new: str, with_edited: Callable[[str, str, str, Value], str]
) -> None:
    plain = fingerprint(SMALL)
    assert with_edited(module, old, new, SMALL) != plain
    assert with_edited(module, "", "\n\nclass Beside:\n    pass\n", SMALL) == plain


@pytest.mark.parametrize(
    "module",
    [
        "harness.models.inception",
        "harness.models._inception_nets",
        "harness.data.stored",
        "harness.data.fetch",  # downloading is no part of what is computed
        "harness.spec.values",  # the language in which it is asked for
        "harness.lab.store",
        "harness.fleet.trainer",  # SEMANTICS answers for it
    ],
)
def test_modules_that_an_experiment_does_not_answer_for(
    module: str, with_edited: Callable[[str, str, str, Value], str]
) -> None:
    plain = fingerprint(SMALL)
    assert with_edited(module, "from __future__", "X = 3\nfrom __future__", SMALL) == plain


def test_what_is_left_out_is_there_under_the_name_by_which_it_is_left_out() -> None:
    assert [module for module in LANGUAGE if modules.source_file(module) is None] == []


def test_probes_do_not_change_the_code_behind_an_experiment() -> None:
    assert fingerprint(SMALL.but(probes=(Norm(),))) == fingerprint(SMALL)


def test_values_of_other_modules_have_other_fingerprints() -> None:
    assert len({fingerprint(v) for v in (Digits(n=200), Mlp(16), SMALL)}) == 3
    assert fingerprint(Mlp(16)) == fingerprint(Mlp(32))  # numbers are the specification's, not the code's


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


def test_which_of_two_definitions_a_name_means_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All texts are the same, and all are reached anyway: only what one of them imports is another."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "meant_one.py").write_text("def step():\n    return 1\n")
    (tmp_path / "meant_two.py").write_text("def step():\n    return 2\n")
    claim = tmp_path / "meant_claim.py"
    claim.write_text(
        "from meant_one import step as first\nfrom meant_two import step as second\nimport meant_third\n"
        "def measured(generator):\n    return {'x': first() + second() + meant_third.step_of()}\n"
    )
    third, prints = tmp_path / "meant_third.py", []
    for module in ("meant_one", "meant_two", "meant_one"):
        third.write_text(f"from {module} import step\ndef step_of():\n    return step()\n")
        forget()
        prints.append(fingerprint(Simulation(importlib.import_module("meant_claim").measured)))
    for name in ("meant_one", "meant_two", "meant_third", "meant_claim"):
        sys.modules.pop(name, None)
    assert prints[0] == prints[2] != prints[1]


def test_a_package_may_be_left_out_but_for_the_names_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    package, claim = tmp_path / "leftout", tmp_path / "leaving_out.py"
    package.mkdir()
    (package / "__init__.py").touch()

    def prints(returned: int, meant: str) -> tuple[str, str]:
        (package / "inner.py").write_text(f"def one():\n    return {returned}\n\ndef two():\n    return 2\n")
        claim.write_text(f"from leftout.inner import {meant} as step\ndef body():\n    return step()\n")
        forget()
        return (
            of_definition("leaving_out", "body", but="leftout"),
            of_definition("leaving_out", "body"),
        )

    first, other_code, other_name = prints(1, "one"), prints(3, "one"), prints(1, "two")
    assert first[0] == other_code[0] != other_name[0]
    assert len({first[1], other_code[1], other_name[1]}) == 3
