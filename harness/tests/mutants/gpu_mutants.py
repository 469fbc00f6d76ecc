"""Mistakes in what only a GPU computes: images made there, steps replayed, products in TF32."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_on_device = into("fleet/on_device.py", "fleet/test_on_device.py")
_captured = into("fleet/captured.py", "fleet/test_captured.py")
_adam = into("analytic/captured_adam.py", "analytic/test_captured_adam.py")
_numerics = into("fleet/numerics.py", "fleet/test_numerics.py")
_stack = into("fleet/stacked.py", "fleet/test_trainer_watched.py")

MUTANTS = (
    _on_device(
        "augmentation",
        "a GPU crops one row beside where the host does",
        "rows, columns = places[:, :1] + within, places[:, 1:] + within",
        "rows, columns = places[:, :1] + within + 1, places[:, 1:] + within",
    ),
    _on_device(
        "augmentation",
        "a GPU draws the first replicate's changes for all",
        'stream(self._replicate, "augmentation", epoch)',
        'stream(0, "augmentation", epoch)',
    ),
    _on_device(
        "augmentation",
        "a GPU takes a class of one's own for the one that it derives from",
        "type(data) is Augmented and all(type(each) in CHANGES for each in data.augmentations)",
        "type(data) is Augmented and all(isinstance(each, tuple(CHANGES)) for each in data.augmentations)",
    ),
    _captured(
        "seeds",
        "all epochs of a replayed net with dropout draw on, and none begins its own stream",
        "kept_one.set_state(seeded.get_state())",
        "seeded.set_state(kept_one.get_state())",
    ),
    _captured(
        "seeds",
        "the steps before a capture are drawn for, and the epoch's begin after them",
        "generator.set_state(state)",
        "generator.get_state()",
    ),
    _captured(
        "labels",
        "a replayed step reads the first epoch's images and labels in all",
        "if kept is not new:",
        "if kept is new:",
    ),
    _captured(
        "learning rate",
        "all steps are replayed at the rate of the first",
        "self._rate.fill_(lr)",
        "self._rate.fill_(self.optimizer.lr)",
    ),
    _captured(
        "kernels",
        "the steps before a capture train",
        "tensor.copy_(old)",
        "old.copy_(tensor)",
    ),
    _adam(
        "solvers",
        "replayed steps of the solver Adam all read the rows of the first",
        "places.copy_(numbers)",
        "places.copy_(places)",
    ),
    _numerics(
        "kernels",
        "whatever comes after a training in TF32 is computed in it too",
        "products.allow_tf32, convolutions.allow_tf32 = before",
        "products.allow_tf32 = convolutions.allow_tf32 = True",
    ),
    _stack(
        "fleets",
        "a stack's last row lacks what nobody watched",
        "whole = self.watched == EVERYTHING",
        "whole = True",
    ),
)
