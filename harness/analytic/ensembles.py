"""A probe of trained nets side by side: bias and variances of what they say, and the gain of their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.analytic.variances import variances
from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value

if TYPE_CHECKING:
    import torch

    from harness.data.split import Split
    from harness.models._ensemble_nets import EnsembleNet


class NetVariances(Value, frozen=True):
    """Bias and variances, from data and from weights, of an ``EnsembleNet``'s members on the test images.

    Members are those of the first draw of data, then those of the second, and so on, equally many of each; of
    each is read what it says as probabilities. Results are those of ``variances``.

    Args:
        data: draws of data, 2 or more.

    Raises:
        ValueError: fewer than two draws.
    """

    data: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data < 2:
            raise ValueError(f"NetVariances(data={self.data}): a variance needs two draws")

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, Any]:
        """The parts of the squared error of the members' probabilities.

        Raises:
            TypeError: the model is no ensemble of trained nets.
            ValueError: its members are not equally many of each draw of data, or fewer than two.
        """
        import numpy as np
        import torch

        net = _ensemble_net(model)
        members = len(net.nets)
        if members % self.data:
            raise ValueError(
                f"NetVariances(data={self.data}) of {members} nets: not equally many of each draw"
            )
        place = next(net.parameters()).device
        with torch.inference_mode():
            said = [
                net.probabilities(images.to(place)).cpu().numpy()
                for images in torch.from_numpy(split.x_test).split(EVALUATION_BATCH)
            ]
        predictions = np.concatenate(said, axis=1)
        nested = predictions.reshape(self.data, members // self.data, *predictions.shape[1:])
        return dict(variances(nested, split.y_test))


def _ensemble_net(model: torch.nn.Module) -> EnsembleNet:
    from harness.models._ensemble_nets import EnsembleNet

    if not isinstance(model, EnsembleNet):
        raise TypeError(f"NetVariances measures the nets of an Ensemble, not {type(model).__name__}")
    return model
