"""Training on streamed images: against the plain path, over two processes, after a kill, and as a claim."""

from __future__ import annotations

import ast
import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.data import RandomLabels, RedrawnLabels, Split, digests
from harness.data.decoding import scaled
from harness.data.image_folder import STREAMED, StreamedSplit
from harness.fleet import memory, numerics, ranks, streamed, table, trainer
from harness.fleet.adaptive import AdamW
from harness.fleet.optimizers import Sgd, Untrained
from harness.fleet.ranks import Streamed, devices, is_streamed, loaders
from harness.fleet.replica import Replica, built
from harness.fleet.streamed import Rank, _normalised_together
from harness.fleet.trainer import Member, Trained
from harness.lab import computing
from harness.lab.crew import LocalCrew
from harness.lab.lab import Lab
from harness.lab.store import Store
from harness.models import Dropout, Linear, Mlp, SmallInception, StudentCnn
from harness.models.inception_v3 import InceptionV3
from harness.spec import Experiment
from harness.spec.streams import stream
from harness.spec.syntax import code_of
from harness.tests import suites
from harness.tests.folders import TINY, write_folder
from harness.tests.simulated import SMALL, at, named, noted

# 24 images in batches of 11: the last of two is short enough to be joined to the first's neighbour
NET = Experiment(TINY, StudentCnn(8, 16, 16), Sgd(lr=0.05, epochs=4, batch=11, decay=0.9, weight_decay=1e-4))


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: None) -> Iterator[None]:
    monkeypatch.setattr(digests, "cache_file", lambda: tmp_path / "cache" / "digests.json")
    monkeypatch.delenv(ranks.RANKS, raising=False)
    numerics.prepare("cpu")
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("folder"))


def member(root: Path, experiment: Experiment = NET, replicate: int = 1, **more: Any) -> Member:
    return Member(experiment, replicate, experiment.data.split(root, replicate), **more)


def same(a: Trained, b: Trained) -> bool:
    return a.curves == b.curves and all(np.array_equal(a.weights[n], b.weights[n]) for n in a.weights)


def close(a: Trained, b: Trained) -> None:
    """Equal up to the rounding of sums taken in another order."""
    assert a.curves.keys() == b.curves.keys()
    for name in a.curves:
        np.testing.assert_allclose(a.curves[name], b.curves[name], rtol=2e-4, err_msg=name)
    for name, weights in a.weights.items():
        np.testing.assert_allclose(weights, b.weights[name], rtol=2e-3, atol=2e-5, err_msg=name)


# -- one process --------------------------------------------------------------------------------------


def held(split: StreamedSplit) -> Split:
    """The same images as arrays in memory."""
    files: Any = split.x_train, split.x_test
    arrays = [torch.stack([scaled(f.pixels(i)) for i in range(len(f))]).numpy() for f in files]
    return Split(arrays[0], split.y_train, split.y_true, split.corrupted, arrays[1], split.y_test, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data__labels": RandomLabels(0.5), "loss": "squared"},
        {"model": SmallInception(width=0.125), "optimizer__epochs": 1},
        {"optimizer": AdamW(lr=0.003, epochs=3, weight_decay=0.1), "losses": True},
    ],
    ids=str,
)
def test_what_is_streamed_trains_as_what_is_held_in_memory(root: Path, changes: dict[str, Any]) -> None:
    experiment = NET.but(optimizer__batch=12, **changes)  # divides 24: both ways cut the epoch alike
    streamed = trainer.train(member(root, experiment))
    assert streamed.kernel == "streamed"
    split: Any = held(member(root, experiment).split)  # type: ignore[arg-type]
    replica = Replica(built(experiment, 1, split), experiment, 1, split, "cpu")
    history = trainer.History(member(root, experiment))
    while history.epoch < experiment.optimizer.epochs:
        history.hear(replica.epoch(history.epoch))
    plain = history.trained(replica.weights(), replica.steps, "reference")
    extra = {n for n in streamed.curves if "top5" in n or "least" in n}
    assert streamed.curves.keys() - extra == plain.curves.keys()
    for name in extra:
        del streamed.curves[name]
    assert streamed.steps_per_epoch == plain.steps_per_epoch == 2
    close(streamed, plain)


def test_decoding_processes_change_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = NET.but(data__augmented=True, data__labels=RandomLabels(1.0), optimizer__epochs=2)
    alone = trainer.train(member(root, experiment))
    monkeypatch.setenv(ranks.LOADERS, "2")
    assert same(alone, trainer.train(member(root, experiment)))
    assert not same(alone, trainer.train(member(root, experiment.but(data__augmented=False))))


def test_labels_stay_with_their_images_in_any_order(root: Path) -> None:
    split = TINY.but(labels=RandomLabels(1.0)).split(root, 0)
    rank = Rank(NET.but(data__labels=RandomLabels(1.0)), 0, split, "cpu", loaders=2)
    order = np.random.default_rng(0).permutation(24)
    for rows, x in rank._loaded(split.x_train, [order[:10], order[10:]], None):
        for row, image in zip(rows.tolist(), x, strict=True):
            assert torch.equal(image, scaled(split.x_train.pixels(row)))  # type: ignore[attr-defined]
        assert rank.labels[rows].tolist() == split.y_train[rows.numpy()].tolist()


class Fixed(torch.nn.Module):
    """Gives logits that were drawn beforehand, in the order in which it is asked."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits, self.given = logits, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given += len(x)
        return self.logits[self.given - len(x) : self.given]


def test_top_5_counts_the_first_five_guesses(root: Path) -> None:
    logits = np.random.default_rng(0).normal(size=(24, 9)).astype(np.float32)
    labels = np.random.default_rng(1).integers(9, size=24)
    rank = Rank(NET, 0, TINY.split(root, 0), "cpu")
    rank.module = Fixed(torch.from_numpy(logits))
    wrong = rank._wrong(rank.split.x_train, torch.from_numpy(labels), np.arange(24), None)
    ranking = (logits > logits[np.arange(24), labels][:, None]).sum(1)  # how many classes come first
    assert wrong[0].tolist() == (ranking > 0).tolist()
    assert wrong[1].tolist() == (ranking > 4).tolist()
    assert 0 < wrong[1].sum() < wrong[0].sum() < 24


def test_errors_are_measured_on_the_drawn_images(root: Path) -> None:
    rank = Rank(NET.but(data__measured=7), 0, TINY.but(measured=7).split(root, 0), "cpu")
    assert rank.epoch(0)["train_error"] * 7 == pytest.approx(round(rank.epoch(0)["train_error"] * 7))
    every = Rank(NET, 0, TINY.split(root, 0), "cpu")
    wrong = every._wrong(every.split.x_train, every.labels, np.arange(24), None)[0]
    rows = rank.split.measured
    assert every._wrong(every.split.x_train, every.labels, rows, None)[0].tolist() == wrong[rows].tolist()


def test_blank_images_have_the_error_that_nothing_can_be_below(root: Path) -> None:
    experiment = NET.but(data__blank=True, data__labels=RandomLabels(1.0), optimizer__epochs=2)
    trained = trainer.train(member(root, experiment))
    split = experiment.data.split(root, 1)
    assert trained.curves["least_train_error"][-1] == pytest.approx(1 - np.bincount(split.y_train).max() / 24)
    assert trained.curves["least_test_error"][-1] == pytest.approx(2 / 3)
    assert trained.curves["least_test_top5_error"] == [0.0, 0.0]
    for part in ("train", "test"):
        errors = np.array(trained.curves[f"{part}_error"])
        assert (errors >= np.array(trained.curves[f"least_{part}_error"]) - 1e-12).all()


def test_labels_drawn_anew_are_those_of_the_epoch(root: Path) -> None:
    experiment = NET.but(data__labels=RedrawnLabels())
    rank = Rank(experiment, 0, ranks.on_disk(experiment.data.split(root, 0)), "cpu")
    assert "corrupted_error" not in rank.epoch(3)
    assert rank.split.redraw is not None
    assert rank.labels.tolist() == rank.split.redraw(3).tolist()


def test_dropout_draws_from_the_runs_own_stream(root: Path) -> None:
    experiment = NET.but(model=Dropout(StudentCnn(8, 16, 16)), optimizer__epochs=2)
    first = trainer.train(member(root, experiment))
    torch.manual_seed(3)
    assert same(first, trainer.train(member(root, experiment)))
    assert not same(first, trainer.train(member(root, NET.but(optimizer__epochs=2))))


def test_inception_v3_with_dropout_takes_the_same_route(root: Path) -> None:
    experiment = NET.but(data__size=75, model=Dropout(InceptionV3(), 0.2), optimizer__epochs=1)
    trained = trainer.train(member(root, experiment.but(precision="bfloat16")))
    assert trained.outcome == "budget"
    assert trained.curves["train_loss"][0] > 0
    assert sum(weights.size for name, weights in trained.weights.items() if name.endswith("conv.weight")) == (
        InceptionV3().size((3, 75, 75), 3) - 3 * (2048 + 1) - 2 * 17_216
    )


# -- several processes --------------------------------------------------------------------------------


def test_two_processes_train_as_one_also_where_one_is_killed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is killed at an epoch's end; from the checkpoint a single process goes on to the same end."""
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    experiment = NET.but(data__augmented=True, data__labels=RandomLabels(0.5))
    alone = trainer.train(member(root, experiment))
    monkeypatch.setenv(ranks.RANKS, "2")
    saved: list[Any] = []
    second: list[int] = []
    started = ranks.Ranks.__init__

    def begun(self: ranks.Ranks, *arguments: Any) -> None:
        started(self, *arguments)
        second.append(self._finalizer.peek()[2][1][1].pid)  # type: ignore[index]

    def save(state: dict[str, Any], arrays: Any) -> None:
        saved.append(
            ({"epoch": state["epoch"], "curves": {n: [*c] for n, c in state["curves"].items()}}, arrays)
        )
        if len(saved) == 2:
            os.kill(second[0], signal.SIGKILL)

    monkeypatch.setattr(ranks.Ranks, "__init__", begun)
    told: list[int] = []
    monkeypatch.setattr(memory, "note_elsewhere", told.append)
    with pytest.raises(RuntimeError, match=r"^rank [01] of 2: .+$"):
        trainer.train(member(root, experiment, save=save))
    assert [state["epoch"] for state, _ in saved] == [1, 2]
    assert sum(peak > 2**26 for peak in told) > 4  # both processes, each time they answered
    monkeypatch.setenv(ranks.RANKS, "1")
    resumed = trainer.train(member(root, experiment, resume=saved[-1]))
    assert len(resumed.curves["train_loss"]) == 4
    close(alone, resumed)
    with pytest.raises(ProcessLookupError):
        os.kill(second[0], 0)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_untrained_net_stays_as_it_was_drawn(
    root: Path, processes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ranks.RANKS, processes)
    still = member(root, NET.but(optimizer=Untrained()))
    module, ended = built(still.experiment, still.replicate, still.split), trainer.train(still)
    assert (ended.kernel, ended.curves) == ("streamed", {})
    for name, tensor in module.state_dict().items():
        assert np.array_equal(ended.weights[name], tensor.numpy())


def test_batch_norm_and_small_batches_are_refused_where_they_cannot_be_shared(root: Path) -> None:
    normed = NET.but(model=SmallInception(width=0.125))
    with pytest.raises(ValueError, match="over several processes needs GPUs"):
        Rank(normed, 0, TINY.split(root, 0), "cpu", world=2)
    with pytest.raises(ValueError, match="12 devices share batches of 11: use fewer devices"):
        Rank(NET, 0, TINY.split(root, 0), "cpu", world=12)


def test_on_gpus_batches_are_normalised_as_a_whole() -> None:
    net = SmallInception(width=0.125).build((3, 16, 16), 3, stream(0, "initialization"))
    shared = _normalised_together(net, torch.device("cuda"))
    kinds = {type(m) for m in shared.modules()}
    assert torch.nn.SyncBatchNorm in kinds
    assert torch.nn.BatchNorm2d not in kinds


def test_what_cannot_be_decoded_fails_its_run_in_one_line(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data")
    (folder / "tiny/train/ant/ant_0.JPEG").write_bytes(b"no image")
    lab = Lab(at(folder))
    runs = lab.runs(NET, 1)
    lab.ensure(runs)
    (why,) = lab.failures.values()
    assert why == "DataError: ant/ant_0.JPEG cannot be decoded (UnidentifiedImageError): replace it"


# -- routing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Mlp(8), Linear(), StudentCnn(4, 4, 4)], ids=str)
@pytest.mark.parametrize("forced", ["", "reference"])
def test_the_table_streams_what_is_streamed(
    root: Path, monkeypatch: pytest.MonkeyPatch, model: Any, forced: str
) -> None:
    monkeypatch.setenv(table.FORCED, forced)
    experiment = NET.but(model=model)
    module = built(experiment, 0, TINY.split(root, 0))
    assert {table.chosen(module, experiment, device) for device in ("cpu", "cuda", "cuda:1")} == {Streamed}
    assert is_streamed(experiment)
    assert not is_streamed(SMALL)
    dense = built(SMALL, 0, SMALL.data.split(None, 0))
    assert table.chosen(dense, SMALL, "cpu") is not Streamed


def test_devices_and_loaders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices("cuda") == ["cuda:0", "cuda:1", "cuda:2"]
    assert devices("cuda:1") == ["cuda:1"]
    assert (devices("cpu"), loaders("cpu", 1)) == (["cpu"], 0)
    assert 1 <= loaders("cuda", 1) <= ranks.MOST_LOADERS
    assert loaders("cuda:2", 10_000) == 1
    monkeypatch.setattr("harness.fleet.cgroups.whole_cores", lambda: 96)
    monkeypatch.setattr(ranks._CoreSharers, "processes", 1)
    assert (loaders("cuda", 1), loaders("cuda", 8)) == (16, 12)  # a training over eight GPUs
    ranks.share_cores(8)
    assert loaders("cuda", 1) == 12  # eight trainings, each of its own GPU
    monkeypatch.setenv(ranks.RANKS, "2")
    assert devices("cpu") == ["cpu", "cpu"]
    for name, text, ask in (
        (ranks.RANKS, "0", lambda: devices("cpu")),
        (ranks.LOADERS, "two", lambda: loaders("cpu", 1)),
    ):
        monkeypatch.setenv(name, text)
        with pytest.raises(ValueError, match=rf"^{name}={text}: a number from \d up$"):
            ask()


def test_what_is_streamed_is_computed_by_the_session_and_no_process_beside_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(at(root), processes=2)
    crew = lab.crew
    assert isinstance(crew, LocalCrew)
    drained = computing.drain

    def drain(units: list[Any], *where: Any) -> Iterator[Any]:
        assert crew._pool is None  # whose processes hold memory of the devices
        return drained(units, *where)

    monkeypatch.setattr("harness.lab.crew.drain", drain)
    runs = [*lab.runs(NET.but(optimizer__epochs=1), 1), *lab.runs(named(noted, file=str(root / "who")), 1)]
    lab.ensure(runs)
    assert not lab.failures
    assert (root / "who").read_text() != f"{os.getpid()}\n"


PINNED = {1: "d1a2fe0ac7974dcd22a0bb6bca767a0272093653ee5210a668a85c85f3d35cdb"}


def test_the_trainer_is_the_one_that_its_version_names() -> None:
    text = code_of(ast.parse(Path(streamed.__file__).read_text()).body, "").text
    assert hashlib.sha256(text.encode()).hexdigest() == PINNED.get(STREAMED), (
        "the streamed trainer changed: raise STREAMED if its arithmetic did, then bless this digest"
    )


# -- as a claim ---------------------------------------------------------------------------------------

SUITE = '''"""A small net can memorize random labels of streamed images, which is a thesis."""

from harness import Experiment, Paper, Sgd, Simulation, Tiers, WhenFitted, claim, control, exists, trained
from harness.data import RandomLabels
from harness.data.image_folder import ImageFolder
from harness.models import StudentCnn

PAPER = Paper(key="X2020", authors="A", title="T", venue="V", year=2020, url="https://x.org")
FOLDER = ImageFolder("tiny", classes=3, train_size=24, test_size=12, size=16, labels=RandomLabels(1.0))
RANDOM = Experiment(FOLDER, StudentCnn(16, 64, 64), Sgd(lr=0.02, epochs=80, batch=6), stop=WhenFitted())


def one_guess(generator):
    labels = generator.integers(3, size=24).tolist()
    wrong = 1 - max(map(labels.count, labels)) / 24
    return {"train_error": wrong, "least_train_error": wrong}


@claim(PAPER, "Table 2", says="Random labels can be memorized.", reported="words", adapted={"full": "small"},
       replicates=1)
@trained(random=Tiers(full=RANDOM))
@control(random=Tiers(full=Simulation(one_guess)), says="one guess for all images")
def test_random_labels_can_be_memorized(random, check):
    check(exists(random.final("train_error"), 0.1, least=random.final("least_train_error")))
'''


def test_a_claim_on_streamed_images_is_judged_over_two_processes(tmp_path: Path) -> None:
    suites.write(tmp_path, SUITE, head="")
    environment = {ranks.RANKS: "2", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    write_folder(tmp_path / "data", train=7)
    arguments = ("-m", "full", "--data-root", "data", "--report", "rep")
    suites.run(tmp_path, *arguments, **environment).refused(
        "tiny/train has 21 images in 3 class folders, not 24 in 3"
    )
    write_folder(tmp_path / "whole")
    done = suites.run(tmp_path, "-m", "full", "--data-root", "whole", "--report", "rep", **environment)
    assert done.verdicts == {"random_labels_can_be_memorized": "reproduced"}, done.text
    (claim,) = done.report.claims
    assert [c.verdict.value for c in claim.controls] == ["refuted"]
    assert {run.kernel for run in claim.runs} == {"streamed"}
    store = Store(tmp_path / "store")
    keys = store.keys()
    (record,) = [r for key in keys if (r := store.read(key)) and r.outcome != "solved"]
    assert (record.provenance["devices"], record.outcome) == ("2", "fitted")
    assert record.provenance["sampled"].startswith("ant/ant_0.JPEG ")
    assert len(record.provenance["sampled"].split(", ")) == 8
    assert record.resolutions["test_top5_error"] == 1 / 12
