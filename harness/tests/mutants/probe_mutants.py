"""Mistakes in what is measured of trained nets: curvature, margins, barriers, averages."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_eigenvalues = into("analytic/eigenvalues.py", "analytic/test_eigenvalues.py", "analytic/test_curvature.py")
_curvature = into("analytic/curvature.py", "analytic/test_curvature.py")
_weighed = into("analytic/weighed_loss.py", "analytic/test_curvature.py")
_margins = into("analytic/margins.py", "analytic/test_margins.py")
_barriers = into("analytic/barriers.py", "analytic/test_barriers.py")
_recomputed = into("analytic/recomputed.py", "analytic/test_barriers.py")
_average = into("models/average.py", "models/test_average.py")
_computing = into("lab/computing.py", "models/test_average.py")

MUTANTS = (
    _eigenvalues(
        "solvers", "the residual is compared with nothing",
        "beyond * abs(float(vectors[-1, -1])) / scale if scale else 0.0", "0.0",
    ),
    _eigenvalues(
        "solvers", "vectors of the basis are not kept orthogonal",
        "product = product - basis[:made].T @ (basis[:made] @ product)",
        "product = product - basis[made - 1] * (basis[made - 1] @ product)",
    ),
    _curvature(
        "statistics", "a trace by normal vectors, whose squares vary too",
        "signs = 2.0 * generator.integers(0, 2, loss.weights) - 1.0",
        "signs = generator.standard_normal(loss.weights)",
    ),
    _weighed(
        "loss", "the curvature of the squared loss is summed over classes",
        "** 2).sum() / scores.shape[1]", "** 2).sum()",
    ),
    _weighed(
        "loss", "the curvature is summed over images",
        "        loss = loss / len(self.split.y_train)\n", "",
    ),
    _weighed(
        "batch norm", "curvature by the statistics of the batch",
        "self.model, self.split, self.loss = model.double().eval(), split, loss",
        "self.model, self.split, self.loss = model.double().train(), split, loss",
    ),
    _margins(
        "theory", "the margin is over all classes, the true one too",
        "others = scores.scatter(1, labels, -math.inf).amax(1, keepdim=True)",
        "others = scores.amax(1, keepdim=True)",
    ),
    _margins(
        "theory", "the length is not raised to the power of the depth",
        "size = length ** sum(is_affine(layer) for layer in layers)", "size = length",
    ),
    _barriers(
        "theory", "the barrier stands above the mean of the line",
        '"barrier": float(np.max(values - straight))', '"barrier": float(np.max(values) - np.mean(values))',
    ),
    _barriers(
        "theory", "half-way is not between the nets",
        "array += t * (towards[name] - array)", "array += t * towards[name]",
    ),
    _recomputed(
        "batch norm", "statistics are moved towards those of the images, not taken anew",
        "        norm.momentum = None  # a mean over all blocks, not a moving one\n", "",
    ),
    _average(
        "initialization", "the average is of the first and the last net alone",
        "np.mean([net[name] for net in parents], axis=0",
        "np.mean([net[name] for net in (parents[0], parents[-1])], axis=0",
    ),
    _computing(
        "loss", "a probe is told of cross-entropy whatever the loss",
        "HowTrained(experiment.loss, run.replicate)", 'HowTrained("cross_entropy", run.replicate)',
    ),
    _computing(
        "seeds", "a probe draws the same numbers in all replicates",
        "HowTrained(experiment.loss, run.replicate)", "HowTrained(experiment.loss)",
    ),
)  # fmt: skip
