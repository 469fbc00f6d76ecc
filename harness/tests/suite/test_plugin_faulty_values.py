"""Classes of a claim file that break their contracts: one line each, and the other claims are judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.tests.suites import HEAD, Session, run, run_harness, write

OWN = '''
from pathlib import Path

import numpy as np

from harness import Experiment, Sgd, Solved, Value
from harness.data import Digits, Examples, LabelChange, Source
from harness.data.labels import TrueLabels
from harness.data.split import ImageSet, split_of
from harness.models import Architecture, Mlp
from harness.spec.streams import stream


class Maxout(Architecture, frozen=True):
    """A model that says only how it is built."""

    units: int = 6

    def build(self, shape, classes, generator):
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self, units):
                super().__init__()
                self.pairs = nn.Linear(int(np.prod(shape)), 2 * units)
                self.last = nn.Linear(units, classes)

            def forward(self, x):
                return self.last(self.pairs(x.flatten(1)).unflatten(1, (2, -1)).amax(1))

        net = Net(self.units)
        with torch.no_grad():
            for parameter in self.drawn(net):
                parameter.copy_(torch.from_numpy(generator.normal(size=tuple(parameter.shape)) / 10))
        return net

    def drawn(self, net):
        return net.parameters()


class Forgetful(Maxout, frozen=True):
    """Its weights are torch's own."""

    def drawn(self, net):
        return ()


class Bare(Value, frozen=True):
    def build(self, shape, classes, generator):
        return Maxout().build(shape, classes, generator)


class Raising(Maxout, frozen=True):
    def cost(self, shape, classes):
        raise ZeroDivisionError("of all things")


class Leaving(Maxout, frozen=True):
    def build(self, shape, classes, generator):
        raise SystemExit(7)


class Shifted(LabelChange, frozen=True):
    def apply(self, labels, classes, generator):
        return labels + 1


class Sizeless(Examples, frozen=True):
    @property
    def shape(self):
        return (1, 2, 2)

    @property
    def classes(self):
        raise KeyError("unknown")

    train_size = test_size = 8

    def source(self, root):
        return Source("none", "")

    def split(self, root, replicate):
        raise NotImplementedError


class Larger(Examples, frozen=True):
    shape = (1, 2, 2)
    classes = 2
    train_size = test_size = 8

    def source(self, root):
        return Source("noise", "")

    def split(self, root, replicate):
        draws = stream(replicate, "data")
        x, y = draws.standard_normal((9, 1, 2, 2), dtype=np.float32), np.zeros(9, np.int64)
        return split_of(ImageSet(x, y, x, y), TrueLabels(), 2, replicate)


def net(**changes):
    return Experiment(Digits(n=40), Maxout(), Sgd(lr=0.1, epochs=1, batch=20)).but(**changes)
'''
CASES = {
    "forgetful": ("net(model=Forgetful())", "Forgetful.build gives other weights for the same generator"),
    "bare": ("net(model=Bare())", "Bare is used as a model and has no layers, size, cost: derive it from"),
    "raising": (
        "net(model=Raising())",
        "Raising.size, cost or layers fails: ZeroDivisionError: of all things",
    ),
    "leaving": ("net(model=Leaving())", "Leaving.build fails for examples of shape (1, 8, 8) and 10 classes"),
    "shifted": ("net(data__labels=Shifted())", "Shifted.apply gives labels outside 0 to classes - 1 (9)"),
    "sizeless": ("net(data=Sizeless())", "Sizeless fails when it is tried: KeyError: 'unknown'"),
    "larger": ("net(data=Larger())", "Larger: x_train of its split is float32 (9, 1, 2, 2), and it declares"),
    "swapped": ("net(data=Mlp())", "Mlp is used as a data set and has no"),
}
RIGHT = "net()"


def claims(values: dict[str, str]) -> str:
    """A claim for each value, named after it."""
    return OWN + "".join(
        f"""

@claim(PAPER, "S", says="errors are below 2", reported="words", adapted=SMALL)
@trained(x={value})
@control(says="another net", x=net(model=Mlp(3)))
def test_{name}(x, check):
    check(below(x.final("test_error"), 2.0, because="an error is at most 1"))
"""
        for name, value in values.items()
    )


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = {name: value for name, (value, _) in CASES.items()} | {"right": RIGHT}
    head = HEAD + "from harness import below\n"
    return write(tmp_path_factory.mktemp("faulty"), claims(values), head=head)


@pytest.fixture(scope="module")
def session(suite: Path, warm_sessions: None) -> Session:
    return run(suite, "-m", "quick", "--report", "rep")


@pytest.mark.parametrize("name", CASES)
def test_a_faulty_value_is_one_line_and_an_error_of_its_claim(name: str, session: Session) -> None:
    _, line = CASES[name]
    assert session.verdicts[name] == "error"
    assert sum(line in row and row.startswith("ERROR") for row in session.text.splitlines()) >= 1
    (reason,) = (c.reason for c in session.report.claims if c.id.endswith(f"test_{name}"))
    assert line in reason
    assert "\n" not in reason


def test_the_other_claims_are_judged(session: Session) -> None:
    assert session.status == 1
    assert session.verdicts["right"] in ("reproduced", "inconclusive")
    assert "INTERNALERROR" not in session.text
    assert "Traceback" not in session.text


def test_plans_tell_them_too(suite: Path, warm_sessions: None) -> None:
    (suite / "claims").mkdir(exist_ok=True)
    (suite / "claims" / "test_tiny.py").write_text((suite / "test_tiny.py").read_text())
    planned = run_harness(suite, "plan")
    assert planned.status == 1
    assert "Traceback" not in planned.text
    for _, line in CASES.values():
        assert line in planned.text
