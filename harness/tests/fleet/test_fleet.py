"""The reference kernel against plain torch, its outcomes and restarts, and the order of the work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.data import Digits, RandomLabels, RedrawnLabels, WrongLabels
from harness.fleet import numerics, table, trainer
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.fleet.replica import Replica, batches, built
from harness.fleet.trainer import Member, Trained
from harness.lab.durations import estimate, seconds_of
from harness.lab.lab import Lab
from harness.lab.names import Names
from harness.lab.plan import fleets, shape_of
from harness.lab.runs import Run, parents_of, with_parents
from harness.models import Linear, Mlp, SmallInception
from harness.spec import Experiment, From, Probing
from harness.spec.contracts import Weights
from harness.spec.streams import stream
from harness.tests.simulated import SMALL, Norm, Scaled, at, drawn, named

NAMES = Names(Path())


@pytest.fixture(autouse=True)
def _prepared() -> Iterator[None]:
    numerics.prepare("cpu")
    yield
    torch.set_flush_denormal(False)


def split(experiment: Experiment, replicate: int = 0) -> Any:
    return experiment.data.split(None, replicate)


def trained(experiment: Experiment, replicate: int = 0, **more: Any) -> Trained:
    until = more.pop("until_epoch", None)
    return trainer.train(
        Member(experiment, replicate, split(experiment, replicate), **more), until_epoch=until
    )


def same(a: Trained, b: Trained) -> bool:
    return a.curves == b.curves and all(np.array_equal(a.weights[n], b.weights[n]) for n in a.weights)


# -- arithmetic ---------------------------------------------------------------------------------------


def by_torch(experiment: Experiment, replicate: int) -> tuple[list[float], dict[str, Any]]:
    """The same training with torch's own optimizer, scheduler and loss: mean losses, final weights."""
    data, recipe = split(experiment, replicate), experiment.optimizer
    assert isinstance(recipe, Sgd)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    model = experiment.model.build((1, 8, 8), 10, stream(replicate, "initialization"))
    optimizer = torch.optim.SGD(
        model.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    steps = -(-len(y) // recipe.batch)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, recipe.decay_steps or steps, gamma=recipe.decay)
    losses = []
    for epoch in range(recipe.epochs):
        order = torch.from_numpy(stream(replicate, "order", epoch).permutation(len(y)))
        total = 0.0
        for part in order.split(recipe.batch):
            logits = model(x[part])
            if experiment.loss == "squared":
                loss = ((logits - torch.nn.functional.one_hot(y[part], 10)) ** 2).mean()
            else:
                loss = -logits.log_softmax(1)[torch.arange(len(part)), y[part]].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(part)
        losses.append(total / len(y))
    return losses, {name: t.detach().numpy() for name, t in model.state_dict().items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer__momentum": 0.0},
        {"optimizer__weight_decay": 0.01},
        {"optimizer__decay": 0.5},
        {"optimizer__decay": 0.9, "optimizer__decay_steps": 3, "optimizer__weight_decay": 0.001},
        {"loss": "squared", "optimizer__lr": 0.1},
        {"model": Mlp(16, depth=2, batch_norm=True)},
        {"model": Linear(), "data__labels": RandomLabels(1.0)},
    ],
    ids=str,
)
def test_twenty_steps_agree_with_plain_torch(changes: dict[str, Any]) -> None:
    experiment = SMALL.but(**{"optimizer__epochs": 5, "optimizer__batch": 50, **changes})
    ours, (losses, weights) = trained(experiment, 1), by_torch(experiment, 1)
    assert ours.steps_per_epoch == 4
    np.testing.assert_allclose(ours.curves["train_loss"], losses, rtol=1e-5)
    for name, expected in weights.items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours.weights[name], expected, rtol=1e-5, atol=1e-5 * scale)


def test_gradients_agree_with_differences_in_float64() -> None:
    experiment = SMALL.but(data__n=20)
    replica = Replica(built(experiment, 0, split(experiment)), experiment, 0, split(experiment), "cpu")
    loss = replica._loss(replica.x_train, replica.y_train)
    gradient = torch.autograd.grad(loss, replica.params)[0]
    exact, x = replica.model.double(), replica.x_train.double()
    weight = next(exact.parameters())
    for place in [(0, 27), (7, 36), (15, 20)]:
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * 1e-6
                sides.append(torch.nn.functional.cross_entropy(exact(x), replica.y_train).item())
                weight[place] -= sign * 1e-6
        assert gradient[place].item() == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-3, abs=1e-6)


def test_errors_are_those_of_the_final_weights() -> None:
    experiment = SMALL.but(data__labels=WrongLabels(0.4))
    data, found = split(experiment), trained(experiment)
    model = trainer.restored(experiment, data, found.weights, "cpu")
    with torch.inference_mode():
        wrong = model(torch.from_numpy(data.x_train)).argmax(1).numpy() != data.y_train
        tested = model(torch.from_numpy(data.x_test)).argmax(1).numpy() != data.y_test
    finals = {name: values[-1] for name, values in found.curves.items()}
    assert finals.pop("train_loss") > 0
    assert finals == {
        "train_error": pytest.approx(wrong.mean()),
        "test_error": pytest.approx(tested.mean()),
        "corrupted_error": pytest.approx(wrong[data.corrupted].mean()),
        "clean_error": pytest.approx(wrong[~data.corrupted].mean()),
    }


@pytest.mark.parametrize(
    "n, size, sizes",
    [
        (10, 5, [5, 5]), (11, 5, [5, 6]), (12, 5, [5, 5, 2]), (3, 5, [3]), (1, 5, [1]), (6, 5, [6]),
        (3, 1, [1, 2]), (2, 2, [2]),
    ],
)  # fmt: skip
def test_a_last_batch_of_one_joins_its_neighbour(n: int, size: int, sizes: list[int]) -> None:
    found = batches(n, size)
    assert [end - begin for begin, end in found] == sizes
    assert (found[0][0], found[-1][1]) == (0, n)


def test_batch_norm_trains_where_one_example_is_left_over() -> None:
    found = trained(SMALL.but(data__n=129, model__batch_norm=True, optimizer__epochs=1))
    assert found.steps_per_epoch == 1
    assert np.isfinite(found.curves["train_loss"]).all()


def test_redrawn_labels_are_new_in_every_epoch_and_measured_as_such() -> None:
    experiment = SMALL.but(data__labels=RedrawnLabels())
    data, seen = split(experiment), []

    def redraw(epoch: int) -> Any:
        seen.append(data.redraw(epoch))
        return seen[-1]

    found = trainer.train(Member(experiment, 0, dataclasses.replace(data, redraw=redraw)))
    assert len(seen) == 3
    assert all((seen[i] == data.redraw(i)).all() for i in range(3))
    assert len({labels.tobytes() for labels in seen}) == 3
    model = trainer.restored(experiment, data, found.weights, "cpu")
    with torch.inference_mode():
        predicted = model(torch.from_numpy(data.x_train)).argmax(1).numpy()
    assert found.curves["train_error"][-1] == pytest.approx((predicted != seen[-1]).mean())


@pytest.mark.parametrize("model", [Mlp(16), SmallInception(width=0.05)], ids=str)
def test_bfloat16_trains_close_to_float32_and_keeps_float32_weights(model: Any) -> None:
    experiment = SMALL.but(model=model, optimizer__epochs=1)
    full, reduced = trained(experiment), trained(experiment.but(precision="bfloat16"))
    assert full.curves["train_loss"] != reduced.curves["train_loss"]
    assert reduced.curves["train_loss"] == pytest.approx(full.curves["train_loss"], rel=0.02)
    assert {a.dtype for a in reduced.weights.values()} <= {np.dtype(np.float32), np.dtype(np.int64)}


# -- company, restarts, outcomes ----------------------------------------------------------------------


def test_the_same_bits_alone_and_in_company() -> None:
    alone = trained(SMALL, 1)
    torch.manual_seed(5)
    for r in (0, 2):
        trained(SMALL.but(model=Mlp(8, batch_norm=True)), r)
    assert same(trained(SMALL, 1), alone)
    assert not same(trained(SMALL, 2), alone)


def test_replicates_of_two_experiments_are_paired() -> None:
    once = {"optimizer__lr": 1e-12, "optimizer__epochs": 1}
    clean, noisy = trained(SMALL.but(**once)), trained(SMALL.but(**once, data__labels=RandomLabels()))
    for name in clean.weights:
        np.testing.assert_allclose(clean.weights[name], noisy.weights[name], atol=1e-7)


@pytest.mark.parametrize("changes", [{}, {"model__batch_norm": True, "optimizer__decay": 0.9}], ids=str)
def test_ten_epochs_are_five_a_checkpoint_and_five_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    experiment = SMALL.but(**{"optimizer__epochs": 10, **changes})
    store = Lab(at(tmp_path)).store
    whole = trained(experiment)

    def save(state: dict[str, Any], arrays: Weights) -> None:
        store.checkpoint("ab" * 32, state, arrays)

    trained(experiment, until_epoch=5, save=save)
    resumed = store.resume("ab" * 32)
    assert resumed is not None
    assert resumed[0]["epoch"] == 5
    assert same(trained(experiment, resume=resumed), whole)


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = SMALL.but(optimizer__epochs=6)
    whole = trained(experiment)
    lab = Lab(at(tmp_path))
    (run,) = lab.runs(experiment, 1)
    replica = table.replica(experiment, 0, split(experiment), "cpu")
    curves = {name: values[:2] for name, values in whole.curves.items()}
    for epoch in range(2):
        replica.epoch(epoch)
    lab.store.checkpoint(run.key, {"epoch": 2, "curves": curves}, replica.state())
    epochs: list[int] = []
    once = Replica.epoch

    def counted(replica: Replica, epoch: int) -> dict[str, float]:
        epochs.append(epoch)
        return once(replica, epoch)

    monkeypatch.setattr(Replica, "epoch", counted)
    found = lab.results("x", experiment, 1)
    assert epochs == [2, 3, 4, 5]
    assert found.curve("train_loss")[0].tolist() == whole.curves["train_loss"]
    assert lab.store.resume(run.key) is None  # forgotten once the record is there


def test_divergence_is_an_outcome(tmp_path: Path) -> None:
    wild = SMALL.but(optimizer__lr=1e12, loss="squared", optimizer__epochs=5)
    results = Lab(at(tmp_path)).results("wild", wild, 2)
    assert [r.outcome for r in results.records] == ["diverged"] * 2
    assert set(results.records[0].finals.values()) == {None}
    assert all(r.epochs < 5 for r in results.records)
    for measured in (results.final("train_error"), results.best("test_error")):
        assert np.isnan(measured.values).all()
        assert measured.diverged.all()


def test_training_ends_when_the_data_are_fitted() -> None:
    experiment = SMALL.but(optimizer__epochs=200, stop=WhenFitted())
    found = trained(experiment)
    errors = found.curves["train_error"]
    assert found.outcome == "fitted"
    assert len(errors) < 200
    assert errors[-1] == 0 < min(errors[:-1])
    assert trained(SMALL, 0).outcome == "budget"


def test_patience_counts_epochs_in_a_row() -> None:
    rule = WhenFitted(error=0.1, patience=2)
    ends = [rule.reached({"train_error": e}) for e in ([0.1], [0.1, 0.2, 0.1], [0.5, 0.1, 0.0])]
    assert ends == [False, False, True]


# -- chains and probes --------------------------------------------------------------------------------


def chained(tmp_path: Path, start: Any) -> tuple[Trained, np.ndarray]:
    """A parent trained by hand, and the first weights after a step of almost no length from it."""
    parent = trained(SMALL)
    child = SMALL.but(start=start, optimizer__lr=1e-12, optimizer__epochs=1, model__width=16)
    lab = Lab(at(tmp_path))
    lab.ensure(lab.runs(child, 1))
    weights = lab.store.weights(lab.runs(child, 1)[0].key)
    assert weights is not None
    return parent, weights["1.weight"]


def test_a_chain_starts_from_its_parents_weights(tmp_path: Path) -> None:
    parent, first = chained(tmp_path, From(SMALL))
    np.testing.assert_allclose(first, parent.weights["1.weight"], atol=1e-7)


def test_a_chain_starts_from_its_transform_of_them(tmp_path: Path) -> None:
    parent, first = chained(tmp_path, From(SMALL.but(probes=(Norm(),)), Scaled(0.5)))
    np.testing.assert_allclose(first, parent.weights["1.weight"] / 2, atol=1e-7)


def test_a_probe_is_measured_without_training_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(at(tmp_path))
    lab.results("plain", SMALL, 2)
    refuse = pytest.fail
    monkeypatch.setattr(trainer, "train", lambda *a, **k: refuse("trained again"))
    probed = Lab(at(tmp_path)).results("probed", SMALL.but(probes=(Norm(), Norm(order=1))), 2)
    weights = lab.store.weights(lab.runs(SMALL, 1)[0].key)
    assert weights is not None
    norm = np.sqrt(sum((np.float64(array) ** 2).sum() for array in weights.values()))
    order_one = Lab(at(tmp_path)).results("probed", SMALL.but(probes=(Norm(),)), 2)
    assert order_one.final("norm").values[0] == pytest.approx(norm)
    assert order_one.array("norms").shape == (2, 4)
    assert probed.final("examples").values.tolist() == [200, 200]
    assert probed.final("train_error").values.tolist() == order_one.final("train_error").values.tolist()


# -- the plan -----------------------------------------------------------------------------------------


def runs(*experiments: Any, replicates: int = 2) -> list[Run]:
    return with_parents(NAMES.run(e, r) for e in experiments for r in range(replicates))


def test_runs_of_equal_shape_share_a_fleet_and_others_do_not() -> None:
    alike = [SMALL, SMALL.but(data__labels=RandomLabels()), SMALL.but(optimizer__lr=0.1)]
    assert len({shape_of(e) for e in alike}) == 1
    others = [SMALL.but(data__n=100), SMALL.but(model__width=8), SMALL.but(optimizer__batch=7)]
    others += [SMALL.but(loss="squared"), SMALL.but(precision="bfloat16")]
    assert len({shape_of(e) for e in (SMALL, *others)}) == 6
    (fleet,) = fleets(runs(*alike), {}, "cuda")
    assert len(fleet.runs) == 6


def test_every_run_is_planned_once_parents_first_then_the_longest() -> None:
    child = SMALL.but(start=From(SMALL))
    grandchild = SMALL.but(start=(From(child), From(SMALL.but(loss="squared"))))
    wanted = runs(grandchild, SMALL, SMALL, child, SMALL.but(optimizer__epochs=900), Probing(SMALL, Norm()))
    planned = fleets(wanted, {})
    keys = [run.key for fleet in planned for run in fleet.runs]
    assert len(keys) == len(set(keys)) == len(wanted) == 12
    done: set[str] = set()
    for fleet in planned:
        assert all(parent.key in done for run in fleet.runs for parent in run.parents)
        done |= {run.key for run in fleet.runs}
    order = [(fleet.runs[0].depth, -fleet.seconds) for fleet in planned]
    assert order == sorted(order)
    assert [run.depth for run in runs(grandchild, replicates=1)] == [2, 1, 0, 0]
    assert parents_of(SMALL) == ()


def test_big_groups_are_cut_and_timings_count() -> None:
    wanted = runs(SMALL, replicates=100)
    kind = wanted[0].kind
    planned = fleets(wanted, {kind: 1.5})
    assert {len(fleet.runs) for fleet in planned} == {2}
    assert seconds_of(wanted[0], {kind: 1.5}) == 1.5
    assert {fleet.seconds for fleet in planned} == {3.0}
    assert [f.runs for f in fleets(reversed(wanted), {kind: 1.5})] == [f.runs for f in planned]


def test_small_plans_are_cut_for_all_processes() -> None:
    wanted = runs(SMALL, SMALL.but(loss="squared"), replicates=10)
    few = fleets(wanted, {wanted[0].kind: 0.1, wanted[-1].kind: 0.01})
    assert max(fleet.seconds for fleet in few) == 0.1
    assert sorted(len(fleet.runs) for fleet in few) == [1] * 10 + [1, 3, 3, 3]


def test_estimates_are_positive_and_grow_with_the_work() -> None:
    seconds = estimate(SMALL)
    assert seconds > 0
    more = [SMALL.but(optimizer__epochs=30), SMALL.but(data__n=1000), SMALL.but(model__width=4096)]
    assert all(estimate(e) > seconds for e in more)
    assert estimate(named(drawn)) > 0
    assert estimate(Experiment(Digits(n=1), Linear(), Sgd(lr=0.1, epochs=1))) > 0


def test_a_probed_parent_does_not_give_a_chain_another_name() -> None:
    plain, probed = From(SMALL), From(SMALL.but(probes=(Norm(),)))
    for order in ((plain, probed), (probed, plain)):
        names = Names(Path())
        keys = {names.run(SMALL.but(start=start), 0).key for start in order}
        parents = {names.run(SMALL.but(start=start), 0).parents[0].key for start in order}
        assert keys == {NAMES.run(SMALL.but(start=plain), 0).key}
        assert parents == {NAMES.run(SMALL, 0).key}
