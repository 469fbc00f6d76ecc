"""A probe of a trained classifier's last layer: how far its classes have collapsed to their means.

Papyan, Han and Donoho 2020: in training past zero error the activations before the last layer collapse to the
means of their classes (NC1), these to the vertices of a simplex (NC2), the last layer's weights to the same
vertices (NC3), and its decisions to those of the nearest mean (NC4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from harness.data.split import Split

    Floats: TypeAlias = NDArray[np.float64]


MEASURES = ("scatter", "unequal_norms", "unequal_angles", "misaligned", "disagreement")
NOTHING = 1e-10
"""Eigenvalues of the covariance between classes below this share of the largest are zero: classes lie in
classes - 1 dimensions, and float32 activations leave the others at some 1e-14."""


class Collapse(Value, frozen=True):
    """Neural collapse of any network whose last module of weights is linear, on its training images.

    Results, all of which are zero in full collapse: ``scatter``, tr(W B^+) / classes, of the covariances
    within and between classes (NC1); ``unequal_norms``, the standard deviation over the mean of the centred
    class means' lengths, and ``unequal_angles``, the mean distance of their cosines from -1 / (classes - 1)
    (NC2); ``misaligned``, the distance between weights and centred class means, each scaled to norm one
    (NC3); ``disagreement``, the share of images that the nearest class mean would decide otherwise (NC4).
    """

    def measure(self, model: nn.Module, split: Split) -> dict[str, float]:
        """The five numbers, in float64.

        Raises:
            TypeError: the last module of weights is no linear layer.
            ValueError: a class has no image.
        """
        features, scores, weights = before_last(model, split.x_train)
        return collapse(features, scores.argmax(axis=1), split.y_train, weights)


def before_last(model: nn.Module, images: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """What enters the last linear layer [n, d], the scores [n, classes], and its weights [classes, d].

    Raises:
        TypeError: the last module of weights is no linear layer.
    """
    import numpy as np
    import torch

    last = [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None][
        -1
    ]
    if not isinstance(last, torch.nn.Linear):
        raise TypeError(f"Collapse measures nets that end in a linear layer, not in {type(last).__name__}")
    entered: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda module, inputs: entered.append(inputs[0]))
    place = last.weight.device
    try:
        with torch.inference_mode():
            parts = torch.from_numpy(images).split(EVALUATION_BATCH)
            scores = [model(part.to(place)).cpu().numpy() for part in parts]
    finally:
        hook.remove()
    features = np.concatenate([each.cpu().numpy() for each in entered]).astype(np.float64)
    weights = last.weight.detach().cpu().numpy().astype(np.float64)
    return features, np.concatenate(scores).astype(np.float64), weights


def collapse(
    features: Floats, decided: NDArray[np.int64], labels: NDArray[np.int64], weights: Floats
) -> dict[str, float]:
    """The measures of ``Collapse``.

    Args:
        features: what enters the last layer, [n, d]; decided: the net's classes [n]; labels: [n].
        weights: of the last layer, [classes, d].

    Returns:
        All NaN where a class mean is that of all images, or an activation is not finite.

    Raises:
        ValueError: a class has no image.
    """
    import numpy as np

    classes = len(weights)
    if missing := set(range(classes)) - set(labels.tolist()):
        raise ValueError(f"class {min(missing)} has no training image: collapse is of classes that are there")
    means = np.stack([features[labels == c].mean(axis=0) for c in range(classes)])
    centred = means - means.mean(axis=0)
    within = features - means[labels]
    between = centred.T @ centred / classes
    lengths = np.linalg.norm(centred, axis=1)
    if not lengths.all() or not np.isfinite(features).all():  # a dead or diverged net has no classes apart
        return dict.fromkeys(MEASURES, float("nan"))
    covariance = within.T @ within / len(labels)
    scatter = np.trace(covariance @ np.linalg.pinv(between, rcond=NOTHING, hermitian=True))
    cosines = (centred / lengths[:, None]) @ (centred / lengths[:, None]).T
    apart = cosines[~np.eye(classes, dtype=bool)] + 1 / (classes - 1)
    aligned = weights / np.linalg.norm(weights) - centred / np.linalg.norm(centred)
    distances = (means**2).sum(axis=1) - 2 * features @ means.T  # less the images' own squared lengths
    disagreement = np.mean(distances.argmin(axis=1) != decided)
    numbers = (
        *(scatter / classes, lengths.std() / lengths.mean(), np.abs(apart).mean()),
        *(np.linalg.norm(aligned), disagreement),
    )
    return {name: float(number) for name, number in zip(MEASURES, numbers, strict=True)}
