"""Mistakes in what is solved: scales of penalties, cut-offs, norms, risks, bounds and codes."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_ridge = into("analytic/ridge.py", "analytic/test_ridge.py", "analytic/test_least_squares.py")
_least = into("analytic/least_squares.py", "analytic/test_least_squares.py")
_minimum = into(
    "analytic/minimum_norm.py", "analytic/test_least_squares.py", "analytic/test_linear_descent.py"
)
_risks = into("analytic/risks.py", "analytic/test_risks.py", "analytic/test_gaussian_designs.py")
_designs = into("analytic/gaussian_designs.py", "analytic/test_gaussian_designs.py", "analytic/test_risks.py")
_features = into("analytic/random_features.py", "analytic/test_random_features.py")
_scores = into("analytic/scores.py", "analytic/test_least_squares.py", "analytic/test_random_features.py")
_kernel = into("analytic/kernel_interpolation.py", "analytic/test_kernel_interpolation.py")
_mei = into("analytic/mei_montanari.py", "analytic/test_mei_montanari.py")
_rademacher = into("analytic/rademacher.py", "analytic/test_rademacher.py")
_gram = into("analytic/gram.py", "analytic/test_gram.py")
_codes = into("analytic/description_length.py", "analytic/test_description_length.py")
_variational = into("analytic/variational.py", "analytic/test_description_length.py")
_descents = into("analytic/descents.py", "analytic/test_descents.py")
_linear = into("analytic/linear_descent.py", "analytic/test_linear_descent.py")
_full = into("analytic/full_batch.py", "analytic/test_full_batch.py")
_trees = into("analytic/trees.py", "analytic/test_trees.py")
_pac_bayes = into("analytic/pac_bayes.py", "analytic/test_pac_bayes.py")
_kl_bounds = into("analytic/kl_bounds.py", "analytic/test_pac_bayes.py")
_random_nets = into("analytic/random_label_nets.py", "analytic/test_random_label_nets.py")
_nets = into("analytic/dense_nets.py", "analytic/test_dense_nets.py")
_paths = into("analytic/paths.py", "analytic/test_paths.py")
_squared = into("analytic/squared_loss.py", "analytic/test_squared_loss.py")
_held_out = into("analytic/losses.py", "analytic/test_losses.py")
_tail = into("analytic/long_tail.py", "analytic/test_long_tail.py")
_one = into("analytic/one_example.py", "analytic/test_one_example.py")
_memory = into("analytic/memorization.py", "analytic/test_memorization.py", "analytic/test_dense_nets.py")
_least_error = into("analytic/contradictions.py", "analytic/test_contradictions.py")

MUTANTS = (
    _ridge(
        "solvers", "the penalty is on the mean squared error",
        "inverse = 1.0 / (squares + penalty)", "inverse = 1.0 / (squares + penalty * len(targets))",
    ),
    _ridge(
        "solvers", "left-out predictions are those of the fit to all",
        "left_out = residuals / (free + penalty * (leverages @ inverse))[:, None]", "left_out = residuals",
    ),
    _ridge(
        "solvers", "the best penalty is tuned on the test score",
        'chosen = scores[f"left_out_{measure}"].argmin(axis=1)',
        'chosen = scores[f"test_{measure}"].argmin(axis=1)',
    ),
    _ridge(
        "solvers", "norms of ridge solutions leave the singular values out",
        "np.linalg.norm(np.sqrt(squares)[:, None] * chosen, axis=0)", "np.linalg.norm(chosen, axis=0)",
    ),
    _ridge(
        "solvers", "a wider model forgets the products of its first columns",
        "gram += added @ added.T", "gram = added @ added.T",
    ),
    _least(
        "solvers", "all small singular values are cut off",
        "np.linalg.lstsq(features, targets, rcond=None)[0]",
        "np.linalg.lstsq(features, targets, rcond=0.1)[0]",
    ),
    _least(
        "solvers", "dependent columns are solved as if they were not",
        "return DOUBTFUL * larger * float(np.finfo(np.float64).eps)", "return 0.0",
    ),
    _least(
        "solvers", "residuals of interpolation are not refined away",
        "for _ in range(1 + REFINEMENTS):", "for _ in range(1):",
    ),
    _least(
        "solvers", "every width uses the widest one's test features",
        "test = features_test[:, :width] @ solution.coefficients",
        "test = features_test[:, -width:] @ solution.coefficients",
    ),
    _least(
        "solvers", "pixels are taken from the first corner",
        "chosen = (generator.permutation(order) if self.shuffled else order)", "chosen = (order)",
    ),
    _minimum(
        "solvers", "the rank counts directions that are rounding alone",
        "rank = int((singular > cut_off).sum())", "rank = int((singular > 0).sum())",
    ),
    _minimum(
        "solvers", "the cut-off of the pseudo-inverse is a hundredth of the largest",
        "cut_off = singular[0] * max(features.shape) * np.finfo(np.float64).eps",
        "cut_off = singular[0] * 0.01",
    ),
    _minimum(
        "theory", "descent from a start ends at the solution of minimum norm",
        "return start + minimum_norm(features, targets - features @ start).coefficients",
        "return minimum_norm(features, targets).coefficients",
    ),
    _risks(
        "theory", "the noise of a risk is counted without its degrees of freedom",
        "mean = left_out + signal * lost + variance * k / (spare - 1)",
        "mean = left_out + signal * lost + variance * k / spare",
    ),
    _risks(
        "theory", "the lost share of the signal is that of the examples",
        "lost = 1 - n / p if p > n else 0.0", "lost = n / p if p > n else 0.0",
    ),
    _risks(
        "theory", "what features leave out is no noise to the fit",
        "variance = noise + left_out\n    if spare", "variance = noise\n    if spare",
    ),
    _risks(
        "theory", "the spread of a risk between data sets leaves the signal out",
        "return Risk(mean, math.sqrt(of_noise + of_signal))", "return Risk(mean, math.sqrt(of_noise))",
    ),
    _risks(
        "theory", "the limit beyond the peak diverges with gamma in the numerator",
        "signal * (1 - 1 / gamma) + variance / (gamma - 1)",
        "signal * (1 - 1 / gamma) + variance * gamma / (gamma - 1)",
    ),
    _risks(
        "theory", "the best penalty grows with the signal",
        "return p * noise / signal", "return p * noise * signal",
    ),
    _risks(
        "theory", "the best penalty does not grow with the features",
        "return p * noise / signal", "return noise / signal",
    ),
    _risks(
        "theory", "on an axis without examples ridge is right",
        "/ (k + penalty) ** 2 if k else true", "/ (k + penalty) ** 2 if k else Fraction(0)",
    ),
    _designs(
        "theory", "noise has its variance for its deviation",
        "deviations = np.sqrt([kind.noise for kind in targets] + beyond)",
        "deviations = np.array([kind.noise for kind in targets]) + beyond",
    ),
    _designs(
        "theory", "coefficients of features not fitted are no part of the risk",
        "rows.append([((w - np.sqrt(squares)) ** 2).sum(0) + beyond for w in coefficients])",
        "rows.append([((w - np.sqrt(squares)[: len(w)]) ** 2).sum(0) for w in coefficients])",
    ),
    _designs(
        "pairing", "the mean of logs is the log of the mean",
        '"log_risk": np.log(risks).mean(axis=-2)', '"log_risk": np.log(risks.mean(axis=-2))',
    ),
    _features(
        "solvers", "frequencies are multiplied by the bandwidth",
        "inputs)) / self.bandwidth", "inputs)) * self.bandwidth",
    ),
    _features(
        "solvers", "cosines are sines",
        "np.subtract(share, 1.0, out=out[:, 0])", "np.multiply(angles, share, out=out[:, 0])",
    ),
    _features(
        "solvers", "test images have random features of their own",
        "return features.of(train, drawn, width), features.of(test, drawn, width)",
        "other = features.draw(generator, train.shape[1], width)\n"
        "    return features.of(train, drawn, width), features.of(test, other, width)",
    ),
    _features(
        "solvers", "directions are Gaussian and not on the sphere",
        "        directions *= np.sqrt(inputs) / np.linalg.norm(directions, axis=1, keepdims=True)\n", "",
    ),
    _features(
        "solvers", "features are scaled by the width",
        "features *= x.shape[1] ** -0.5", "features *= width ** -0.5",
    ),
    _scores(
        "loss", "the squared distance is averaged over classes, not summed",
        'squared = np.einsum("nsc,nsc->s", residuals, residuals) / n',
        'squared = np.einsum("nsc,nsc->s", residuals, residuals) / (n * self.classes)',
    ),
    _scores(
        "labels", "label sets share one draw",
        "c.apply(split.y_true, split.classes, child)", "c.apply(split.y_true, split.classes, generator)",
    ),
    _scores(
        "labels", "label sets corrupt labels that are corrupted already",
        "c.apply(split.y_true, split.classes, child)", "c.apply(split.y_train, split.classes, child)",
    ),
    _kernel(
        "solvers", "the Gaussian kernel lacks the two in its exponent",
        "squares *= -0.5 / self.bandwidth**2", "squares *= -1.0 / self.bandwidth**2",
    ),
    _kernel(
        "solvers", "the Laplace kernel is of squared distances",
        "        xp.sqrt(squares, out=squares)\n", "",
    ),
    _kernel(
        "solvers", "the ridge is on all of the matrix",
        "part[here, here + rows.start] += ridge", "part += ridge",
    ),
    _kernel(
        "solvers", "left-out predictions are off by the coefficients' scale",
        "others = targets - coefficients / _inverse_diagonal(inverse)[:, None]",
        "others = targets - coefficients",
    ),
    _mei(
        "theory", "the linear part of ReLU is that of its square",
        "LINEAR = 0.5  #", "LINEAR = 0.25  #",
    ),
    _mei(
        "theory", "risk includes the noise of new targets",
        "(predicted[:, 0] - clean[n:]) ** 2",
        "(predicted[:, 0] - clean[n:] - math.sqrt(noise) * generator.standard_normal(n_test)) ** 2",
    ),
    _rademacher(
        "theory", "the price of confidence counts once",
        "train_error + complexity + 3 * confidence(n, delta / 2)",
        "train_error + complexity + confidence(n, delta / 2)",
    ),
    _rademacher(
        "theory", "Cover's count is of one side alone",
        "count = 2 * sum(", "count = sum(",
    ),
    _rademacher(
        "labels", "classifiers are fitted to true labels in place of coins",
        "targets = np.column_stack([signs, odd(split.y_true)])",
        "targets = np.column_stack([np.tile(odd(split.y_true)[:, None], self.draws), odd(split.y_true)])",
    ),
    _gram(
        "theory", "the limit of the Gram matrix lacks its two",
        "(math.pi - np.arccos(products)) / (2 * math.pi)", "(math.pi - np.arccos(products)) / math.pi",
    ),
    _gram(
        "initialization", "units are not scaled by their number",
        "return SignedLayer(w, signs, m**-power)", "return SignedLayer(w, signs, 1.0)",
    ),
    _gram(
        "theory", "units move without regard to their signs",
        "self.w -= step * self.factor * self.signs[:, None] * back", "self.w -= step * self.factor * back",
    ),
    _codes(
        "theory", "codes are in nats",
        "return float(-np.log2((1", "return float(-np.log((1",
    ),
    _codes(
        "theory", "a block is coded by a net that has seen it",
        "self.net.fitted(x[:begin], y[:begin],", "self.net.fitted(x[:end], y[:end],",
    ),
    _codes(
        "theory", "a two-part code sends its weights for nothing",
        "WEIGHT_BITS * nets.parameters + label_bits", "WEIGHT_BITS + label_bits",
    ),
    _codes(
        "stop", "a net is stopped by the labels it was trained on",
        "waiting, seen = order[:held], order[held:]", "waiting, seen = order[held:], order[held:]",
    ),
    _variational(
        "theory", "the divergence lacks the posterior's entropy",
        "- float(layer.log_deviation.sum())", "",
    ),
    _variational(
        "theory", "deviations of the prior cost nothing",
        "weight_nats / math.log(2) + WEIGHT_BITS * len(layers)", "weight_nats / math.log(2)",
    ),
    _descents(
        "solvers", "Adam does not correct its first means",
        "w = w - rate * mean / (1 - MEAN_DECAY**step) / corrected", "w = w - rate * mean / corrected",
    ),
    _descents(
        "theory", "the risk over time is that after one step more",
        "(1.0 - kept**time)", "(1.0 - kept ** (time + 1))",
    ),
    _linear(
        "momentum", "the exact descent's velocity takes the rate in",
        "velocity = [momentum * v + error * x for", "velocity = [momentum * v + lr * error * x for",
    ),
    _full(
        "theory", "the penalty on the gradient lacks its two",
        "gradient + 2 * self.penalty * train.hessian_times", "gradient + self.penalty * train.hessian_times",
    ),
    _full(
        "theory", "the curvature of softmax is diagonal",
        "turn = changes[-1] - np.add.reduce(p * changes[-1], axis=1, keepdims=True)",
        "turn = changes[-1].copy()",
    ),
    _trees(
        "solvers", "boosting fits every tree to the labels",
        "fit(train, targets - fitted, check", "fit(train, targets, check",
    ),
    _trees(
        "seeds", "all trees of a forest have one seed",
        "return (_tree(leaves, seed).fit(train, targets, check_input=False) for seed in seeds)",
        "return (_tree(leaves, seeds[0]).fit(train, targets, check_input=False) for _ in seeds)",
    ),
    _nets(
        "loss", "nets in numpy sum their gradients over a batch",
        "            slopes /= y.shape[-1]\n", "",
    ),
    _nets(
        "loss", "softmax in numpy runs over the batch",
        "sums = np.add.reduce(np.exp(logs), axis=-1, keepdims=True)",
        "sums = np.add.reduce(np.exp(logs), axis=-2, keepdims=True)",
    ),
    _paths(
        "batch norm", "statistics along a curve are those of its ends",
        "if self.recompute and norms:", "if not self.recompute and norms:",
    ),
    _paths(
        "batch norm", "statistics along a curve are moving ones",
        "                norm.momentum = None  # a mean over all batches, not a moving one\n", "",
    ),
    _squared(
        "loss", "the probe's squared loss is summed over classes",
        "return total / (len(labels) * outputs.shape[1])", "return total / len(labels)",
    ),
    _held_out(
        "loss", "the held-out loss is the mean of batches' means",
        'reduction="sum"))\n        return {"test_loss": total / len(y)}',
        'reduction="mean"))\n        return {"test_loss": total / -(-len(y) // EVALUATION_BATCH)}',
    ),
    _memory(
        "theory", "a Gini coefficient of values in any order",
        "ordered = np.sort(np.asarray(values, np.float64))", "ordered = np.asarray(values, np.float64)",
    ),
    _memory(
        "order", "all nets see the examples in one order",
        "orders = np.array([generator.permutation(len(y)) for _ in range(self.nets)])",
        "orders = np.tile(generator.permutation(len(y)), (self.nets, 1))",
    ),
    _tail(
        "theory", "a memorization score is the accuracy of those who trained alone",
        "return _share_right(right, kept) - _share_right(right, ~kept)", "return _share_right(right, kept)",
    ),
    _tail(
        "order", "what is left out at random are the first examples",
        "generator.permutation(n)[count:] for", "np.arange(n)[count:] for",
    ),
    _one(
        "theory", "the constant function is what is asked for",
        "one = x.expand_as(asked)", "one = asked",
    ),
    _one(
        "seeds", "all layers but the last start a factor of two too small",
        "gain = 1 if layer == self.depth else 2", "gain = 1",
    ),
    _least_error(
        "theory", "every label but the first of an image is contradicted",
        "agreed = sum(max(count.values()) for count in votes.values())", "agreed = len(votes)",
    ),
    _random_nets(
        "pairing", "a network scaled back keeps the size that random labels gave it",
        "weights = [a.weight, b.weight, b.weight * scale, mixed, mixed * scale]",
        "weights = [a.weight, b.weight, b.weight, mixed, mixed * scale]",
    ),
    _random_nets(
        "data", "a teacher is shown true labels",
        "fresh = x[: self.shown], split.y_train[: self.shown], x[self.shown :]",
        "fresh = x[: self.shown], split.y_true[: self.shown], x[self.shown :]",
    ),
    _random_nets(
        "theory", "what all directions share counts as alignment",
        "(covariance - np.trace(covariance) / size * np.eye(size))", "covariance",
    ),
    _kl_bounds(
        "theory", "a prior's variance is chosen by the data, and not paid for",
        "total = kls + grid_prices() + math.log(examples / DELTA)",
        "total = kls + math.log(examples / DELTA)",
    ),
    _kl_bounds(
        "theory", "draws of weights tell the training error exactly",
        "math.log(2 / DELTA_OF_DRAWS) / draws", "0 / draws",
    ),
    _pac_bayes(
        "theory", "the prior is around the weights that training ended at",
        "cost = least_complexity(sums_about(q, start), len(y))",
        "cost = least_complexity(sums_about(q, ended), len(y))",
    ),
)  # fmt: skip
