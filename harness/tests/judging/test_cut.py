"""Items are cut to few steps on few images: all of what they compute, and nothing else of them."""

from __future__ import annotations

from harness.analytic.adam import Adam
from harness.analytic.gabor import OnFeatures, RandomPatches
from harness.analytic.landscape_of_models import Landscape
from harness.analytic.paths import AlongCurve
from harness.analytic.random_features import FourierFeatures, RandomFeatureSweep, SampleSweep
from harness.analytic.random_label_nets import Taught
from harness.data import Cifar10, Digits, Mnist, RandomLabels
from harness.data.image_folder import ImageFolder, ImageNet
from harness.data.subset import Subset
from harness.fleet.optimizers import Sgd, WhenFitted
from harness.judging.cut import REPLICATES, Limits, cut, cut_item, cut_world
from harness.models import Dropout, Linear, Mlp, SmallInception
from harness.models.curve import Curve
from harness.models.inception_v3 import InceptionV3
from harness.models.masked import Masked
from harness.models.vgg import Vgg
from harness.spec import Anew, Experiment, From, Probing, Simulation, Solved
from harness.spec.claim import Control
from harness.spec.streams import stream
from harness.tests.items import ABOVE, item, looking
from harness.tests.simulated import SMALL, drawn

LIMITS = Limits(images=32, epochs=2, steps=6, batch=16, filters=8)
COLOURED = Cifar10(crop=None)
NARROW = LIMITS._replace(multiply_adds=1e7, side=75)
LONG = Experiment(Cifar10(labels=RandomLabels(0.5)), Mlp(8), Sgd(lr=0.1, epochs=90), stop=WhenFitted(0.1))


def test_numbers_of_images_epochs_and_steps_are_cut_and_nothing_else() -> None:
    short = cut(LONG, LIMITS)
    assert (short.data.n, short.data.n_test, short.optimizer.epochs, short.optimizer.batch) == (32, 32, 2, 16)
    assert short.but(data=LONG.data, optimizer=LONG.optimizer) == LONG
    assert short.data.but(n=None, n_test=None) == LONG.data.but(n=None, n_test=None)
    assert short.optimizer.lr == 0.1
    little = LONG.but(data__n=20, optimizer__epochs=1, optimizer__batch=4)
    assert cut(little, LIMITS).data.n == 20
    assert cut(little, LIMITS).optimizer == little.optimizer


def test_data_out_of_which_a_number_is_taken_stay_whole() -> None:
    some_classes = cut(Experiment(Subset(Cifar10()), Mlp(4), Sgd(lr=0.1, epochs=1)), LIMITS)
    assert some_classes.data == Subset(Cifar10(), n=32)


def test_what_is_solved_and_what_it_starts_from_is_cut_too() -> None:
    solved = cut(Solved(Digits(n=300), Adam(Linear(), steps=500, batch=64)), LIMITS)
    assert (solved.data.n, solved.solver.steps, solved.solver.batch) == (32, 6, 16)
    on_patches = Solved(Digits(n=300), OnFeatures(RandomPatches(2000, size=3), Adam(Linear(), steps=500)))
    shorter = cut(on_patches, LIMITS).solver
    assert (shorter.features.filters, shorter.features.size, shorter.solver.steps) == (8, 3, 6)
    child = SMALL.but(start=From(LONG))
    assert cut(child, LIMITS).start.parent == cut(LONG, LIMITS)
    two = cut(SMALL.but(start=(From(LONG), From(SMALL))), LIMITS)
    assert [start.parent for start in two.start] == [cut(LONG, LIMITS), cut(SMALL, LIMITS)]
    assert cut(Anew(LONG), LIMITS) == Anew(cut(LONG, LIMITS))
    assert cut(ABOVE, LIMITS) == ABOVE


def test_probes_are_cut_with_what_they_look_at() -> None:
    curve = Experiment(COLOURED, Curve(Vgg()), Sgd(lr=0.1, epochs=9), probes=(AlongCurve(points=61),))
    short = cut(curve, LIMITS)
    assert short.probes == (AlongCurve(points=5),)
    probing = Probing(curve.but(probes=()), AlongCurve(points=61, recompute=False))
    assert cut(probing, LIMITS) == Probing(short.but(probes=()), AlongCurve(points=5, recompute=False))


def test_large_nets_are_narrower_where_one_core_computes_them() -> None:
    """Whatever is made of a net, or starts from its weights, gets the same."""
    net = Vgg(depth=16, hidden=(512,))
    narrow = cut(Experiment(COLOURED, net, Sgd(lr=0.1, epochs=1)), NARROW).model
    assert narrow == net.but(width=8)
    assert narrow.cost((3, 32, 32), 10) <= 1e7 < net.but(width=16).cost((3, 32, 32), 10)
    for around in (Curve(net), Masked(Dropout(net, 0.5))):
        assert cut(Experiment(COLOURED, around, Sgd(lr=0.1, epochs=1)), NARROW).model.size(
            (3, 32, 32), 10
        ) == (narrow.size((3, 32, 32), 10))
    assert cut(Solved(COLOURED, Landscape(net)), NARROW).solver.model == narrow
    share = cut(Experiment(COLOURED, SmallInception(), Sgd(lr=0.1, epochs=1)), NARROW).model
    assert share == SmallInception(width=0.125)
    assert cut(LONG, NARROW).model == LONG.model
    assert cut(Experiment(COLOURED, net, Sgd(lr=0.1, epochs=1)), LIMITS).model == net


def test_images_that_stay_on_disk_are_few_and_of_few_classes() -> None:
    short = cut(Experiment(ImageNet(augmented=True), InceptionV3(), Sgd(lr=0.1, epochs=100)), NARROW)
    assert short.data == ImageNet(
        classes=8, train_size=32, test_size=32, size=75, augmented=True, measured=32
    )
    assert cut(Experiment(ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=1)), LIMITS).data.size == 299
    smaller = ImageFolder("mine", 2, 20, 10, size=8, measured=None)
    assert cut(Experiment(smaller, Linear(), Sgd(lr=0.1, epochs=1)), NARROW).data == smaller.but(measured=32)


def test_sweeps_keep_their_proportion_to_the_examples() -> None:
    features = FourierFeatures(5.0)
    sweep = Solved(Mnist(n=1000), RandomFeatureSweep(features, (1, 40, 500, 1000, 1100, 20_000)))
    assert cut(sweep, LIMITS).solver.widths == (1, 16, 32, 35, 640)
    samples = Solved(Mnist(n=1000), SampleSweep(features, 500, (100, 500, 1000)))
    assert cut(samples, LIMITS).solver == SampleSweep(features, 16, (3, 16, 32))
    for as_it_is in (sweep.but(data__n=999), samples.but(data__n=20)):
        assert cut(as_it_is, LIMITS) == as_it_is
    least = LIMITS._replace(images=1000)
    assert cut(sweep, least).solver == sweep.solver
    cut(samples, LIMITS).solver.solve(Digits(n=32).split(None, 0), stream(0, "solution"))


def test_what_looks_every_few_steps_looks_twice() -> None:
    looking = cut(Solved(COLOURED, Landscape(Vgg(), every=250)), LIMITS).solver
    assert (looking.steps, looking.every) == (6, 3)
    taught = cut(Solved(Digits(n=300), Taught(shown=200)), LIMITS)
    assert (taught.data.n, taught.solver.shown) == (32, 16)


def test_simulations_have_fewer_examples_and_all_else_that_bodies_count_on() -> None:
    whole = Simulation(drawn, {"n": 1000, "steps": 2000, "widths": (8, 16)})
    assert cut(whole, LIMITS) == Simulation(drawn, {"n": 32, "steps": 2000, "widths": (8, 16)})
    for as_it_is in (Simulation(drawn, {"n": 999}), Simulation(drawn, {"n": 0.5}), Simulation(drawn)):
        assert cut(as_it_is, LIMITS) == as_it_is


def test_worlds_keep_their_form_and_plain_values() -> None:
    short = cut(LONG, LIMITS)
    assert cut_world({1: LONG, 2: LONG}, LIMITS) == {1: short, 2: short}
    assert cut_world([LONG], LIMITS) == [short]
    assert cut_world(7, LIMITS) == 7
    assert cut_world((1, 2), LIMITS) == (1, 2)


def test_an_item_is_judged_at_one_look_in_all_of_its_worlds() -> None:
    body, _ = looking()
    control = Control(says="other", positive=False, worlds={"x": LONG.but(model=Linear())})
    whole = item(body, control, tier="full", x=LONG)
    short = cut_item(whole, LIMITS)
    assert [replicates for replicates, _ in short.rungs()] == [REPLICATES]
    assert short.control_rungs() == (REPLICATES,)
    assert short.trained == {"x": cut(LONG, LIMITS)}
    assert [c.worlds["x"] for c in short.controls] == [cut(LONG.but(model=Linear()), LIMITS)]
    assert (whole.trained["x"], whole.controls[0].worlds["x"].model) == (LONG, Linear())
