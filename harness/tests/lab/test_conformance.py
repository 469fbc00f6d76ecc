"""What people add is held against its contract: one line for each fault, none for what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import Experiment, Probing, Sgd, Simulation, Solved, Tiers, Value
from harness.data import Augmented, Digits, GeneratedImages, RandomCrop
from harness.lab.conformance import ROLES, examined, faults, role_of, unplannable
from harness.lab.lab import Failed, Lab
from harness.lab.tryouts import TRIES
from harness.models import Dropout, Mlp, SmallAlexNet
from harness.tests.lab import faulty
from harness.tests.simulated import SMALL, Norm, Scaled, at, drawn

RIGHT = (faulty.Maxout(), faulty.Dots(), faulty.Halved(lr=0.1, epochs=1), Mlp(width=3))

DRAW = "draw every weight from the generator that build gets"
FAULTY: tuple[tuple[Any, str], ...] = (
    (
        faulty.BuildOnly(),
        "BuildOnly is used as a model and has no layers, size, cost: derive it from "
        "harness.models.Architecture, or add what is missing",
    ),
    (
        faulty.NoValue(),
        "NoValue is no harness.Value, so nothing names it by its content: derive it from "
        "harness.models.Architecture",
    ),
    (faulty.IgnoresGenerator(), f"IgnoresGenerator.build gives other weights for the same generator: {DRAW}"),
    (faulty.FixedSeed(), f"FixedSeed.build gives the same weights for any generator: {DRAW}"),
    (
        faulty.WrongSize(),
        "WrongSize.size says 1,000 parameters, and its module has 710: leave size to "
        "harness.models.Architecture, or mend it",
    ),
    (faulty.EndlessCost(), "EndlessCost.cost is inf: it must be finite"),
    (faulty.TwoClasses(), "TwoClasses: its module gives float32 (3, 2), where float32 (3, 10) is asked for"),
    (faulty.Double(), "Double.build: all parameters must be float32 on the CPU"),
    (faulty.InPlace(), "InPlace: its module writes to the examples it gets (inplace=True?)"),
    (
        faulty.TorchDropout(),
        "TorchDropout: its module draws from torch's own generator: such parts need seed and generator, as "
        "harness.models.Dropout has them",
    ),
    (
        faulty.OtherParameters(),
        "OtherParameters.build takes (inputs, outputs) and is called with (shape, classes, generator)",
    ),
    (
        faulty.Raises(),
        "Raises.build fails for examples of shape (1, 8, 8) and 10 classes: KeyError: 'no such thing\\nand "
        "more of it'",
    ),
    (
        faulty.Leaves(),
        "Leaves.build fails for examples of shape (1, 8, 8) and 10 classes: SystemExit: good bye",
    ),
    (faulty.NoModule(), "NoModule.build gives list, no nn.Module"),
    (
        faulty.NoFlags(),
        "NoFlags is used as a corruption of labels and has no per_epoch, keeps_labels: derive it from "
        "harness.data.LabelChange, or add what is missing",
    ),
    (faulty.OverwritesLabels(), "OverwritesLabels.apply writes to the labels it gets: make new ones"),
    (faulty.Shortens(), "Shortens.apply gives int64 (39,), where int64 (40,) is asked for"),
    (faulty.SmallIntegers(), "SmallIntegers.apply gives int32 (40,), where int64 (40,) is asked for"),
    (faulty.OneTooMany(), "OneTooMany.apply gives labels outside 0 to classes - 1 (9)"),
    (
        faulty.GlobalDraws(),
        "GlobalDraws.apply gives something else for the same generator: draw from the generator alone",
    ),
    (
        faulty.TwoParameters(),
        "TwoParameters.apply takes (labels, generator) and is called with (labels, classes, generator)",
    ),
    (faulty.Reversed(), "Reversed says keeps_labels = True, and changes labels"),
    (
        faulty.OverwritesImages(),
        "OverwritesImages.apply writes to the images it gets, though in_place is False",
    ),
    (faulty.SharedNoise(), "SharedNoise says drawn = False, and its images depend on the generator"),
    (faulty.Widens(), "Widens.apply gives float32 (40, 1, 8, 10), where float32 (40, 1, 8, 8) is asked for"),
    (faulty.Float64(), "Float64.apply gives float64 (40, 1, 8, 8), where float32 (40, 1, 8, 8) is asked for"),
    (
        faulty.Fewer(),
        "Fewer: x_train of its split is float32 (20, 1, 1, 1), and it declares float32 (21, 1, 1, 1)",
    ),
    (
        faulty.Doubles(),
        "Doubles: x_train of its split is float64 (20, 1, 1, 1), and it declares float32 (20, 1, 1, 1)",
    ),
    (faulty.NotFinite(), "NotFinite: x_test of its split has numbers that are not finite"),
    (
        faulty.ThirdClass(),
        "ThirdClass: y_train of its split has labels from 0 to 2, and it declares 2 classes",
    ),
    (faulty.NewDigest(), "NewDigest.source gives another digest at every call: digest the content itself"),
    (
        faulty.OtherImages(),
        "OtherImages.split gives another x_train for the same replicate: draw it from "
        "harness.spec.streams.stream(replicate, ...)",
    ),
    (
        faulty.SaysPlain(lr=0.1, epochs=1),
        "SaysPlain says plain_step, and its update is another step: say plain_step = False",
    ),
    (faulty.NoStep(lr=0.1, epochs=1), "NoStep.update leaves the weights: they change in place"),
    (
        faulty.NamedRate(lr=0.1, epochs=1),
        "NamedRate.lr_at(0, 10) is 'fast': it must be a finite float from 0 up",
    ),
    (
        faulty.StepsTwiceInStacks(lr=0.1, epochs=1),
        "StepsTwiceInStacks.update_together steps otherwise than its update does",
    ),
    (
        faulty.BeginsNothing(lr=0.1, epochs=1),
        "BeginsNothing.begun, update or update_together fails: ValueError: not enough "
        "values to unpack (expected at least 1, got 0)",
    ),
    (
        faulty.StopsByName(),
        "StopsByName.reached fails on curves of train_loss, train_error, test_error, corrupted_error, "
        "clean_error: KeyError: 'accuracy'",
    ),
    (faulty.StopsByNumber(), "StopsByNumber.reached gives 0.7: it must give a bool"),
    (faulty.SolvesAlone(), "SolvesAlone.solve takes (split) and is called with (split, generator)"),
)


@pytest.mark.parametrize("value, line", FAULTY, ids=lambda v: type(v).__name__ if v != str(v) else "")
def test_each_fault_is_one_line(value: Any, line: str) -> None:
    assert examined(value) == [line]


@pytest.mark.parametrize("value", RIGHT, ids=lambda v: type(v).__name__)
def test_what_is_right_has_no_fault(value: Any) -> None:
    assert examined(value) == []


def test_every_role_is_tried_and_told_apart() -> None:
    assert {role.contract for role in ROLES} == set(TRIES)
    values = (*RIGHT, Norm(), RandomCrop(4), faulty.Shortens(), faulty.TwoParameters(), Scaled(2.0))
    told = {type(value).__name__: role_of(value) for value in values}
    names = {name: role.name for name, role in told.items() if role}
    assert names == {
        "Maxout": "a model", "Mlp": "a model", "Dots": "a data set", "Halved": "an optimizer",
        "Norm": "a probe", "RandomCrop": "an augmentation", "Shortens": "a corruption of labels",
        "TwoParameters": "a corruption of labels", "Scaled": "a transform",
    }  # fmt: skip


def test_classes_of_the_harness_are_not_tried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are tried by its own tests, and a session should not pay for them."""
    monkeypatch.setattr("harness.lab.tryouts.tried", lambda *_: pytest.fail("tried out"))
    assert faults(SMALL) == faults(Tiers(quick=(SMALL, Probing(SMALL, Norm())))) == []


def test_a_class_of_ones_own_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(faulty.FixedSeed, frozen=True):
        __qualname__ = "Own"

    tries: list[Any] = []
    build = faulty.FixedSeed.build

    def noted(*arguments: Any) -> Any:
        tries.append(arguments)
        return build(*arguments)

    monkeypatch.setattr(faulty.FixedSeed, "build", noted)
    monkeypatch.setattr(Own, "__module__", "test_mine")
    line = f"Own.build gives the same weights for any generator: {DRAW}"
    for width in (2, 3, 4):
        assert faults(SMALL.but(model=Own(width))) == [line]
    assert len(tries) == 3  # twice for one generator, once for another


@pytest.mark.parametrize(
    "value, lines",
    [
        (
            Experiment(Digits, Mlp(), Sgd(lr=0.1, epochs=1)),  # type: ignore[arg-type]
            ["Digits is a class: a data set is a value of it, Digits(...)"],
        ),
        (
            Experiment(Mlp(), Mlp(), Sgd(lr=0.1, epochs=1)),  # type: ignore[arg-type]
            ["Mlp is used as a data set and has no source, shape, classes, train_size, test_size, streamed, "
             "standardized, whole, true_labels, split: derive it from harness.data.Examples, or add "
             "what is missing"],
        ),
        (Solved(Digits(), Norm()), ["Norm is used as a solver and has no solve"]),  # type: ignore[arg-type]
        (
            Simulation(drawn, {"shft": 1.0}),
            ["drawn cannot be called with (generator, shft=): got an unexpected keyword argument 'shft'"],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_together_is_told(value: Any, lines: list[str]) -> None:
    assert faults(value) == lines


def test_a_class_inside_a_function_is_refused() -> None:
    class Own(faulty.Maxout, frozen=True):
        pass

    (line,) = faults(SMALL.but(model=Own()))
    assert line.startswith("Own is defined inside a function, where no other process can import it")


def test_augmentations_are_tried_on_what_the_ones_before_leave() -> None:
    class Own(faulty.Widens, frozen=True):
        __qualname__ = "Own"

    Own.__module__ = "test_mine"
    data = GeneratedImages(n=5, n_test=5, whiten=False, size=12)
    assert faults(SMALL.but(data=Augmented(data, (RandomCrop(10), Own())))) == [
        "Own.apply gives float32 (40, 3, 10, 12), where float32 (40, 3, 10, 10) is asked for"
    ]


@pytest.mark.parametrize(
    "value, line",
    [
        (SMALL, ""),
        (SMALL.but(model=SmallAlexNet(), data=GeneratedImages(n=5, n_test=5)), ""),
        (
            SMALL.but(model=SmallAlexNet(), data=faulty.Dots()),
            "Experiment cannot be planned: ValueError: SmallAlexNet needs images (channels, height, width) "
            "of at least 4x4 pixels, not the shape (1, 1, 1)",
        ),
        (
            SMALL.but(model=Dropout(faulty.Raises())),
            "Experiment cannot be planned: KeyError: 'no such thing\\nand more of it'",
        ),
        (
            SMALL.but(model=faulty.EndlessCost()),
            "Experiment cannot be planned: ValueError: by its cost it takes inf s",
        ),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_of_planning_is_one_line(value: Any, line: str, tmp_path: Path) -> None:
    assert unplannable(value) == line
    if line:  # and it fails alone
        lab = Lab(at(tmp_path))
        plan = lab.plan([*lab.runs(value, 2), *lab.runs(SMALL.but(data__n=9), 1)])
        assert plan.missing == 1
        with pytest.raises(Failed, match=r"^Experiment cannot be planned"):
            lab.results("x", value, 2)


class Shifted(Value, frozen=True):
    """A corruption of labels that forgot its generator; so it takes as many things as a transform does."""

    def apply(self, labels: object, classes: int) -> object:
        return labels


def test_what_apply_is_for_is_told_by_what_it_takes_first() -> None:
    role = role_of(Shifted())
    assert role is not None
    assert role.name == "a corruption of labels"
