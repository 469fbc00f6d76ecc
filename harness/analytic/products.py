"""Products of matrices, and what a layer does to them next.

Where they are of doubles, the native library computes them (``native_products``): to the bit what numpy
computes here, and sooner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.analytic import native_products

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]


def product(
    a: Floats,
    b: Floats,
    out: Floats | None = None,
    *,
    added: bool = False,
    bias: Floats | None = None,
    relu: bool = False,
    gate: Floats | None = None,
) -> Floats:
    """The product a b [n, m] of a [n, k] and b [k, m], in ``out`` if that is given.

    Args:
        added: to what is in ``out``.
        bias: [m], added to each row then.
        relu: what is negative then becomes zero.
        gate: [n, m], last all is zero where this is not positive.
    """
    import numpy as np

    if out is None:
        out = np.empty((len(a), b.shape[1]))
    if native_products.multiplied(a, b, out, bias, gate, added=added, relu=relu):
        return out
    if added:
        out += a @ b
    else:
        np.matmul(a, b, out=out)
    if bias is not None:
        out += bias
    if relu:
        np.maximum(out, 0.0, out=out)
    if gate is not None:
        out *= gate > 0
    return out


def column_sums(values: Floats, out: Floats) -> Floats:
    """The sums [m] of the columns of values [n, m], in ``out``."""
    import numpy as np

    return out if native_products.summed(values, out) else np.add.reduce(values, axis=0, out=out)
