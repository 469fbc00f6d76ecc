"""Noise and adversarial examples: what enters a net in training and in evaluation, and from which draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.models._noisy_input_nets import InputChanges
from harness.models.mlp import Mlp
from harness.models.noisy_inputs import AdversarialInputs, NoisyInputs

SHAPE, CLASSES = (1, 4, 4), 3


def built(model: NoisyInputs | AdversarialInputs) -> torch.nn.Module:
    """The module of a model, from a generator of its own."""
    return model.build(SHAPE, CLASSES, np.random.default_rng(0))


def entering(module: torch.nn.Module, x: torch.Tensor, seed: int = 1) -> torch.Tensor:
    """What enters the net when it is called in its mode."""
    seen: list[torch.Tensor] = []
    (changes,) = (part for part in module.modules() if isinstance(part, InputChanges))
    changes.seed(seed, torch.device("cpu"))
    module.register_forward_pre_hook(lambda _, inputs: None if changes.busy else seen.append(inputs[0]))
    module(x)
    return seen[-1]


@pytest.mark.parametrize("model", [NoisyInputs(Mlp(5), 0.5), AdversarialInputs(Mlp(5), 0.1)])
def test_weights_and_evaluation_are_those_of_the_model(model: NoisyInputs | AdversarialInputs) -> None:
    plain, module = Mlp(5).build(SHAPE, CLASSES, np.random.default_rng(0)), built(model)
    assert {n: w.tolist() for n, w in module.state_dict().items()} == {
        n: w.tolist() for n, w in plain.state_dict().items()
    }
    x = torch.randn(6, *SHAPE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module.eval()(x), plain.eval()(x))
    assert model.size(SHAPE, CLASSES) == Mlp(5).size(SHAPE, CLASSES)


def test_noise_has_its_deviation_and_its_own_stream() -> None:
    module, x = built(NoisyInputs(Mlp(5), 0.5)).train(), torch.ones(500, *SHAPE)
    noise = entering(module, x) - x
    assert float(noise.std()) == pytest.approx(0.5, rel=0.05)
    assert abs(float(noise.mean())) < 0.05
    assert torch.equal(entering(module, x), x + noise)
    assert not torch.equal(entering(module, x, seed=2), x + noise)


def test_adversarial_examples_are_corners_that_raise_the_loss_of_the_prediction() -> None:
    module = built(AdversarialInputs(Mlp(5), 0.2, share=1.0)).train()
    x = torch.randn(200, *SHAPE, generator=torch.Generator().manual_seed(0))
    moved = entering(module, x)
    steps = (moved - x).abs()
    assert float(steps.max()) == pytest.approx(0.2, abs=1e-6)
    assert float((steps > 0.199).double().mean()) > 0.95  # where no unit is on, the gradient is zero
    module.eval()
    with torch.no_grad():
        predicted = module(x).argmax(1)
        losses = [float(torch.nn.functional.cross_entropy(module(at), predicted)) for at in (x, moved)]
    assert losses[1] > losses[0] + 0.05
    assert not moved.requires_grad


def test_a_share_of_the_examples_is_moved() -> None:
    module = built(AdversarialInputs(Mlp(5), 0.2, share=0.3)).train()
    x = torch.randn(500, *SHAPE, generator=torch.Generator().manual_seed(0))
    moved = (entering(module, x) != x).flatten(1).any(1)
    assert float(moved.double().mean()) == pytest.approx(0.3, abs=0.07)


def test_what_changes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        NoisyInputs(Mlp(5), 0.0)
    with pytest.raises(ValueError, match="a share above 0 and up to 1"):
        AdversarialInputs(Mlp(5), 0.1, 1.5)
