"""Values and their names: what changes an address, what must not, and what has none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Digits, GaussianInputs, RandomLabels, TrueInputs, TrueLabels, WrongLabels
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.models import Linear, Mlp
from harness.spec import (
    Draws,
    Experiment,
    From,
    Probing,
    Simulation,
    Solved,
    Tiers,
    Value,
    abbreviated,
    address,
    canonical,
    fields_of,
    values_in,
)
from harness.spec.splits import Split
from harness.spec.streams import PURPOSES, stream
from harness.tests.deterministic import derandomized
from harness.tests.simulated import SMALL, Norm, Scaled, drawn

TIERED = Tiers(quick=SMALL, standard=SMALL.but(data__n=400), full=SMALL.but(model__width=64))


def name(value: Value) -> str:
    return address(value, code="code", source="source", semantics=1)


class Ridge(Value, frozen=True):
    """A solver with one number of each kind of scalar."""

    penalty: float = 0.0
    steps: int | None = None
    exact: bool = True
    method: str = "qr"
    sizes: tuple[int, ...] = ()

    def solve(self, split: Split, generator: np.random.Generator) -> dict[str, float]:
        return {}


# -- but ----------------------------------------------------------------------------------------------


def test_but_replaces_fields_at_any_depth_and_leaves_the_original() -> None:
    changed = SMALL.but(data__labels=RandomLabels(0.5), optimizer__lr=0.1, loss="squared")
    assert changed == Experiment(
        Digits(n=200, labels=RandomLabels(0.5)), Mlp(16), Sgd(lr=0.1, epochs=3), loss="squared"
    )
    assert SMALL.data == Digits(n=200, labels=TrueLabels())
    assert SMALL.but() == SMALL


def test_but_reaches_into_a_field_that_it_replaces() -> None:
    deeper = SMALL.but(
        data__labels__fraction=0.25, data__labels=RandomLabels(0.5), model__width=8, model=Mlp(4)
    )
    assert deeper.data == Digits(n=200, labels=RandomLabels(0.25))
    assert deeper.model == Mlp(8)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"modell": Mlp(3)}, "Experiment has no field 'modell'; it has data, model, optimizer, loss"),
        ({"data__m": 3}, "Digits has no field 'm'; it has n, labels, inputs, whiten"),
        ({"stop__patience": 3}, "Experiment.stop is None, which has no fields to change"),
        ({"model__": Linear()}, "Mlp has no field ''"),
        ({"optimizer__lr": "fast"}, "Sgd(lr='fast'): Expected `float`, got `str`"),
        ({"optimizer__epochs": 2.5}, "Sgd(epochs=2.5): Expected `int`, got `float`"),
        ({"optimizer__epochs": True}, "Sgd(epochs=True): Expected `int`, got `bool`"),
        ({"optimizer__lr": np.float64(0.1)}, "Sgd(lr=np.float64(0.1)): Expected `float`"),
        ({"data__whiten": 1}, "Digits(whiten=1): Expected `bool`, got `int`"),
    ],
)
def test_a_wrong_change_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as refused:
        SMALL.but(**changes)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "path, wrong",
    [
        ("loss", "hinge"),
        ("precision", "float16"),
        ("optimizer__lr", 0.0),
        ("optimizer__epochs", 0),
        ("optimizer__momentum", 1.0),
        ("optimizer__weight_decay", -1e-4),
        ("data__n", 1797),
        ("model__width", 0),
    ],
)
def test_a_number_out_of_range_is_refused_when_a_field_is_replaced(path: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        SMALL.but(**{path: wrong})


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        SMALL.loss = "squared"  # type: ignore[misc]


# -- tiers --------------------------------------------------------------------------------------------


def test_a_change_applies_to_every_tier() -> None:
    changed = TIERED.but(data__labels=RandomLabels())
    assert [changed[t].data.labels for t in ("quick", "standard", "full")] == [RandomLabels()] * 3
    assert [changed[t].data.n for t in ("quick", "standard", "full")] == [200, 400, 200]


def test_a_change_can_name_a_tier_or_differ_by_tier() -> None:
    changed = TIERED.but(quick__data__n=100, model=Tiers(quick=Linear(), full=Mlp(2)), loss="squared")
    assert changed["quick"] == SMALL.but(data__n=100, model=Linear(), loss="squared")
    assert changed["standard"] == SMALL.but(data__n=400, loss="squared")
    assert changed["full"] == SMALL.but(model=Mlp(2), loss="squared")


def test_a_missing_tier_stays_missing() -> None:
    only = Tiers(quick=SMALL).but(model=Linear(), full__model=Mlp(3))
    assert "full" not in only
    assert "quick" in only
    assert "nightly" not in only
    with pytest.raises(KeyError):
        only["full"]


@pytest.mark.parametrize("changes", [{"quick": SMALL}, {"nightly__data__n": 3}, {"full__modell": 3}])
def test_a_wrong_change_of_tiers_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        TIERED.but(**changes)


# -- the canonical form -------------------------------------------------------------------------------


def test_an_integer_for_a_real_number_is_that_real_number() -> None:
    assert SMALL.but(optimizer__lr=1) == SMALL.but(optimizer__lr=1.0)
    assert name(SMALL.but(optimizer__lr=1)) == name(SMALL.but(optimizer__lr=1.0))
    assert type(Sgd(lr=1, epochs=3).lr) is float
    assert canonical(Ridge(sizes=[3, 4])) == canonical(Ridge(sizes=(3, 4)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "thing",
    [
        np.float64(0.5),
        np.int64(3),
        np.bool_(True),
        np.zeros(3),
        {"a": 1},
        {1, 2},
        b"bytes",
        1j,
        lambda x: x,
        Mlp,
        "".join,
        math.inf,
        -math.inf,
        math.nan,
        object(),
    ],
    ids=[
        "float64",
        "int64",
        "bool_",
        "array",
        "dict",
        "set",
        "bytes",
        "complex",
        "lambda",
        "class",
        "method",
        "inf",
        "-inf",
        "nan",
        "object",
    ],
)
def test_what_has_no_canonical_form_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical(Solved(Digits(n=200), thing))
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical(Simulation(drawn, {"shift": [0.0, thing]}))


def test_two_nested_functions_do_not_share_an_address() -> None:
    def nested() -> None: ...

    with pytest.raises(TypeError, match="has no canonical form"):
        canonical(Solved(Digits(n=200), nested))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="module level"):
        Simulation(nested)  # type: ignore[arg-type]


def test_a_field_cannot_hide_the_name_of_its_class() -> None:
    class Shadow(Value, frozen=True):
        value: float = 1.0

    with pytest.raises(TypeError, match="field named value"):
        canonical(Shadow())


def test_the_class_is_part_of_the_name() -> None:
    assert name(SMALL.but(data__labels=RandomLabels(0.5))) != name(SMALL.but(data__labels=WrongLabels(0.5)))


def test_the_order_of_parameters_is_not_part_of_a_simulation() -> None:
    one, other = Simulation(drawn, {"shift": 1, "spread": 2}), Simulation(drawn, {"spread": 2, "shift": 1})
    assert name(one) == name(other)
    assert name(one) != name(Simulation(drawn, {"shift": 2, "spread": 1}))


# -- addresses ----------------------------------------------------------------------------------------


def test_probes_are_not_part_of_an_address_wherever_the_experiment_stands() -> None:
    probed = SMALL.but(probes=(Norm(),))
    assert name(probed) == name(SMALL)
    assert name(SMALL.but(start=From(probed))) == name(SMALL.but(start=From(SMALL)))
    assert Norm() not in list(values_in(SMALL.but(start=From(probed))))
    assert name(Probing(SMALL, Norm())) != name(Probing(SMALL, Norm(order=1)))
    assert name(Probing(SMALL, Norm())) != name(SMALL)


def test_replicates_are_not_part_of_an_address() -> None:
    assert "replicates" not in SMALL.__struct_fields__


def test_code_source_and_semantics_are_part_of_an_address() -> None:
    parts = {"code": "code", "source": "source", "semantics": 1}
    changed = [{**parts, **c} for c in ({"code": "edited"}, {"source": ""}, {"semantics": 2})]
    assert len({name(SMALL), *(address(SMALL, **c) for c in changed)}) == 4  # type: ignore[arg-type]


CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "data__n": st.integers(1, 1796),
    "data__labels": st.one_of(
        st.just(TrueLabels()), st.floats(0, 1).map(RandomLabels), st.floats(0, 1).map(WrongLabels)
    ),
    "data__inputs": st.sampled_from([TrueInputs(), GaussianInputs()]),
    "data__whiten": st.booleans(),
    "model__width": st.integers(1, 4096),
    "model__depth": st.integers(1, 5),
    "model__batch_norm": st.booleans(),
    "model__bias": st.booleans(),
    "optimizer__lr": st.floats(1e-6, 10),
    "optimizer__epochs": st.integers(1, 1000),
    "optimizer__momentum": st.floats(0, 0.99),
    "optimizer__decay": st.floats(0.5, 1),
    "optimizer__decay_steps": st.none() | st.integers(1, 500),
    "optimizer__weight_decay": st.floats(0, 1),
    "optimizer__batch": st.integers(1, 512),
    "loss": st.sampled_from(["cross_entropy", "squared"]),
    "stop": st.none() | st.builds(WhenFitted, st.floats(0, 1), st.integers(1, 9)),
    "precision": st.sampled_from(["float32", "tf32", "bfloat16"]),
    "draws": st.builds(Draws, *[st.integers(0, 3)] * 3),
    "losses": st.booleans(),
    "start": st.sampled_from(
        [None, From(SMALL), From(SMALL, Scaled(0.5)), (From(SMALL), From(SMALL.but(loss="squared")))]
    ),
}
CHANGED = st.fixed_dictionaries({}, optional=CHANGES).map(lambda c: SMALL.but(**c))


def test_the_strategy_below_changes_every_field_there_is() -> None:
    parts = {"data": SMALL.data, "model": SMALL.model, "optimizer": SMALL.optimizer}
    inner = {f"{part}__{field.name}" for part, value in parts.items() for field in fields_of(type(value))}
    outer = set(SMALL.__struct_fields__) - set(parts) - {"probes"}
    assert set(CHANGES) == inner | outer


@derandomized
@given(CHANGED, CHANGED)
def test_two_experiments_share_an_address_exactly_when_they_are_equal(a: Experiment, b: Experiment) -> None:
    assert (name(a) == name(b)) == (a == b)


@pytest.mark.parametrize("path", CHANGES)
def test_each_single_field_changes_the_address(path: str) -> None:
    @derandomized
    @given(CHANGES[path])
    def differs(change: Any) -> None:
        changed = SMALL.but(**{path: change})
        assert (name(changed) == name(SMALL)) == (changed == SMALL)

    differs()


GOLDEN = {
    "an experiment": (SMALL, "058828eca030c8b545f7390ed99477850c1020ed8a5ec159e3cebabe96fdecb3"),
    "with every field": (
        SMALL.but(
            data__labels=RandomLabels(0.5),
            model__depth=3,
            optimizer__decay=0.95,
            loss="squared",
            stop=WhenFitted(0.01, patience=2),
            precision="bfloat16",
            start=From(SMALL, Scaled(0.5)),
        ),
        "c81164629d08ec6aaf87e19f02bde380a483e0d62720465f8c04f1ce40a2ce9e",
    ),
    "a solution": (
        Solved(Digits(n=200), Ridge(penalty=1e-3, steps=None, sizes=(1, 2))),
        "7d49d23dd24eacb45e439ac46c88fba54384ca59048ef8dd4aa3fd57a0d5c346",
    ),
    "a simulation": (
        Simulation(drawn, {"shift": 1.0, "spread": 2}),
        "7c8c2cd93b6861df203ed04766790c7fdb6c2172905cacaa78f85abfdc33e597",
    ),
    "a probe": (Probing(SMALL, Norm()), "1dd520aa99ef9f72bd814fb36c37d796b2a08c05ead63ed02f5e551ff860ba05"),
}


@pytest.mark.parametrize("what", GOLDEN)
def test_addresses_are_what_they_were(what: str) -> None:
    """An address that moves orphans every record of every store: all of it is computed again.

    If a field was added to a class named here, or its default changed, that is what it costs, and the
    new address is the right one to write down. If nobody meant to change what is computed, the
    canonical form was changed by accident: repair it instead.
    """
    value, expected = GOLDEN[what]
    assert name(value) == expected


def test_what_people_read_shows_what_differs_from_the_defaults() -> None:
    assert abbreviated(SMALL) == "Experiment(Digits(n=200), Mlp(width=16), Sgd(0.05, 3))"
    chained = SMALL.but(start=From(SMALL.but(model=Linear())), loss="squared")
    assert abbreviated(chained) == (
        "Experiment(Digits(n=200), Mlp(width=16), Sgd(0.05, 3), loss='squared', "
        "start=From(Experiment(Digits(n=200), Linear(), Sgd(0.05, 3))))"
    )
    longer = SMALL.but(start=From(chained))
    assert abbreviated(longer).endswith("loss='squared', start=From(...))))")
    assert abbreviated(Simulation(drawn, {"shift": 1})) == "Simulation(drawn, params=(('shift', 1)))"


# -- streams ------------------------------------------------------------------------------------------


def test_streams_differ_by_replicate_purpose_and_what_follows() -> None:
    keys = [(r, p, *more) for r in (0, 1, 2) for p in PURPOSES for more in ((), (0,), (1,), (0, 0), (1, 0))]
    draws = {tuple(stream(*key).integers(2**63, size=4).tolist()) for key in keys}
    assert len(draws) == len(keys)


def test_a_stream_starts_anew_each_time_and_leaves_numpy_alone() -> None:
    np.random.seed(0)  # noqa: NPY002 - the global generator is what must not be read or advanced
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    first = stream(3, "order", 7).permutation(100)
    assert (first == stream(3, "order", 7).permutation(100)).all()
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_streams_of_neighbours_are_uncorrelated() -> None:
    rows = np.array([stream(r, p, 0).standard_normal(4000) for r in range(4) for p in PURPOSES])
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    assert np.abs(correlations).max() < 5 / math.sqrt(4000)


@pytest.mark.parametrize("wrong", [(0, "lables"), (-1, "data"), (0, "data", -1)])
def test_a_wrong_stream_is_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        stream(*wrong)


@pytest.mark.parametrize(
    "key, first",
    [((0, "data"), 582496169), ((0, "initialization"), 4052945586), ((3, "order", 7), 456770470)],
)
def test_first_draws_are_what_they_were(key: tuple[Any, ...], first: int) -> None:
    """If these move, every replicate of every record is another one: SEMANTICS must be raised."""
    assert int(stream(*key).integers(2**32)) == first
