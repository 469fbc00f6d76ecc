"""Mistakes in the native kernel: its layers, losses and steps in C++, and what is handed to them."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_native = into("fleet/native.py", "fleet/test_native.py", "fleet/test_table.py")
_dense = into("fleet/native_dense.h", "fleet/test_native.py", "fleet/test_table.py")
_convolution = into("fleet/native_convolution.h", "fleet/test_native.py", "fleet/test_table.py")
_vectors = into("fleet/native_vectors.h", "fleet/test_native.py", "fleet/test_table.py")
_library = into("fleet/native.cpp", "fleet/test_native.py", "fleet/test_table.py")

_small = into("fleet/small.py", "fleet/test_trainer_losses.py")

MUTANTS = (
    _small(
        "loss", "the loss on the test images is that of the initial weights",
        "torch.from_numpy(w) for name, w in self.net.weights().items()",
        "w for name, w in self.model.state_dict().items()",
    ),
    _native(
        "kernels", "velocities are not handed to the library",
        "            if velocities:\n"
        "                np.concatenate([v.ravel() for v in velocities], out=moving)\n", "",
    ),
    _dense(
        "kernels", "the library's dense layers keep their biases",
        "for (int o = 0; has_bias && o < outputs; o += L) {", "for (int o = 0; has_bias && o < 0; o += L) {",
    ),
    _dense(
        "kernels", "the library's gradients pass through closed ReLUs",
        "load(rows[b + m] + i + n) > 0 ? rounding(sum) : V{}", "rounding(sum)",
    ),
    _convolution(
        "kernels", "the library's gradient of a pool goes to its first position",
        "which = more ? Mask{} + i : which;", "which = more ? Mask{} : which;",
    ),
    _convolution(
        "kernels", "the library adds gradients of convolutions up over steps",
        "    std::fill(gradients.begin(), gradients.end(), V{});\n", "",
    ),
    _vectors(
        "weight decay", "the library's weight decay is decoupled",
        "load(v) * momentum + (gradient + weight * decay);\n    store(v, velocity);\n"
        "    store(w, weight - velocity * lr);",
        "load(v) * momentum + gradient;\n    store(v, velocity);\n"
        "    store(w, weight - velocity * lr - weight * (lr * decay));",
    ),
    _vectors(
        "momentum", "the library dampens gradients by the momentum",
        "load(v) * momentum + (gradient + weight * decay)",
        "load(v) * momentum + (gradient + weight * decay) * (1 - momentum)",
    ),
    _library(
        "loss", "the library's squared loss is divided by the batch alone",
        "z[c] = off * (2.f / ((float)count * classes));", "z[c] = off * (2.f / (float)count);",
    ),
    _library(
        "kernels", "the library never predicts the last class",
        "std::max_element(z, z + last.outputs) - z != y[first + b]",
        "std::max_element(z, z + last.outputs - 1) - z != y[first + b]",
    ),
    _library(
        "learning rate", "the library trains all steps of an epoch at the first rate",
        "net->rule.lr = (float)rates[s];", "net->rule.lr = (float)rates[0];",
    ),
)  # fmt: skip
