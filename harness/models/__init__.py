"""Models as frozen values: ``size`` counts parameters without torch, ``build`` makes the network."""

from harness.models.alexnet import SmallAlexNet
from harness.models.architecture import Architecture, AroundModel
from harness.models.dropout import Dropout
from harness.models.epfl_alexnet import EpflAlexNet
from harness.models.inception import SmallInception
from harness.models.linear import Linear
from harness.models.mlp import Mlp
from harness.models.student import StudentCnn

__all__ = [
    "Architecture", "AroundModel", "Dropout", "EpflAlexNet", "Linear", "Mlp", "SmallAlexNet",
    "SmallInception", "StudentCnn",
]  # fmt: skip
