"""Data sets and their corruptions as frozen values; arrays are read or drawn when a split is asked for."""

from harness.data.archives import DataError, Source
from harness.data.augmentation import Augmented, ColourJitter, RandomCrop, RandomFlip, RandomRotation
from harness.data.digits import Digits
from harness.data.generated import GeneratedImages
from harness.data.inputs import GaussianInputs, RandomPixels, ShuffledPixels, TrueInputs
from harness.data.labels import RandomLabels, RedrawnLabels, TrueLabels, WrongLabels
from harness.data.sources import default_root
from harness.data.split import Split
from harness.data.stored import Cifar10, Cifar100, Mnist

__all__ = [
    "Augmented",
    "Cifar10",
    "Cifar100",
    "ColourJitter",
    "DataError",
    "Digits",
    "GaussianInputs",
    "GeneratedImages",
    "Mnist",
    "RandomCrop",
    "RandomFlip",
    "RandomLabels",
    "RandomPixels",
    "RandomRotation",
    "RedrawnLabels",
    "ShuffledPixels",
    "Source",
    "Split",
    "TrueInputs",
    "TrueLabels",
    "WrongLabels",
    "default_root",
]
