"""Generated colour images in ten classes, which convolutional networks learn and MLPs learn less."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.archives import Source
from harness.data.blocks import blocks
from harness.data.examples import Examples
from harness.data.inputs import TrueInputs
from harness.data.labels import TrueLabels
from harness.data.preprocessing import prepare
from harness.data.split import ImageSet, Split, require_between, require_corruptions, split_of
from harness.spec.contracts import Corruption, InputCorruption
from harness.spec.streams import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = 10
SHAPES = 5
BLOCK = 250  # images drawn from one stream
PERIODS = (4.0, 7.0)  # pixels of one wave of the texture
SLOW = 16.0  # pixels over which its phase swings
BEND = 2.0  # radians by which it swings at difficulty 1
HUE = 0.06  # these are contrasts at difficulty 0, of values in [0, 1]
TEXTURE = 0.25
NOISE = (0.05, 0.2)  # its deviation at difficulties 0 and 1
TRAIN, TEST = 1, 2  # parts of the stream


class GeneratedImages(Examples, frozen=True):
    """A textured background with a shape on it, colours and positions at random, and noise.

    Class c has a texture of orientation c x 18 degrees, of random phase, period and colour; one of
    five shapes (disc, ring, square, cross, triangle; c mod 5) of random size, place and colour; and
    a background that leans to its hue. The hue and straight waves are what an MLP learns easily;
    bent waves and shapes need detectors that work anywhere in the image.
    Texture, shape and hue fade in proportion to 1 - difficulty while bending and noise grow: at 0
    the classes are clear, at 1 the images say nothing about the class.

    Each replicate draws its own training and test images; the first 1,000 are the same for any n.

    Args:
        n: training images.
        difficulty: from 0 to 1.
        labels: corruption of the training labels.
        inputs: corruption of the images.
        whiten: standardise each image after dividing by 255.
        size: side in pixels; 28 for CIFAR's cropped shape, 16 for cheap convolutional networks.
        n_test: test images.
    """

    n: int = 1000
    difficulty: float = 0.5
    labels: Corruption = TrueLabels()
    inputs: InputCorruption = TrueInputs()
    whiten: bool = True
    size: int = 28
    n_test: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between(self, "n", self.n, 1, 10_000_000)
        require_between(self, "n_test", self.n_test, 1, 10_000_000)
        require_between(self, "size", self.size, 8, 256)
        require_corruptions(self, "labels", "inputs")
        if not 0 <= self.difficulty <= 1:
            raise ValueError(f"GeneratedImages(difficulty={self.difficulty}): must be between 0 and 1")

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, self.size, self.size)

    @property
    def classes(self) -> int:
        return CLASSES

    @property
    def train_size(self) -> int:
        return self.n

    @property
    def test_size(self) -> int:
        return self.n_test

    @property
    def standardized(self) -> bool:
        return self.whiten

    @property
    def true_labels(self) -> bool:
        return self.labels.keeps_labels

    def source(self, root: Path | None) -> Source:
        """Generated: no digest, no root needed."""
        return Source("generated images", "")

    def split(self, root: Path | None, replicate: int) -> Split:
        """The replicate's own images."""
        x_train, y_train = self._part(replicate, TRAIN, self.n)
        x_test, y_test = self._part(replicate, TEST, self.n_test)
        x_train, x_test = self.inputs.apply(x_train, x_test, stream(replicate, "noise"), in_place=True)
        return split_of(ImageSet(x_train, y_train, x_test, y_test), self.labels, CLASSES, replicate)

    def _part(self, replicate: int, part: int, n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Images block by block, each from its own stream: what comes first does not depend on n."""
        import numpy as np

        images = np.empty((n, *self.shape), np.float32)
        labels = np.empty(n, np.int64)
        for number, rows in enumerate(blocks(n, BLOCK)):
            generator = stream(replicate, "data", part, number)
            classes = generator.integers(CLASSES, size=BLOCK)
            drawn = rendered(classes, generator, self.size, self.difficulty)
            images[rows] = prepare(drawn[: rows.stop - rows.start], whiten=self.whiten)
            labels[rows] = classes[: rows.stop - rows.start]
        return images, labels


def rendered(
    classes: NDArray[np.int64], generator: np.random.Generator, size: int, difficulty: float
) -> NDArray[np.uint8]:
    """Images uint8 [n, size, size, 3] of the given classes [n]."""
    import numpy as np

    clarity = 1 - difficulty
    texture = _textures(classes, generator, size, BEND * difficulty)[..., None]
    shape = _shapes(classes, generator, size)[..., None]
    n = len(classes)
    ground, paint, shade = (generator.random((n, 1, 1, 3), dtype=np.float32) for _ in range(3))
    hue = np.cos(2 * np.pi * (classes[:, None] / CLASSES + np.arange(3) / 3)).astype(np.float32)
    background = 0.3 + 0.4 * ground + np.float32(HUE * clarity) * hue[:, None, None, :]
    canvas = background + np.float32(TEXTURE * clarity) * texture * (paint + 0.5)
    canvas += np.float32(clarity) * shape * (shade - canvas)
    noise = generator.standard_normal(canvas.shape, dtype=np.float32)
    canvas += np.float32(NOISE[0] + (NOISE[1] - NOISE[0]) * difficulty) * noise
    return (np.clip(canvas, 0, 1) * 255).astype(np.uint8)


def _textures(
    classes: NDArray[np.int64], generator: np.random.Generator, size: int, bend: float
) -> NDArray[np.float32]:
    """Waves [n, size, size] in [-1, 1], oriented by class and bent, so that no two are in step for long."""
    import numpy as np

    n = len(classes)
    angle = np.pi * classes / CLASSES + 0.1 * generator.standard_normal(n)
    wave = 2 * np.pi / generator.uniform(*PERIODS, n)
    turn = 2 * np.pi * generator.random((3, n))
    slow = 2 * np.pi / SLOW
    swing = np.float32(bend) * np.sin(_planes(slow * np.cos(turn[0]), slow * np.sin(turn[0]), turn[1], size))
    return np.cos(_planes(wave * np.cos(angle), wave * np.sin(angle), turn[2], size) + swing)


def _planes(
    x: NDArray[np.float64], y: NDArray[np.float64], offset: NDArray[np.float64], size: int
) -> NDArray[np.float32]:
    """Inclined planes [n, size, size]: x, y and offset [n] are slopes and value at the corner."""
    import numpy as np

    steps = np.arange(size)
    rows = (offset[:, None] + y[:, None] * steps).astype(np.float32)
    return rows[:, :, None] + (x[:, None] * steps).astype(np.float32)[:, None, :]


def _shapes(classes: NDArray[np.int64], generator: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Masks [n, size, size] of zeros and ones: one shape each, somewhere, of a radius of size/8 to size/4."""
    import numpy as np

    n = len(classes)
    radius = size * (0.125 + 0.125 * generator.random(n, dtype=np.float32))
    centre = radius + (size - 1 - 2 * radius) * generator.random((2, n), dtype=np.float32)
    steps = np.arange(size, dtype=np.float32)
    y, x = ((steps - c[:, None]) / radius[:, None] for c in centre)
    y, x = y[:, :, None], x[:, None, :]
    masks = np.empty((n, size, size), np.float32)
    for shape in range(SHAPES):
        rows = classes % SHAPES == shape
        masks[rows] = _inside(shape, x[rows], y[rows])
    return masks


def _inside(shape: int, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which points are inside a shape of radius 1 at the origin."""
    import numpy as np

    box = np.maximum(abs(x), abs(y))
    if shape == 0:
        return x * x + y * y < 1
    if shape == 1:
        return abs(x * x + y * y - 0.75) < 0.35
    if shape == 2:
        return box < 0.85
    if shape == 3:
        return (np.minimum(abs(x), abs(y)) < 0.3) & (box < 1)
    return (abs(x) < (y + 1) / 2) & (abs(y) < 1)
