"""Ray carries units: a simulated cluster computes what a process alone does, whatever is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.analytic.equal_steps import EqualSteps
from harness.data import Digits
from harness.fleet import pausing
from harness.fleet.optimizers import Sgd
from harness.lab import ray_address, ray_engine
from harness.lab.cluster import LAST_SECONDS, ClusterCrew
from harness.lab.computing import COMPUTED, PRESENT, Finished
from harness.lab.lab import Lab
from harness.lab.ray_address import refused
from harness.lab.ray_engine import RayEngine
from harness.lab.store import Store
from harness.models import Mlp
from harness.spec import Experiment, Runnable, Solved
from harness.tests.lab.clusters import (
    EVERYTHING,
    KEPT,
    drained,
    notes,
    numbers,
    runs_of,
)
from harness.tests.simulated import at, deadly, drawn, lines, named, noted, raising
from harness.tests.suites import run, run_harness, write, write_claims

OBJECTS = 80_000_000
"""Bytes: the least that Ray takes for what is under way on a node."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each, started once; tests that lose one add another."""
    pytest.importorskip("ray")
    os.environ.update(ray_address.QUIET)
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args=node_of(1))
    nodes.add_node(**node_of(1))
    yield nodes
    nodes.shutdown()


def node_of(processors: int) -> dict[str, Any]:
    return {"num_cpus": processors, "object_store_memory": OBJECTS, "include_dashboard": False}


@pytest.fixture
def crew(cluster: Any, tmp_path: Path) -> Iterator[ClusterCrew]:
    """A crew on the cluster."""
    made = ClusterCrew(at(tmp_path), RayEngine(f"ray={cluster.address}", "cpu", 1))
    yield made
    made.close()


def outcomes(told: list[Finished]) -> Counter[str]:
    return Counter(done.failure or done.outcome for done in told)


def test_records_are_bit_equal_to_those_of_a_process_alone(crew: ClusterCrew, tmp_path: Path) -> None:
    assert crew.slots == 2
    told = drained(crew, [*runs_of(crew.place, EVERYTHING, 2), *runs_of(crew.place, [named(raising)], 1)])
    assert outcomes(told) == {COMPUTED: 10, "OverflowError: the first line": 1}
    lab = Lab(at(tmp_path / "alone"))
    lab.ensure([run for value in EVERYTHING for run in lab.runs(value, 2)])
    assert numbers(tmp_path / "store") == numbers(tmp_path / "alone" / "store")
    assert not notes(told)


def test_a_run_that_kills_its_process_twice_fails_and_one_that_does_once_is_computed(
    crew: ClusterCrew, tmp_path: Path
) -> None:
    once = named(deadly, fuse=str(tmp_path / "fuse"))
    told = drained(crew, runs_of(crew.place, [named(deadly, fuse=""), once, named(drawn)], 1))
    why = "its training process was killed (out of memory?) twice; run again to go on"
    assert outcomes(told) == {COMPUTED: 2, why: 1}


@pytest.mark.parametrize(
    "on, says",
    [
        ("dask", "use ray, or ray=HOST:PORT"),
        ("ray=", "use ray, or ray=HOST:PORT"),
        ("ray=ray://head:10001", "start this on a machine of the cluster"),
        ("ray=head", "no HOST:PORT"),
        ("ray=head:x", "no HOST:PORT"),
        ("ray=:1", "no HOST:PORT"),
    ],
)
def test_what_is_no_cluster_is_refused_before_anybody_is_asked(
    on: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert says in refused(on)
    assert refused(on).startswith(f"--on {on}: ")
    assert not refused("ray=head:6379")


def test_without_ray_one_line_tells_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for on in ("ray", "ray=head:6379"):
        assert refused(on).endswith('python -m pip install "overclaim[ray]"')


class Answering(socketserver.BaseRequestHandler):
    """Answers whatever it is asked with the same bytes."""

    answer = b""

    def handle(self) -> None:
        self.request.recv(100)
        self.request.sendall(self.answer)


class Page(Answering):
    """A server of web pages."""

    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"


class Head(Answering):
    """As the head of a cluster begins to talk."""

    answer = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@contextlib.contextmanager
def answering(server_of: type[Answering]) -> Iterator[str]:
    """The address of a server that answers once."""
    with socketserver.TCPServer(("127.0.0.1", 0), server_of) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"


def test_an_address_without_a_cluster_is_told_within_seconds() -> None:
    pytest.importorskip("ray")
    began = time.monotonic()
    with (
        answering(Page) as address,
        pytest.raises(ValueError, match=rf"^--on ray={address}: what answers at .* is no Ray"),
    ):
        RayEngine(f"ray={address}", "cpu", 1)
    for other in (address, "no.such.host.invalid:6379"):
        with pytest.raises(ValueError, match=rf"^--on ray={other}: nothing answers at {other} .*up.$"):
            RayEngine(f"ray={other}", "cpu", 1)
    assert time.monotonic() - began < 10


def test_a_cluster_of_another_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_address, "_versions", lambda address: ("1.0.0", "3.6.0"))
    says = r"the cluster has Ray 1.0.0 and Python 3.6.0, and this machine Ray .*: install the same on both"
    with answering(Head) as address, pytest.raises(ValueError, match=says):
        RayEngine(f"ray={address}", "cpu", 1)


def test_a_cluster_that_asks_for_a_token_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_address, "_versions", lambda address: None)
    monkeypatch.setattr(ray_address, "_is_closed", lambda address: True)
    says = "asks for its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN"
    with answering(Head) as address, pytest.raises(ValueError, match=says):
        RayEngine(f"ray={address}", "cpu", 1)


@pytest.mark.clusters
def test_a_cluster_without_gpus_is_refused_for_what_needs_one(cluster: Any) -> None:
    with pytest.raises(ValueError, match="the cluster has no GPU: add a machine, or choose --device"):
        RayEngine(f"ray={cluster.address}", "cuda", 1)


def test_a_cluster_that_does_not_start_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    begun: list[str] = []

    def fail(engine: RayEngine) -> None:
        begun.append(engine.on)
        raise RuntimeError("Failed to start GCS.\nLast 0 lines of error files:")

    monkeypatch.setattr(RayEngine, "_begin", fail)
    crew = ClusterCrew(at(tmp_path), RayEngine("ray", "cpu", 2))
    told = drained(crew, runs_of(crew.place, [named(drawn)], 3))
    assert outcomes(told) == {"ValueError: --on ray: Ray does not start (Failed to start GCS.)": 3}
    assert begun == ["ray"]


@pytest.mark.clusters
def test_a_node_that_is_killed_loses_what_it_was_computing_and_nothing_else(
    cluster: Any, crew: ClusterCrew, tmp_path: Path
) -> None:
    file, third = tmp_path / "computed", cluster.add_node(**node_of(1))
    runs = runs_of(crew.place, [named(noted, file=str(file), pause=3 + n / 1e4) for n in range(6)], 1)

    def kill() -> None:  # as soon as a process of each node has begun a run
        while len(set(lines(file))) < 3:
            time.sleep(0.02)
        cluster.remove_node(third, allow_graceful=False)

    killing = threading.Thread(target=kill)
    killing.start()
    told = drained(crew, runs)
    killing.join()
    assert outcomes(told) == {COMPUTED: 6}
    assert 6 < len(lines(file)) <= 8  # what it was at, and what it had begun when the word came
    (said,) = set(notes(told))
    assert said.endswith("was lost: what it was computing is computed again elsewhere")


@pytest.mark.clusters
@pytest.mark.parametrize(
    "long",
    [
        [Experiment(Digits(n=100), Mlp(8), Sgd(lr=1e-6, epochs=10**7 + n)) for n in range(5)],
        [Solved(Digits(n=100), EqualSteps(lr=1e-6, steps=10**7 + n)) for n in range(5)],
    ],
    ids=["trained", "solved"],
)
def test_a_driver_that_is_asked_to_end_has_a_last_checkpoint_of_all_that_takes_long(
    crew: ClusterCrew, monkeypatch: pytest.MonkeyPatch, long: list[Runnable]
) -> None:
    runs = runs_of(crew.place, long, 1)
    drained(crew, runs_of(crew.place, [named(drawn)], 2))  # so that processes are there
    began = time.monotonic()
    asking = threading.Timer(6.0, lambda: monkeypatch.setattr(pausing._Asking, "by", "SIGTERM"))
    asking.start()
    with pytest.raises(pausing.Paused, match="SIGTERM"):
        drained(crew, runs)
    assert time.monotonic() - began < 6.0 + LAST_SECONDS
    kept = [Store(crew.place.store).resume(run.key) for run in runs]
    assert sum(each is not None for each in kept) == 2  # of two processors


@pytest.mark.clusters
def test_a_node_without_the_data_and_one_with_other_data_are_told_of_and_others_compute(
    cluster: Any, crew: ClusterCrew, tmp_path: Path
) -> None:
    (tmp_path / "dots").write_text("these")
    for name in ("bare", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "dots").write_text("those")
    added = [
        cluster.add_node(**node_of(2), env_vars={"HARNESS_DATA": str(tmp_path / name)})
        for name in ("bare", "other")
    ]
    told = drained(crew, runs_of(crew.place, [KEPT], 12))
    for node in added:
        cluster.remove_node(node)
    assert outcomes(told) == {COMPUTED: 12}
    said = sorted(note.partition(")")[2] for note in notes(told))
    assert said == [
        " has another dots than this machine (sha256 6120d7ff, not b808e156): copy this one there",
        ": dots is not in the data root: copy it there",
    ]


@pytest.mark.clusters
def test_a_node_with_other_code_is_told_of_and_others_compute(
    cluster: Any, crew: ClusterCrew, tmp_path: Path
) -> None:
    package = Path(ray_engine.__file__).parents[1]
    left_out = shutil.ignore_patterns("tests", "benchmarks", "__pycache__")
    shutil.copytree(package, tmp_path / "there" / "harness", ignore=left_out)
    changed = tmp_path / "there" / "harness" / "fleet" / "trainer.py"
    changed.write_text(changed.read_text() + "\nANOTHER = True\n")
    (tmp_path / "there" / "sitecustomize.py").write_text("import harness\n")
    added = cluster.add_node(**node_of(2), env_vars={"PYTHONPATH": str(tmp_path / "there")})
    told = drained(crew, runs_of(crew.place, [named(drawn, shift=float(n)) for n in range(12)], 1))
    cluster.remove_node(added)
    assert outcomes(told) == {COMPUTED: 12}
    (said,) = notes(told)
    assert said.endswith("has other code than this machine: install the same version there")


@pytest.mark.clusters
def test_a_driver_that_is_killed_goes_on_where_it_was(cluster: Any, tmp_path: Path) -> None:
    file = tmp_path / "computed"
    driver = """
        import sys
        from pathlib import Path
        from harness.lab.pinning import pin_arithmetic
        pin_arithmetic()
        from harness.lab.cluster import ClusterCrew
        from harness.lab.ray_engine import RayEngine
        from harness.tests.lab.clusters import drained, queue_of, runs_of
        from harness.tests.simulated import at, named, noted
        crew = ClusterCrew(at(Path(sys.argv[1])), RayEngine(sys.argv[2], "cpu", 1))
        values = [named(noted, file=sys.argv[3], pause=0.3 + n / 1e4) for n in range(8)]
        ready = queue_of(crew, runs_of(crew.place, values, 1))
        for done in crew.drain(ready):
            ready.heard(done)
            print(done.outcome, flush=True)
        crew.close()
    """
    line = [sys.executable, "-c", textwrap.dedent(driver), str(tmp_path), f"ray={cluster.address}", str(file)]
    root = str(Path(ray_engine.__file__).parents[2])
    first = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=root)
    assert first.stdout
    assert first.stdout.readline().strip() == COMPUTED
    first.kill()
    first.wait()
    second = subprocess.run(line, capture_output=True, text=True, cwd=root, check=True, timeout=60)
    told = Counter(second.stdout.split())
    assert told[PRESENT] >= 1
    assert told[PRESENT] + told[COMPUTED] == 8
    assert not second.stderr
    assert len(lines(file)) <= 8 + 3  # nothing that had come home is computed again


CLAIM = """
@claim(PAPER, "S1", says="x is large", reported="words", adapted=SMALL)
@trained(x=about(1.0))
@control(says="no shift", x=NULL)
def test_large(x, check):
    large(x, check)
"""


@pytest.mark.clusters
def test_pytest_and_train_have_a_cluster_train_what_a_claim_file_defines(
    cluster: Any, tmp_path: Path
) -> None:
    on = ("--on", f"ray={cluster.address}")
    session = run(write(tmp_path / "judged", CLAIM), *on, "--report", "rep")
    assert session.status == 0, session.text
    assert session.verdicts == {"large": "reproduced"}
    assert session.report.provenance.command.endswith("--on ray=HOST:PORT --report DIR")
    trained = run_harness(write_claims(tmp_path / "trained", CLAIM), "train", *on)
    assert trained.status == 0, trained.text
    trained.says("trained 10 runs", "0 failed")
    assert "[" not in trained.text  # in which lines of Ray begin


@pytest.mark.clusters
def test_a_unit_for_a_cpu_sees_no_gpu_and_one_thread(crew: ClusterCrew) -> None:
    told = drained(crew, runs_of(crew.place, [named(surroundings)], 1))
    assert outcomes(told) == {COMPUTED: 1}
    record = crew._store.read(told[0].run.key)
    assert record
    assert record.finals == {"gpus": 0.0, "threads": 1.0}


def surroundings(generator: Any) -> dict[str, float]:
    """What a unit sees around it."""
    visible = os.environ["CUDA_VISIBLE_DEVICES"]
    return {"gpus": float(len(visible)), "threads": float(os.environ["OMP_NUM_THREADS"])}


@pytest.mark.clusters
def test_what_the_memory_of_a_machine_does_not_hold_fails_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    full = {"RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "50"}
    small = Cluster(initialize_head=True, head_node_args={**node_of(1), "env_vars": full})
    crew = ClusterCrew(at(tmp_path), RayEngine(f"ray={small.address}", "cpu", 1))
    slow = named(noted, file=str(tmp_path / "computed"), pause=5.0)
    told = drained(crew, runs_of(crew.place, [slow], 1))
    crew.close()
    small.shutdown()
    why = "its training process was ended for want of memory twice; run again to go on"
    assert outcomes(told) == {why: 1}


@pytest.mark.clusters
def test_a_cluster_of_this_machine_leaves_nothing_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    crew = ClusterCrew(at(tmp_path), RayEngine("ray", "cpu", 2))
    assert outcomes(drained(crew, runs_of(crew.place, [named(drawn)], 2))) == {COMPUTED: 2}
    assert isinstance(crew.engine, RayEngine)
    folder = Path(crew.engine._folder)
    assert folder.is_dir()
    crew.close()
    assert not folder.exists()
    assert not (tmp_path / ".ray").exists()
    assert capfd.readouterr() == ("", "")
