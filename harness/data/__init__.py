"""Data sets and their corruptions as frozen values; arrays are read or drawn when a split is asked for."""

from harness.data.archives import DataError, Source
from harness.data.augmentation import (
    Augmented,
    ColourJitter,
    ImageChange,
    RandomCrop,
    RandomFlip,
    RandomRotation,
)
from harness.data.averaged import AveragedCifar10, AveragedMnist
from harness.data.digits import Digits
from harness.data.examples import AroundData, Examples
from harness.data.generated import GeneratedImages
from harness.data.inputs import GaussianInputs, InputChange, RandomPixels, ShuffledPixels, TrueInputs
from harness.data.labels import LabelChange, RandomLabels, RedrawnLabels, TrueLabels, WrongLabels
from harness.data.sources import default_root
from harness.data.split import Split
from harness.data.stored import Cifar10, Cifar100, Mnist

__all__ = [
    "AroundData",
    "Augmented",
    "AveragedCifar10",
    "AveragedMnist",
    "Cifar10",
    "Cifar100",
    "ColourJitter",
    "DataError",
    "Digits",
    "Examples",
    "GaussianInputs",
    "GeneratedImages",
    "ImageChange",
    "InputChange",
    "LabelChange",
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
