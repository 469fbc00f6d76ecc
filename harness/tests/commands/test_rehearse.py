"""``python -m harness rehearse``: every item of a tier end to end, and what of it would fail."""

from __future__ import annotations

import argparse
import contextlib
import signal
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from harness.commands import left_out, rehearse
from harness.data import digests, made_up
from harness.fleet import memory
from harness.lab import computing, plan
from harness.lab.computing import one_line
from harness.lab.lab import Lab
from harness.lab.runs import Run
from harness.spec import Simulation
from harness.tests.simulated import SMALL, drawn, record
from harness.tests.suites import run_harness, write_claims

WHOLE = """
import warnings

from harness import Experiment, Sgd, Simulation, Solved
from harness.analytic.kernel_interpolation import GaussianKernel
from harness.analytic.kernel_interpolation import KernelInterpolation
from harness.data import Cifar10, Digits
from harness.data.gaussian_images import GaussianImages
from harness.models import Mlp

FULL = {"full": "none"}
NETS = Experiment(Digits(n=900), Mlp(8), Sgd(lr=0.1, epochs=500))

@claim(PAPER, "S1", says="it is trained", reported="words", adapted=FULL)
@trained(x=NETS)
@control(says="slowly", x=NETS.but(optimizer__lr=1e-9))
def test_trained(x, check):
    check(above(x.final("train_error"), 0.5, because="chosen for this test"))
    warnings.warn("mean of nothing", RuntimeWarning)
    assert len(x.curve("train_loss")[0]) == 1
"""
CUT = """
@claim(PAPER, "S8", says="its body counts on its replicates", reported="words", adapted=FULL, replicates=5)
@trained(x=NETS)
@control(says="slowly", x=NETS.but(optimizer__lr=1e-9))
def test_five(x, check):
    check(above(x.final("train_error"), x.final("train_error").values[4] - 1, because="chosen for this test"))

@claim(PAPER, "S9", says="it needs as many images", reported="words", adapted=FULL)
@trained(x=Probing(NETS.but(data__n=120), Collapse()))
@control(says="slowly", x=Probing(NETS.but(data__n=120, optimizer__lr=1e-9), Collapse()))
def test_of_classes(x, check):
    check(above(x.final("scatter"), -1.0, because="chosen for this test"))
"""
WRONG = """
@claim(PAPER, "S2", says="its data are not there", reported="words", adapted=FULL)
@trained(x=NETS.but(data=Cifar10(n=100)))
@control(says="slowly", x=NETS)
def test_without_data(x, check):
    check(above(x.final("train_error"), 0.5, because="chosen for this test"))

@claim(PAPER, "S3", says="it does not fit", reported="words", adapted=FULL)
@trained(x=Solved(GaussianImages(n=110_000, size=8), KernelInterpolation(GaussianKernel(5.0), device="cuda")))
@control(says="slowly", x=NETS)
def test_too_large(x, check):
    check(above(x.final("train_error"), -1.0, because="chosen for this test"))

@claim(PAPER, "S4", says="its body reads what is not there", reported="words", adapted=FULL)
@trained(x=NETS)
@control(says="slowly", x=NETS.but(optimizer__lr=1e-9))
def test_misread(x, check):
    curve = x.curve("train_loss")[0]
    check(above(x.final("train_error"), curve[{}["here"]], because="chosen for this test"))

@claim(PAPER, "S5", says="it fails", reported="words", adapted=FULL)
@trained(x=Simulation(fails))
@control(says="slowly", x=about(1.0))
def test_failing(x, check):
    large(x, check)
"""


def test_a_tier_is_rehearsed_on_a_pretended_gpu(tmp_path: Path) -> None:
    suite = write_claims(tmp_path, WHOLE)
    done = run_harness(suite, "rehearse", "full", "--pretend", HARNESS_STORE="kept")
    done.says("tier full: 1 items, cut, on a pretended GPU of 80 GiB")
    done.says("computed 4 cut runs; 1 of 1 items came to a verdict")
    done.says(" s in 2 runs, Experiment(Digits(n=32), Mlp(width=8)")
    for word in ("would fail", "mean of nothing"):
        assert word not in done.text
    assert done.status == 0
    assert not (suite / "kept").exists()


def test_what_would_fail_is_named_by_a_line_each(tmp_path: Path) -> None:
    done = run_harness(write_claims(tmp_path, WHOLE + WRONG), "rehearse", "--pretend")
    assert done.status == 1
    lines = [line for line in done.text.splitlines() if line.startswith("would fail: ")]
    assert [line.partition("::test_")[2].partition(" ")[0] for line in lines] == [
        "without_data", "too_large", "misread", "failing"
    ]  # fmt: skip
    causes = ("harness data get cifar10", "GiB of a GPU's memory", "KeyError", "no convergence")
    for line, cause in zip(lines, causes, strict=True):
        assert cause in line
    assert "Traceback" not in done.text


def test_what_a_cut_takes_away_is_no_fault(tmp_path: Path) -> None:
    """It is judged with more of it; what is wrong there too is told, by its own line."""
    needs = "from harness import Probing\nfrom harness.analytic.collapse import Collapse\n"
    suite = write_claims(tmp_path, WHOLE + needs + CUT)
    done = run_harness(suite, "rehearse", "--pretend")
    done.says("3 of 3 items came to a verdict, 2 of them only when cut less")
    assert "would fail" not in done.text
    assert done.status == 0
    source = WHOLE + needs + CUT.replace("values[4]", "values[5]")
    done = run_harness(write_claims(tmp_path / "worse", source), "rehearse", "--pretend")
    done.says("2 of 3 items came to a verdict, 1 of them only when cut less")
    done.says("would fail: claims/test_tiny.py::test_five (full): IndexError: index 5 is out of bounds")
    assert done.status == 1


def test_what_takes_long_is_left_and_said(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of its function is not begun, and nothing of it would fail."""
    begun: list[int] = []

    def endless(run: Run, *rest: object) -> None:
        begun.append(run.replicate)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)  # others' load is no matter of it
        while True:
            pass

    monkeypatch.setattr(left_out, "LONG", 0.05)
    monkeypatch.setattr(computing, "_evaluated", endless)
    before = signal.getsignal(signal.SIGPROF)
    told = rehearse.Rehearsed()
    with left_out.no_longer():
        for run in lab.runs(Simulation(drawn), 2):
            with pytest.raises(left_out.TooLong) as left:
                computing._evaluated(run, lab.place, lab.store)
            told.add(one_line(left.value), "test_endless")
    assert begun == [0]
    assert signal.getsignal(signal.SIGPROF) is before
    assert computing._evaluated is endless
    assert not told.wrong
    ((line, whose),) = told.left.items()
    assert line.startswith("not cut, it takes more than 0 s here: Simulation(")
    assert whose == ["test_endless", "test_endless"]


def test_what_took_longest_is_told_for_all_replicates_together(lab: Lab) -> None:
    runs = [
        *lab.runs(SMALL, 2),
        *lab.runs(Simulation(drawn), 1),
        *lab.runs(Simulation(drawn, {"shift": 1.0}), 1),
    ]
    seconds = dict(zip((run.key for run in runs), (1.0, 2.5, 3.0, 0.1), strict=True))
    lines = list(rehearse._longest([*runs, *runs, *lab.runs(SMALL, 3)], seconds))
    assert [line.partition(",")[0] for line in lines] == [
        "3.5 s in 2 runs",
        "3.0 s in 1 run",
        "0.1 s in 1 run",
    ]
    assert lines[0].partition(", ")[2].startswith("Experiment(Digits(n=200), ")


def test_what_fails_is_no_matter_of_time() -> None:
    told = rehearse.Rehearsed()
    told.add("ValueError: no convergence", "test_failing")
    assert told.wrong == {"ValueError: no convergence": ["test_failing"]}
    assert not told.left


ON_IMAGES = """
@claim(PAPER, "S6", says="images of MNIST will do, whatever they are", reported="words", adapted=FULL)
@trained(x=NETS.but(data=Mnist(n=100)))
@control(says="slowly", x=NETS.but(data=Mnist(n=100), optimizer__lr=1e-9))
def test_on_images(x, check):
    check(above(x.final("train_error"), 0.5, because="chosen for this test"))

@claim(PAPER, "S7", says="images that stay on disk are none that are made up", reported="words", adapted=FULL)
@trained(x=NETS.but(data=ImageFolder("imagenet", 10, 100, 100, size=8)))
@control(says="slowly", x=NETS)
def test_streamed(x, check):
    check(above(x.final("train_error"), 0.5, because="chosen for this test"))
"""


def test_images_are_made_up_where_no_data_are(tmp_path: Path) -> None:
    images = WHOLE.replace("import Cifar10, Digits", "import Digits, Mnist")
    suite = write_claims(tmp_path, images + "from harness.data.image_folder import ImageFolder\n" + ON_IMAGES)
    done = run_harness(suite, "rehearse", "--pretend", "--made-up")
    done.says("computed 10 cut runs; 3 of 3 items came to a verdict")
    for word in ("would fail", "not rehearsed"):
        assert word not in done.text
    assert done.status == 0


def test_what_is_known_of_made_up_images_goes_with_them() -> None:
    options = argparse.Namespace(data_root=None)
    with mock.patch.object(made_up, "ARCHIVES", {}), contextlib.ExitStack() as stack:
        rehearse._make_up(options, stack)
        assert options.data_root in digests.cache_file().parents
    assert not options.data_root.exists()


def test_images_on_disk_are_made_up_where_the_other_data_are_real(tmp_path: Path) -> None:
    """Of folders of images only so few are read as a cut run asks for, whatever lies there."""
    folder = "from harness.data.image_folder import ImageFolder\n"
    suite = write_claims(tmp_path, WHOLE + folder + "@claim" + ON_IMAGES.rpartition("@claim")[2])
    (tmp_path / "data" / "imagenet").mkdir(parents=True)
    done = run_harness(suite, "rehearse", "--pretend", "--data-root", str(tmp_path / "data"))
    done.says("computed 6 cut runs; 2 of 2 items came to a verdict")
    done.says("would fail: claims/test_tiny.py::test_streamed (full): imagenet/train")
    assert list((tmp_path / "data" / "imagenet").iterdir()) == []


def test_a_pretended_gpu_gets_small_stacks(lab: Lab) -> None:
    """Its memory is this machine's, which does not hold 64 large nets."""
    with rehearse._device(argparse.Namespace(pretend=True, device="cuda")):
        stacks = [len(fleet.runs) for fleet in plan.fleets(lab.runs(SMALL, 9), {}, "cuda", 1)]
    assert sorted(stacks) == [1, 4, 4]


@pytest.mark.parametrize(
    "said",
    [
        ("full", "--pretend", "--made-up", "--data-root", "."),
        ("full", "--pretend", "--device", "cpu"),
        ("fully",),
        ("-k", "nothing_alike"),
    ],
)
def test_bad_input_is_one_line(said: tuple[str, ...], tmp_path: Path) -> None:
    done = run_harness(write_claims(tmp_path, WHOLE), "rehearse", *said)
    assert done.status in (1, 2)
    assert len(done.text.strip().splitlines()) == 1


def test_memory_is_measured_against_its_estimate_where_one_trained_alone(lab: Lab) -> None:
    runs = lab.runs(SMALL, 3)
    needed = sum(memory.stacked(SMALL))
    for run, fleet, peak in zip(runs, ("1", "2", "1"), (needed // 2, needed, 0), strict=True):
        provenance = {"device": "cuda", "fleet": fleet}
        lab.store.publish(record(run.key, replicate=run.replicate, provenance=provenance, peak_bytes=peak))
    assert list(rehearse._ratios(runs, lab)) == []
    lab.place = msgspec.structs.replace(lab.place, device="cuda")
    assert list(rehearse._ratios([*runs, *runs], lab)) == [pytest.approx(0.5, rel=1e-3)]
