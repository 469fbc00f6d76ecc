"""Mistakes in claims: each is one line with file and line before anything trains, and its claim's alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.tests.suites import HEAD, Session, inside, run, write

pytest_plugins = ["pytester"]

VOCABULARY = """
from harness import Experiment, From, Measured, Probing, Sgd, Solved, Value, equivalent, ordered, ratio
from harness.data import Digits, RandomLabels
from harness.models import Mlp

NET = Experiment(Digits(n=60), Mlp(8), Sgd(lr=0.5, epochs=2, batch=20))
NOISE = NET.but(data__labels=RandomLabels(1.0))
BOTH = {"quick": "small", "standard": "none"}


class Mean(Value, frozen=True):
    pixels: object = None

    def solve(self, split, generator):
        return {"x": float(split.x_train.mean())}


class Costly(Value, frozen=True):
    width: int = 8

    def build(self, shape, classes, generator):
        raise NotImplementedError

    def size(self, shape, classes):
        return 8

    def cost(self, shape, classes):
        raise RuntimeError("nobody knows")


def leaves(**_):
    raise SystemExit(3)


def checks_plainly(x, check):
    check(above(x.final("test_error"), 0.5, because=""))
"""

SOUND = """
@claim(PAPER, "S", says="sound", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_sound(x, check):
    large(x, check)
"""


EXCHANGED = 'says="exchanged", x=NOISE, y=NET'


def written(
    name: str,
    body: str,
    *,
    trained: str = "x=NET",
    control: str = 'says="noise", x=NOISE',
    adapted: str = "SMALL",
    reported: str = '"words"',
    takes: str = "x, check",
) -> str:
    """A claim with one mistake in it, marked by ``# here``."""
    return f"""
@claim(PAPER, "S", says="{name}", reported={reported}, adapted={adapted})
{f"@trained({trained})" if trained else ""}
{f"@control({control})" if control else ""}
def test_{name}({takes}):
    {body}
"""


ERROR = 'x.final("test_error")'
CHECK = f'check(above({ERROR}, 0.1, because="why"))'
X = 'check(above(x.final("x"), 0.1, because="why"))'
MEASURES = "it has train_loss, train_error, test_error, corrupted_error, clean_error"
MISTAKES = {
    # what a body says
    "no_because": (written("no_because", f"check(above({ERROR}, 0.1))  # here"), "missing 1 required"),
    "empty": (written("empty", f'check(above({ERROR}, 0.1, because=" "))  # here'), "above needs because="),
    "measure": (written("measure", 'x.final("test_eror")  # here'), f"x has no 'test_eror'; {MEASURES}"),
    "curve": (written("curve", 'x.curve("losses")  # here'), f"x has no 'losses'; {MEASURES}"),
    "when": (written("when", 'x.at("test_error", when="tran_error", below=0.1)  # here'), "no 'tran_error'"),
    "array": (written("array", 'x.array("path")  # here'), "x has no 'path'; it has nothing of this kind"),
    "method": (written("method", 'x.last("test_error")  # here'), "has no attribute 'last'"),
    "draw": (written("draw", f'{CHECK}; check.drw("F")  # here'), "attribute 'drw'"),
    "drawn": (written("drawn", f'{CHECK}; check.draw("F", series="s", x=[1])  # here'), "draw: missing"),
    "points": (
        written("points", f'{CHECK}; check.draw("F", series="s", x=[1], y=x.curve("train_loss"))  # here'),
        "a row of y has 2 values for 1 x",
    ),
    "name": (written("name", "check(abvoe(x, 0.1))  # here"), "name 'abvoe' is not defined"),
    "keyword": (
        written("keyword", f'check(above({ERROR}, bound=0.1, because="why"))  # here'),
        "unexpected keyword argument 'bound'",
    ),
    "no_check": (written("no_check", "pass").replace("check):", "check):  # here"), "made no check"),
    "greater": (
        written("greater", f"check({ERROR} > 1.2)  # here"),
        "test_error (x) > 1.2 knows no interval: write check(above(x, 1.2, because=...))",
    ),
    "smaller": (written("smaller", f"check({ERROR} <= 0.5)  # here"), "check(below(x, 0.5, because=...))"),
    "equal": (
        written("equal", f"check({ERROR} == 0.5)  # here"),
        "write check(equivalent(x - 0.5, margin, because=...))",
    ),
    "truth": (written("truth", f"if {ERROR}: {CHECK}  # here"), "neither true nor false"),
    "asserted": (written("asserted", f"assert {ERROR} is not 3; {CHECK}  # here"), "assert is no check"),
    "number": (
        written("number", f"check({ERROR}.values.max() < 2)  # here"),
        "check() takes a relation such as above(...), not bool",
    ),
    "product": (written("product", f"{ERROR} * {ERROR}  # here"), "products of measures are not judged"),
    "quotient": (written("quotient", f"{ERROR} / {ERROR}  # here"), "use ratio(a, b)"),
    "shifted": (written("shifted", f"ratio({ERROR}, {ERROR}) - 1  # here"), "put the number into the bound"),
    "bound": (
        written("bound", f'check(above({ERROR}, "0.1", because="why"))  # here'),
        "above test_error (x): margin '0.1' is no number",
    ),
    "plain": (
        written("plain", 'check(above(x.curve("test_error")[:, -1], 0.1, because="why"))  # here'),
        "above takes a number for each replicate, such as x.final('test_error') or Measured(values)",
    ),
    "blank": (
        written("blank", f'check({CHECK[6:-1]}, uncontrolled=" ")  # here'),
        "check(uncontrolled=...) is a reason in words, not ' '",
    ),
    "images": (
        written("images", 'check(above(Measured([0.5] * 100, name="images"), 0.1, because="why"))').replace(
            "check):", "check):  # here"
        ),
        "images has 100 numbers for 5 replicates, which are the unit of statistics",
    ),
    "few": (
        written("few", CHECK, adapted="SMALL, replicates=4").replace("check):", "check):  # here"),
        "replicates=4: above(...) is inconclusive at fewer than 5",
    ),
    "awaited": (
        written("awaited", CHECK).replace("def test", "async def test").replace("check):", "check):  # here"),
        "the test is async or yields, so its body would never run",
    ),
    "yields": (
        written("yields", f"{CHECK}; yield").replace("check):", "check):  # here"),
        "the test is async or yields, so its body would never run",
    ),
    "one": (written("one", f'check(ordered([{ERROR}], because="why"))  # here'), "at least two measures"),
    "by_way": (written("by_way", "checks_plainly(x, check)  # here"), "above needs because="),
    "value": (
        written("value", f"{CHECK}  # here", trained="x=NET.model"),
        "'Mlp' object has no attribute 'final'",
    ),
    "printed": (
        written("printed", CHECK, adapted='BOTH, kind="printed"', reported='{"x": 0.1}').replace(
            "check):", "check):  # here"
        ),
        "kind='printed' is judged by matches(...) alone, not by above(...)",
    ),
    # what is declared
    "alone": (written("alone", CHECK, control="").replace("check):", "check):  # here"), "no @control"),
    "untrained": (
        written("untrained", CHECK, trained="").replace("x=NOISE)", "x=NOISE)  # here"),
        "@control without @trained",
    ),
    "nothing": (
        written("nothing", CHECK, control='says="same"').replace('same")', 'same")  # here'),
        "@control changes nothing",
    ),
    "unknown": (
        written("unknown", CHECK, control='says="slip", y=NOISE').replace("y=NOISE)", "y=NOISE)  # here"),
        "@control names y, which @trained does not; it has x",
    ),
    "same": (
        written("same", CHECK, control='says="same", x=NET.but()').replace("but())", "but())  # here"),
        "@control is the claim's own world at tier 'quick'",
    ),
    "itself": (
        written("itself", CHECK, takes="x, y, check", trained="x=NET, y=NOISE", control='says="same", y=NET')
        .replace("y=NET)", "y=NET)  # here"),
        "@control at tier 'quick': all that it compares is one world: a difference is zero there",
    ),
    "mirror": (
        written("mirror", CHECK, takes="x, y, check", trained="x=NET, y=NOISE", control=EXCHANGED)
        .replace("x=NOISE, y=NET)", "x=NOISE, y=NET)  # here"),
        "it has the claim's worlds in another order: what it measures is the claim's, mirrored",
    ),
    "tier": (
        written("tier", CHECK, adapted="BOTH", trained="x=Tiers(quick=NET)", control='says="noise", x=NOISE')
        .replace("quick=NET))", "quick=NET))  # here"),
        "x=: no experiment is declared for tier 'standard'",
    ),
    "lambda": (
        written("lambda", CHECK, trained="x=lambda width: NET.but(model__width=width)")
        .replace("=width))", "=width))  # here"),
        "x=: <lambda> wants width, which the test has no parameter for; it has tier",
    ),
    "but": (
        written("but", CHECK, trained="x=lambda: NET.but(model__widht=3)").replace("=3))", "=3))  # here"),
        "x=: Mlp has no field 'widht'",
    ),
    "leaves": (
        written("leaves", CHECK, trained="x=leaves").replace("x=leaves)", "x=leaves)  # here"),
        "x=: SystemExit: 3 (at test_tiny.py:",
    ),
    "parameter": (
        written("parameter", CHECK, takes="x, y, check").replace("check):", "check):  # here"),
        "the test takes y, which is no world, fixture or parameter; @trained names x",
    ),
    "untaken": (
        written("untaken", CHECK, trained="x=NET, y=3").replace("y=3)", "y=3)  # here"),
        "no parameter of the test takes y; @trained names x, y",
    ),
    "checkless": (
        written("checkless", "pass", takes="x").replace("(x):", "(x):  # here"),
        "no parameter check, so it can make no check",
    ),
    "twice": (
        written("twice", CHECK) + written("twice", CHECK).replace("check):", "check):  # here"),
        "a second test_twice in this file: it hides the first",
    ),
    "form": (
        written("form", X, trained="x=Solved(Digits(n=60), Mean({1}))", control='says="c", x=NULL')
        .replace("Mean({1})))", "Mean({1})))  # here"),
        "x=: Solved cannot be planned: TypeError: set {1} has no canonical form",
    ),
    "cost": (
        written("cost", CHECK, trained="x=NET.but(model=Costly())"),
        "Costly is used as a model and has no layers",
    ),
    "exact": (
        """
@claim(PAPER, "S", says="exact", reported="words", adapted=BOTH)
@trained(world=Tiers(quick=0))  # here
@control(says="one off", world=1)
@given(n=st.integers(0, 9))
def test_exact(world, n):
    assert n + world == n
""",
        "world=: no experiment is declared for tier 'standard'",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> dict[str, int]:
    """The line of each mistake in a file that has them all."""
    rows = everything().splitlines()
    lines, name = {}, ""
    for number, row in enumerate(rows, start=1):
        said = re.search(r'@claim\(PAPER, "S", says="(\w+)"', row)
        name = said.group(1) if said else name
        if "# here" in row:
            lines[name] = number
    return lines


def everything() -> str:
    return HEAD + VOCABULARY + SOUND + "".join(body for body, _ in MISTAKES.values())


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = write(tmp_path_factory.mktemp("mistaken"), everything(), head="")
    return run(folder, "--report", "rep", "--tb=no")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_an_error_of_its_claim(
    name: str, mistaken: Session, lines: dict[str, int]
) -> None:
    said = MISTAKES[name][1]
    (entry,) = [claim for claim in mistaken.report.claims if claim.id == f"test_tiny.py::test_{name}"]
    assert entry.verdict.value == "error"
    assert said in entry.reason
    if name in lines:
        assert entry.reason.startswith(f"test_tiny.py:{lines[name]}: ")
    assert "harness/" not in entry.reason
    before_training = mistaken.text.partition("\ntrained ")[0]
    assert f"ERROR: {entry.reason}" in before_training


def test_the_other_claims_of_the_session_are_judged(mistaken: Session) -> None:
    assert mistaken.status == 1
    assert mistaken.verdicts["sound"] == "reproduced"
    mistaken.says("10 runs to train", "trained 10 of 10 runs")
    assert "INTERNAL" not in mistaken.text
    assert "imported torch: False" in mistaken.text


def test_a_mistake_in_a_function_of_the_file_names_both_lines(mistaken: Session) -> None:
    (entry,) = [claim for claim in mistaken.report.claims if claim.id.endswith("test_by_way")]
    number = everything().splitlines().index('    check(above(x.final("test_error"), 0.5, because=""))') + 1
    assert entry.reason.endswith(f" (at test_tiny.py:{number})")


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(body: str, *arguments: str) -> Session:
        write(pytester.path, VOCABULARY + body)
        return inside(pytester, monkeypatch, *arguments)

    return start


def test_a_plan_tells_mistakes_too_and_fails(session: Any) -> None:
    told = session(SOUND + MISTAKES["measure"][0], "--plan", "-q")
    assert told.status == 1
    told.says("ERROR: test_tiny.py:", "x has no 'test_eror'", "    5 runs ")


def test_listing_rehearses_nothing(session: Any) -> None:
    listed = session(SOUND + MISTAKES["measure"][0], "--collect-only", "-q")
    assert listed.status == 0
    assert "ERROR" not in listed.text


UNKNOWN = """
@claim(PAPER, "S", says="unknown", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_unknown(x, check):
    curve, array = x.curve("curve"), x.array("curve")
    rows, points = array.shape
    low, high = array[:, 0], array.max(axis=1)
    if high.mean() > low.mean() and rows * points > 3:
        check(above(Measured(high - low, name="range"), 0.5, because="what nobody knows beforehand"))
    one, two = (float(value) for value in array[0])
    check.draw("F", series="s", x=[i / (points - 1) for i in range(points)], y=array.tolist())
    raise ZeroDivisionError("a number's affair") if one == two else LookupError("as well")
"""


def test_what_depends_on_numbers_is_no_mistake(session: Any) -> None:
    told = session(UNKNOWN, "--plan", "-q")
    assert told.status == 0
    assert "ERROR" not in told.text


def test_what_a_constructor_refuses_at_import_is_one_line(session: Any) -> None:
    told = session("\nWIDE = Mlp(widht=3)\n" + SOUND, "-m", "quick")
    assert told.status == 2
    number = (HEAD + VOCABULARY + "\nWIDE").count("\n") + 1
    told.says(f"test_tiny.py:{number}: Mlp has no field 'widht'; it has width, depth")
    assert "no claims were named" not in told.text
    assert "harness/spec" not in told.text


def test_a_file_that_ends_the_process_fails_alone(session: Any) -> None:
    told = session("\nraise SystemExit(3)\n")
    assert told.status == 2
    told.says("test_tiny.py: SystemExit while it was imported")
    assert "INTERNAL" not in told.text


def test_where_no_claim_is_there_the_command_is_said(session: Any, pytester: pytest.Pytester) -> None:
    told = session("\ndef test_plain():\n    pass\n", "-m", "quick")
    assert told.status == 5
    told.says("no claims were named: python -m pytest claims -m quick")
