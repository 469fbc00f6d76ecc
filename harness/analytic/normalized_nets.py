"""Small networks with and without batch normalization, several of one shape side by side in numpy.

They serve measurements that need the loss and its gradient at many points near the weights of a training: all
parameters of a network are one vector, so that a point along the gradient, or one where only the first
layers have moved, is arithmetic on vectors. Computed in the precision of the weights and inputs given.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.analytic.dense_nets import log_probabilities, places_of, rectified

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

EPSILON = 1e-5
"""Added to variances, as torch does."""
SHIFTED = 0.5
"""A unit's noise has a mean of its own, uniform within this."""
SCALED = (1.0, 1.25)
"""A unit's noise has a scale of its own, uniform between these."""
JITTER = 0.1
"""An example departs by up to this from its unit's mean, and by a normal share of this from its scale."""


class NormalizedLayer(NamedTuple):
    """A dense layer of R networks, as views: weight [R, inputs, outputs], shift and gain [R, 1, outputs].

    The gain is None where nothing is normalized.
    """

    weight: Floats
    shift: Floats
    gain: Floats | None


class Noise(NamedTuple):
    """The noise of a layer: its output is multiplied by ``scale``, then ``offset`` added, [n, outputs]."""

    scale: Floats
    offset: Floats


class LayerPass(NamedTuple):
    """A layer as the backward pass needs it: inputs, outputs, normalized values and their spread."""

    inputs: Floats
    outputs: Floats
    unit: Floats | None
    spread: Floats | None


@dataclasses.dataclass(frozen=True)
class NormalizedNets:
    """Dense layers; each hidden one is normalized over the batch (if so), made noisy (if so) and rectified.

    Attributes:
        widths: inputs, hidden layers, outputs.
        batch_norm: hidden layers are normalized before the activation, with a gain and a shift per unit.
        linear: no activation, and as the loss the squared distance to targets [n, outputs], averaged over
            outputs; else ReLU, and the cross-entropy of labels [n]. Both are averaged over the batch.
        variance: of the first weights, times a layer's inputs. 2 keeps the size of signals through ReLU
            layers (He et al. 2015), 1 through linear ones; 1/3 is that of PyTorch's dense layers.
    """

    widths: tuple[int, ...]
    batch_norm: bool = False
    linear: bool = False
    variance: float = 2.0

    @property
    def depth(self) -> int:
        """Number of dense layers, the last one included."""
        return len(self.widths) - 1

    @property
    def starts(self) -> list[int]:
        """The first place of each layer's parameters in the vector, and last the length of the vector."""
        places = [0]
        for i, (a, b) in enumerate(pairwise(self.widths)):
            places.append(places[-1] + (a + 1) * b + (b if self._normalized(i) else 0))
        return places

    def _normalized(self, i: int) -> bool:
        return self.batch_norm and i < self.depth - 1

    def drawn(self, generator: np.random.Generator) -> Floats:
        """One network [1, p], float64: normal weights, no shifts, gains of one.

        Generators of equal state give nets with and without gains equal weights.
        """
        import numpy as np

        theta = np.zeros((1, self.starts[-1]))
        for layer in self.layers(theta):
            size = (self.variance / layer.weight.shape[1]) ** 0.5
            layer.weight[:] = size * generator.standard_normal(layer.weight.shape)
            if layer.gain is not None:
                layer.gain[:] = 1.0
        return theta

    def layers(self, theta: Floats) -> list[NormalizedLayer]:
        """The layers of R networks, theta [R, p], as views."""
        layers, nets = [], len(theta)
        for i, ((a, b), begin) in enumerate(zip(pairwise(self.widths), self.starts, strict=False)):
            middle = begin + a * b
            weight = theta[:, begin:middle].reshape(nets, a, b)
            gain = theta[:, None, middle + b : middle + 2 * b] if self._normalized(i) else None
            layers.append(NormalizedLayer(weight, theta[:, None, middle : middle + b], gain))
        return layers

    def noise(self, n: int, generator: np.random.Generator) -> list[Noise]:
        """Noise for the hidden layers and a batch of n, with a mean and a spread of each unit of its own.

        Drawn anew at each step it makes the distributions of layer inputs jump, as the noise of Santurkar
        et al. 2018 does; its sizes are ours (``SHIFTED``, ``SCALED``, ``JITTER``). It is drawn in float32.
        """
        import numpy as np

        layers = []
        for width in self.widths[1:-1]:
            centre, spread = generator.uniform(-SHIFTED, SHIFTED, width), generator.uniform(*SCALED, width)
            jitter = 2 * JITTER * generator.random((n, width), dtype=np.float32) - JITTER
            share = JITTER * generator.standard_normal((n, width), dtype=np.float32)
            layers.append(Noise(share + spread.astype(np.float32), jitter + centre.astype(np.float32)))
        return layers

    def passes(self, theta: Floats, x: Floats, noise: list[Noise] | None = None) -> list[LayerPass]:
        """Every layer's inputs [R, n, inputs] (of the first, [1, n, inputs]) and outputs, before the ReLU."""
        import numpy as np

        passes: list[LayerPass] = []
        values = x[None]
        for i, layer in enumerate(self.layers(theta)):
            unit = spread = None
            outputs = values @ layer.weight
            if layer.gain is not None:
                unit, spread = normalized(outputs)
                np.multiply(layer.gain, unit, out=outputs)
            outputs += layer.shift
            if noise is not None and i < self.depth - 1:
                outputs *= noise[i].scale
                outputs += noise[i].offset
            passes.append(LayerPass(values, outputs, unit, spread))
            if i < self.depth - 1:
                values = outputs if self.linear else rectified(outputs.copy())
        return passes

    def scored(self, outputs: Floats, y: NDArray[Any]) -> tuple[Floats, Floats]:
        """The losses [R] of the last layer's outputs [R, n, outputs], and their gradients by these."""
        import numpy as np

        if self.linear:
            residuals = outputs - y
            return (residuals**2).mean((1, 2)), 2 * residuals / y.size
        logs = log_probabilities(outputs)
        places = places_of(y, logs.shape[-1])
        back = np.exp(logs)
        back.reshape(len(back), -1)[:, places] -= 1.0
        back /= len(y)
        return -logs.reshape(len(logs), -1)[:, places].mean(1), back

    def losses(self, theta: Floats, x: Floats, y: NDArray[Any], noise: list[Noise] | None = None) -> Floats:
        """The losses [R] of R networks on a batch."""
        return self.scored(self.passes(theta, x, noise)[-1].outputs, y)[0]

    def gradients(
        self, theta: Floats, x: Floats, y: NDArray[Any], noise: list[Noise] | None = None
    ) -> tuple[Floats, Floats]:
        """Losses [R] on a batch x [n, inputs], y [n] or [n, outputs], and their gradients [R, p].

        Batch normalization is differentiated through the mean and variance of the batch.
        """
        import numpy as np

        passes = self.passes(theta, x, noise)
        losses, back = self.scored(passes[-1].outputs, y)
        gradient = np.empty_like(theta)
        layers, slopes = self.layers(theta), self.layers(gradient)
        for i in reversed(range(self.depth)):
            inputs, outputs, unit, spread = passes[i]
            if i < self.depth - 1:
                if not self.linear:
                    back *= outputs > 0
                if noise is not None:
                    back *= noise[i].scale
            np.add.reduce(back, axis=1, keepdims=True, out=slopes[i].shift)
            gain, slope = layers[i].gain, slopes[i].gain
            if gain is not None and slope is not None and unit is not None and spread is not None:
                np.add.reduce(back * unit, axis=1, keepdims=True, out=slope)
                back *= gain
                back = through(back, unit, spread)
            np.matmul(inputs.swapaxes(1, 2), back, out=slopes[i].weight)
            if i:
                back = back @ layers[i].weight.swapaxes(1, 2)
        return losses, gradient


def normalized(values: Floats) -> tuple[Floats, Floats]:
    """Values [R, n, units] with mean zero and variance one over the batch, and their spread [R, 1, units]."""
    import numpy as np

    centred = values - values.mean(1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(1, keepdims=True) + EPSILON)
    centred /= spread
    return centred, spread


def through(back: Floats, unit: Floats, spread: Floats) -> Floats:
    """The gradient by the values that were normalized, from that by the normalized ones [R, n, units].

    What points along the mean and along the normalized values themselves is taken out, and the rest is
    divided by the spread.
    """
    import numpy as np

    turned = back * unit
    along = turned.mean(1, keepdims=True)
    back = back - back.mean(1, keepdims=True)
    back -= np.multiply(unit, along, out=turned)
    back /= spread
    return back
