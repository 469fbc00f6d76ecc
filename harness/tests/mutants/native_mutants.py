"""Mistakes in the native kernel: its layers, losses and steps in C++, and what is handed to them."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_native = into("fleet/native.py", "fleet/test_native.py", "fleet/test_table.py")
_products = into("fleet/native_dense.cpp", "fleet/test_native.py", "fleet/test_table.py")
_dense = into("fleet/native_dense.h", "fleet/test_table.py")
_squares = into("fleet/native_dense.h", "fleet/test_native.py", "fleet/test_table.py")
_adaptive = into("fleet/native.cpp", "fleet/test_adaptive.py", "fleet/test_native.py")
_maps = into("fleet/native_maps.h", "fleet/test_native_graphs.py", "fleet/test_table.py")
_moments = into("fleet/native_moments.h", "fleet/test_native_graphs.py", "fleet/test_table.py")
_convolution = into("fleet/native_convolution.h", "fleet/test_native.py", "fleet/test_table.py")
_vectors = into("fleet/native_vectors.h", "fleet/test_native.py", "fleet/test_table.py")
_library = into("fleet/native.cpp", "fleet/test_native.py", "fleet/test_table.py")

_small = into("fleet/small.py", "fleet/test_trainer_losses.py", "fleet/test_table.py")

MUTANTS = (
    _small(
        "loss", "the loss on the test images is that of the initial weights",
        "torch.from_numpy(w) for name, w in self.net.weights().items()",
        "w for name, w in self.model.state_dict().items()",
    ),
    _native(
        "kernels", "velocities are not handed to the library",
        "(flat, weights or ()), (moving, first), (squares, second)",
        "(flat, weights or ()), (squares, second)",
    ),
    _products(
        "kernels", "the library's dense layers keep their biases",
        "for (int o = 0; has_bias && o < outputs; o += L) {", "for (int o = 0; has_bias && o < 0; o += L) {",
    ),
    _products(
        "kernels", "the library's gradients pass through closed ReLUs",
        "load(rows[b + m] + i + n) > 0 ? sum : V{}", "sum",
    ),
    _products(
        "kernels", "some of the library's few outputs are not computed",
        "parts = (outputs + MOST - 1) / MOST", "parts = std::max(1, outputs / MOST)",
    ),
    _products(
        "kernels", "the library's masked weights get gradients",
        "masked() ? sum * load(", "false ? sum * load(",
    ),
    _dense(
        "kernels", "what the library keeps of dropped inputs is not scaled up",
        "const V share = all(1 - rate);", "const V share = all(1);",
    ),
    _maps(
        "kernels", "the library's lanes beyond the last example count for moments",
        "count - group * L >= L ? v :", "true ? v :",
    ),
    _maps(
        "kernels", "the library's maps have the gradient of one reader only",
        "other.gradient(g)[i] += out", "other.gradient(g)[i] = out",
    ),
    _maps(
        "kernels", "the library's response norm takes its neighbours for constants",
        "out.gradients[at] * factor[at] - 1.5f * alpha * in.values[at] * near(spent.data(), c);",
        "out.gradients[at] * factor[at];",
    ),
    _maps(
        "kernels", "the library's batch norm takes its deviation for a constant",
        "mean - out.at(g, c)[i] * slope;", "mean;",
    ),
    _maps(
        "batch norm", "the library's batch norm has the batch's moments in evaluation too",
        "      if (batch.training) {", "      if (true) {",
    ),
    _moments(
        "kernels", "the library's running variances are those of the batch, biased",
        "(float)(v * n / (n - 1))", "(float)v",
    ),
    _moments(
        "kernels", "the library's normalized rows take their mean for a constant",
        "(to(b) - mean - at(b) * slope) * scale", "(to(b) - at(b) * slope) * scale",
    ),
    _small(
        "kernels", "the inputs that the library drops are drawn once for all parts of an epoch",
        "draws = torch.rand(count, self.net.plan.layers[i].inputs, generator=part.generator)",
        "draws = torch.rand(count, self.net.plan.layers[i].inputs)",
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
        "        const Mask more = z[c] > most;",
        "        const Mask more = c + 1 < classes ? z[c] > most : Mask{};",
    ),
    _library(
        "learning rate", "the library trains all steps of an epoch at the first rate",
        "net->rule.begin(rates[s], taken + s + 1);", "net->rule.begin(rates[0], taken + s + 1);",
    ),
    _vectors(
        "weight decay", "the library's AdamW takes its decay into the gradient",
        "if (!apart) gradient += weight * decay;", "gradient += weight * decay;",
    ),
    _vectors(
        "kernels", "the library's Adam does not correct the squares for their start",
        "roots(square) / root + epsilon", "roots(square) + epsilon",
    ),
    _squares(
        "kernels", "the library's squares have half their slope",
        "load(gradient + i) * 2 * load(inner.data() + i)", "load(gradient + i) * load(inner.data() + i)",
    ),
    _adaptive(
        "kernels", "the library counts Adam's steps anew in every epoch",
        "net->rule.begin(rates[s], taken + s + 1);", "net->rule.begin(rates[s], s + 1);",
    ),
)  # fmt: skip
