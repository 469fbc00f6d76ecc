"""Seconds of runs on GPUs by arithmetic: what is computed, launched, and prepared by the host."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from harness import Experiment, Sgd, Solved, WhenFitted
from harness.analytic.adam import Adam
from harness.analytic.kernel_interpolation import GaussianKernel, KernelInterpolation
from harness.data import Augmented, Cifar10, GeneratedImages, Mnist, RandomCrop, RandomRotation
from harness.data.image_folder import ImageNet
from harness.data.pitfalls import CentreCrop
from harness.fleet import _fused_nets, table
from harness.fleet._pretended import pretended
from harness.fleet._pretended_graph import PretendedGraph
from harness.fleet.adaptive import AdamL2
from harness.fleet.captured import is_capturable
from harness.fleet.replica import noisy
from harness.fleet.stacked import Stack
from harness.lab import gpu_kinds, gpu_seconds, moved
from harness.lab.durations import START_SECONDS, estimate, is_of_gpu
from harness.lab.gpu_kinds import GPU_KINDS, GpuKind
from harness.lab.gpu_seconds import NOISY, GpuSpent, operations, spent
from harness.lab.moved import convolved
from harness.models import Dropout, Linear, Mlp, SmallInception
from harness.models.cnn5 import Cnn5
from harness.models.conv246 import Conv
from harness.models.curve import Curve
from harness.models.ensemble import Ensemble
from harness.models.inception_v3 import InceptionV3
from harness.models.masked import Masked
from harness.models.noisy_inputs import AdversarialInputs, NoisyInputs
from harness.models.resnet18 import ResNet18
from harness.models.slow_head import SlowHead
from harness.models.vgg import Vgg
from harness.spec.contracts import Model
from harness.spec.watched import NOTHING, Watched

H100, A100 = GPU_KINDS["h100"], GPU_KINDS["a100"]
FIT = Experiment(Mnist(), Mlp(512), Sgd(lr=0.1, epochs=10, batch=100))


def of(value: Experiment, card: GpuKind = H100) -> GpuSpent:
    seconds = spent(value, card)
    assert seconds is not None
    return seconds


def test_a_training_is_counted_by_multiply_adds_steps_and_layers() -> None:
    seconds = of(FIT)
    # forward and twice backward for 60,000 images, forward again for them and 10,000 others, 10 times
    multiply_adds = 10 * (784 * 512 + 512 * 10) * (4 * 60_000 + 10_000)
    assert math.isclose(seconds.computing, multiply_adds / (67e12 / 2 * 0.6))
    assert math.isclose(seconds.launching, 10 * 600 * (2 * 18 + 25) * 1e-6 / 5)  # stacked
    assert math.isclose(seconds.host, 10 * 60_000 * 1e-8)  # the order of each epoch
    assert seconds.decoding == 0
    assert math.isclose(estimate(FIT, "h100"), seconds.seconds + START_SECONDS)
    assert estimate(FIT, "h100x8") == estimate(FIT, "h100")  # of one run, which one of them computes


def test_each_precision_and_card_has_its_own_rate() -> None:
    for precision, peak in (("tf32", 494.5), ("bfloat16", 989)):
        reduced = FIT.but(precision=precision)
        assert math.isclose(of(FIT).computing / of(reduced).computing, (peak * 0.5) / (67 * 0.6))
    assert math.isclose(of(FIT, A100).computing / of(FIT).computing, 67 / 19.5)


STANDARD = Experiment(Cifar10(crop=None), ResNet18(), Sgd(lr=0.1, epochs=1))


def test_by_matrix_units_a_convolutional_net_takes_the_time_that_was_published() -> None:
    """Those of the README of cifar10-airbench: 7 minutes of an A100 for 32.3 PFLOP of a ResNet-18."""
    net = STANDARD.but(precision="bfloat16", data__n_test=1)
    forward = STANDARD.model.cost(net.data.shape, 10) * 50_000
    step = of(net, A100).computing * 3 / 4  # without the evaluation of the training images
    assert math.isclose(step, 420 * 3 * forward / (32.3e15 / 2), rel_tol=0.15)
    outputs = 614_400  # of its convolutions, counted one by one
    assert math.isclose(convolved(net.model, net.data), outputs, rel_tol=0.1)


def test_images_on_disk_are_moved_as_all_others_are() -> None:
    """Neither MLPerf's ResNet-50, which is fused, nor any share of the peak is taken for Inception V3's."""
    bare = Experiment(ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=1), precision="bfloat16")
    trained, evaluated = 1_281_167, 2 * 50_000
    outputs = 8_967_488  # counted by hooks on torchvision's module
    assert convolved(Dropout(InceptionV3()), bare.data) == outputs
    products = 5_713_216_096 * (3 * trained + evaluated) / (989e12 / 2 * 0.5)
    moved = outputs * (21 * trained + 7 * evaluated) * 2 / (3.35e12 * 0.7)
    assert math.isclose(of(bare).computing, products + moved)
    share = products / 2 / of(bare).computing
    assert 0.10 < share < 0.174, "of ResNet-50: this model's on H100, and that of 56,000 images/s on eight"
    longer = of(bare.but(optimizer__epochs=100)).computing / 100
    fused = outputs * (16 * trained + 5 * evaluated) * 2 / (3.35e12 * 0.7)
    assert math.isclose(longer, products + fused), "500,400 steps: normalization and ReLU as one"


@pytest.mark.parametrize(
    ("model", "trained"),
    [
        (Vgg(11), 13),
        (Vgg(11, batch_norm=True), 16),
        (SlowHead(Cnn5()), 16),
        (Curve(Vgg(11, batch_norm=True)), 16),
        (SmallInception(batch_norm=False), 13),
    ],
    ids=repr,
)
def test_passes_are_those_of_what_a_net_has(model: Model, trained: int) -> None:
    """Convolutions 6, branches 2, ReLU 5, normalization 8, or both as one 8."""
    value = Experiment(Cifar10(crop=None), model, Sgd(lr=0.1, epochs=100), precision="bfloat16")
    took = moved.seconds(value, H100, 1000, 0)
    each = convolved(model, value.data) * 1000 * 2 / (3.35e12 * 0.7)
    assert math.isclose(took, trained * each)
    assert moved.is_fused(value) is (trained == 16)
    assert moved.is_fused(value.but(optimizer__epochs=10)) is False


@pytest.mark.parametrize(
    "model", [ResNet18(3), Cnn5(4), Vgg(11, 4), Vgg(11, 4, batch_norm=True), SlowHead(Cnn5(4)),
              SmallInception(width=0.25), SmallInception(batch_norm=False, width=0.25),
              Curve(Vgg(11, 4, batch_norm=True)), Masked(Conv(2)), Ensemble(Cnn5(4))], ids=repr,
)  # fmt: skip
def test_nets_that_count_as_fused_are(model: Model) -> None:
    value = Experiment(Cifar10(crop=None), model, Sgd(lr=0.1, epochs=100))
    module = model.build((3, 32, 32), 10, np.random.default_rng(0))
    norms = sum(isinstance(part, torch.nn.BatchNorm2d) for part in module.modules())
    asks = hasattr(table.chosen(module, value, "cuda"), "_settle")
    assert moved.is_fused(value) is (asks and 0 < _fused_nets.places(module) == norms)


def test_what_is_moved_takes_half_as_long_in_half_of_the_bytes() -> None:
    def moved(precision: str, card: GpuKind) -> float:
        products = FORWARD_OF_ALL / (card.multiply_adds(precision) * 0.5)
        return of(STANDARD.but(precision=precision), card).computing - products

    assert math.isclose(moved("tf32", H100), 2 * moved("bfloat16", H100))
    assert math.isclose(moved("tf32", A100) / moved("tf32", H100), 3.35 / 2.039)
    assert math.isclose(of(STANDARD).computing, FORWARD_OF_ALL / (67e12 / 2 * 0.6))


FORWARD_OF_ALL = STANDARD.model.cost((3, 32, 32), 10) * (4 * 50_000 + 10_000)


def test_what_nobody_watches_is_not_evaluated() -> None:
    whole = of(FIT).computing
    for watched, share in ((NOTHING, 180), (Watched(train=False), 190), (Watched(test=False), 240)):
        seconds = spent(FIT, H100, watched)
        assert seconds is not None
        assert math.isclose(seconds.computing / whole, share / 250)
        assert math.isclose(estimate(FIT, "h100", watched), seconds.seconds + START_SECONDS)
    asked = spent(FIT.but(stop=WhenFitted()), H100, NOTHING)
    assert asked is not None
    assert math.isclose(asked.computing / whole, 240 / 250)  # by the rule, after every epoch


def test_one_launch_serves_a_stack_of_nets_that_are_launched_for_longer_than_they_compute() -> None:
    narrow, wide = (FIT.but(model=Mlp(width, depth=2)) for width in (8, 100_000))
    assert math.isclose(of(narrow).launching, 10 * 600 * (3 * 18 + 25) * 1e-6 / 5)
    assert math.isclose(of(wide).launching, 10 * 600 * (3 * 10 + 25) * 1e-6)


def test_what_draws_while_it_trains_is_captured_alone() -> None:
    dropped, curve = FIT.but(model=Dropout(Mlp(512))), FIT.but(model=Curve(Mlp(512)))
    assert math.isclose(of(dropped).launching, 10 * 600 * (2 * 10 + 25) * 1e-6)  # no stack
    # and three numbers, of a point that the host draws, are written before each step
    assert math.isclose(of(curve).launching, 10 * 600 * ((2 * 10 + 25) * 1e-6 + 3 * 5e-6))


@pytest.mark.parametrize("model", [ResNet18(3), Cnn5(4), Mlp(8, depth=2)], ids=repr)
def test_operations_are_about_those_that_are_captured(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[PretendedGraph] = []
    close = PretendedGraph.close

    def noting(graph: PretendedGraph) -> None:
        graphs.append(graph)
        close(graph)

    monkeypatch.setattr(PretendedGraph, "close", noting)
    experiment = Experiment(GeneratedImages(n=4, size=16), model, AdamL2(lr=1e-4, epochs=1, batch=2))
    split = experiment.data.split(None, 0)
    with pretended():
        table.replica(experiment, 0, split, "cuda").rehearse(1)  # type: ignore[attr-defined]
        Stack([(experiment, r, split) for r in range(2)], "cuda").rehearse(1)
    alone, together = (len(graph._steps) for graph in graphs)
    data = experiment.data
    assert 0.5 < alone / operations(model, data) < 2
    assert 0.5 < together / (18 * len(model.layers(data.shape, 10)) + 25) < 2


@pytest.mark.parametrize("model", [Dropout(Mlp(8)), Curve(Mlp(8)), NoisyInputs(Mlp(8)), Mlp(8)], ids=repr)
def test_nets_that_count_as_captured_are(model: Model) -> None:
    experiment = FIT.but(model=model)
    module = model.build((1, 4, 4), 10, np.random.default_rng(0))
    assert is_capturable(module, experiment) is gpu_seconds.is_captured(experiment)


@pytest.mark.parametrize(
    "model",
    [Dropout(Mlp(8)), Curve(Mlp(8)), NoisyInputs(Mlp(8)), AdversarialInputs(Mlp(8)), Mlp(8), Linear()],
    ids=repr,
)
def test_nets_that_count_as_noisy_are(model: Model) -> None:
    module = model.build((1, 4, 4), 10, np.random.default_rng(0))
    assert bool(noisy(module)) == (type(model).__name__ in NOISY)


def test_a_gpu_changes_images_of_what_the_host_draws() -> None:
    changed = Augmented(Cifar10(whiten=False, crop=None), (RandomCrop(28), RandomRotation()))
    whole = Cifar10()
    seconds, plain = of(FIT.but(data=changed)), of(FIT.but(data=whole))
    assert math.isclose(plain.host, 10 * 50_000 * 1e-8)
    assert math.isclose(seconds.host, 10 * 50_000 * (1.5e-8 + 1.9e-8 + 1e-8))
    moved = 10 * 50_000 * 3 * 28 * 28 * (50 + 450 + 44)
    assert math.isclose(seconds.computing - plain.computing, moved / 3.35e12)


def test_the_host_changes_what_a_gpu_does_not_know_how_to_while_that_waits() -> None:
    changed = Augmented(Cifar10(whiten=False, crop=None), (CentreCrop(28), RandomRotation()))
    assert math.isclose(of(FIT.but(data=changed)).host, 10 * 50_000 * (2.5e-5 + 1.4e-4 + 5.4e-6 + 1e-8))


def test_images_on_disk_are_decoded_beside_the_gpus_work() -> None:
    plain = Experiment(ImageNet(size=8), Linear(), Sgd(lr=0.1, epochs=1, batch=256))
    seconds, augmented = of(plain), of(plain.but(data__augmented=True))
    shown = 1_281_167 + 50_000
    assert math.isclose(seconds.decoding, (shown + 50_000) * 1.8e-4 / 12)
    assert math.isclose(augmented.decoding, (shown * 1.65e-3 + 50_000 * 1.8e-4) / 12)
    assert seconds.seconds == seconds.decoding > seconds.computing + seconds.launching


def test_what_is_read_from_disk_is_launched_beside_what_is_computed() -> None:
    large = of(Experiment(ImageNet(), InceptionV3(), Sgd(lr=0.1, epochs=1), precision="bfloat16"))
    assert large.launching == 0.0
    assert large.seconds == large.computing > large.decoding
    small = of(Experiment(ImageNet(size=8), Linear(), Sgd(lr=0.1, epochs=1, batch=1)))
    assert math.isclose(small.launching + small.computing, 1_281_167 * (10 + 25) * 5e-6)


def test_solvers_are_counted_where_they_go_to_a_gpu() -> None:
    adam = Solved(Mnist(), Adam(Mlp(512), steps=1000, batch=100, accelerated=True))
    seconds = spent(adam, H100)
    assert seconds is not None
    images = 3 * 100 * 1000 + 70_000
    assert math.isclose(seconds.computing, (784 * 512 + 5120) * images / (67e12 / 2 * 0.6))
    assert math.isclose(seconds.launching, 1000 * (2 * 10 + 25) * 1e-6)
    assert math.isclose(seconds.host, 1000 * 1e-5)  # of each step, which rows it reads
    assert not is_of_gpu(adam.but(solver__accelerated=False))
    assert estimate(adam.but(solver__accelerated=False), "h100") == estimate(
        adam.but(solver__accelerated=False)
    )
    kernel = Solved(Mnist(), KernelInterpolation(GaussianKernel(5.0), device="cuda"))
    solved = spent(kernel, H100)
    assert solved is not None
    assert solved.seconds > 2 * 60_000**3 / 3 / (67e12 / 2 * gpu_seconds.REACHED["float64"])
    assert spent(kernel.but(solver__device="cpu"), H100) is None


def test_gpus_are_asked_for_by_kind_and_number() -> None:
    asked = gpu_kinds.asked("h200x8")
    assert asked is not None
    assert (asked.card.name, asked.count) == ("h200", 8)
    for device in ("cpu", "cuda", "cuda:1", "h100x0", "h100x", "v100x8", "xh100"):
        assert gpu_kinds.asked(device) is None
    assert gpu_kinds.of("a100x2") == A100


def test_a_gpu_at_hand_is_known_by_its_name_or_reckoned_as_another() -> None:
    known = gpu_kinds.described("NVIDIA H200", 150 * 2**30)
    assert (known.name, known.memory, known.assumed) == ("h200", 150 * 2**30, False)
    strange = gpu_kinds.described("NVIDIA RTX 9999", 24 * 2**30)
    assert (strange.called, strange.memory, strange.assumed) == ("NVIDIA RTX 9999", 24 * 2**30, True)
    assert strange.flops == gpu_kinds.DEFAULT.flops
