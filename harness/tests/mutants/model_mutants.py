"""Mistakes in models: initial scales, batch normalization, dropout, masks, and counts of parameters."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_nets = into("models/_nets.py", "models/test_models.py", "models/test_models_normalization.py")
_counts = into("models/counts.py", "models/test_models.py")
_mlp = into("models/mlp.py", "models/test_models.py", "models/test_models_normalization.py")
_alexnet = into("models/alexnet.py", "models/test_models.py")
_inception = into("models/inception.py", "models/test_models.py")
_inception_net = into(
    "models/_inception_nets.py", "models/test_models.py", "models/test_models_normalization.py"
)
_dropout = into("models/_dropout_nets.py", "data/test_augmentation.py")
_masked = into("models/_masked_nets.py", "models/test_tickets.py")
_tickets = into("models/tickets.py", "models/test_tickets.py")
_widening = into("models/widening.py", "models/test_widening.py")
_subspace = into("models/_subspace_nets.py", "models/test_subspace.py")
_redrawn = into("models/redrawn.py", "models/test_models.py", "analytic/test_paths.py")
_curve = into("models/_curve_nets.py", "analytic/test_paths.py")
_vgg = into("models/_vgg_nets.py", "models/test_vgg.py", "models/test_models.py")
_resnet = into("models/_resnet18_nets.py", "models/test_resnet18.py", "models/test_models.py")

MUTANTS = (
    _nets(
        "initialization", "weights are uniform from zero up",
        "(2 * draws - 1) * np.float32(bound)", "draws * np.float32(bound)",
    ),
    _nets(
        "initialization", "dense layers are scaled by their outputs",
        "layer = skip_init(nn.Linear, inputs, outputs, bias=bias)\n    for parameter in layer.parameters():\n"
        "        uniform_(parameter, 1 / math.sqrt(inputs), generator)",
        "layer = skip_init(nn.Linear, inputs, outputs, bias=bias)\n    for parameter in layer.parameters():\n"
        "        uniform_(parameter, 1 / math.sqrt(outputs), generator)",
    ),
    _nets(
        "initialization", "dense layers have the variance in place of the deviation",
        "uniform_(parameter, 1 / math.sqrt(inputs), generator)", "uniform_(parameter, 1 / inputs, generator)",
    ),
    _nets(
        "initialization", "convolutions are scaled by their inputs",
        "math.sqrt(2 / (kernel * kernel * outputs))", "math.sqrt(2 / (kernel * kernel * inputs))",
    ),
    _nets(
        "initialization", "convolutions lack the factor of two for ReLU",
        "math.sqrt(2 / (kernel * kernel * outputs))", "math.sqrt(1 / (kernel * kernel * outputs))",
    ),
    _nets(
        "initialization", "convolutions without padding are scaled by channels alone",
        "uniform_(parameter, 1 / math.sqrt(inputs * kernel * kernel), generator)",
        "uniform_(parameter, 1 / math.sqrt(inputs), generator)",
    ),
    _nets(
        "initialization", "weights are drawn by torch's own generator",
        "draws = generator.standard_normal(tuple(tensor.shape), dtype=np.float32)",
        "draws = torch.randn(tuple(tensor.shape)).numpy()",
    ),
    _nets(
        "batch norm", "batch norm has gains and offsets, which no count has",
        "return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=False)",
        "return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)",
    ),
    _nets(
        "batch norm", "running statistics of vectors forget most of the past",
        "return nn.BatchNorm1d(features, eps=BATCH_NORM_EPSILON, affine=False)",
        "return nn.BatchNorm1d(features, eps=BATCH_NORM_EPSILON, affine=False, momentum=0.9)",
    ),
    _nets(
        "batch norm", "batch norm keeps no running statistics",
        "return nn.BatchNorm1d(features, eps=BATCH_NORM_EPSILON, affine=False)",
        "return nn.BatchNorm1d(features, eps=BATCH_NORM_EPSILON, affine=False, track_running_stats=False)",
    ),
    _nets(
        "batch norm", "running statistics of maps are those of the last batch",
        "return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=False)",
        "return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, affine=False, momentum=1.0)",
    ),
    _nets(
        "batch norm", "what is added to a variance is that of another library",
        "BATCH_NORM_EPSILON = 1e-3", "BATCH_NORM_EPSILON = 1e-1",
    ),
    _nets(
        "normalization", "response norm is over twice its channels",
        "<= size // 2", "<= size",
    ),
    _nets(
        "normalization", "response norm does not divide by its channels",
        "np.float32(alpha / size)", "np.float32(alpha)",
    ),
    _counts(
        "sizes", "biases of dense layers are not counted",
        "LayerCount((inputs + bias) * outputs, inputs * outputs)",
        "LayerCount(inputs * outputs, inputs * outputs)",
    ),
    _counts(
        "sizes", "a dense layer has a bias for each input",
        "LayerCount((inputs + bias) * outputs, inputs * outputs)",
        "LayerCount(inputs * (outputs + bias), inputs * outputs)",
    ),
    _counts(
        "sizes", "the kernel of a convolution counts once, not squared",
        "weights = kernel * kernel * inputs * outputs\n    return LayerCount(weights + outputs",
        "weights = kernel * inputs * outputs\n    return LayerCount(weights + outputs",
    ),
    _counts(
        "sizes", "the cost of a convolution leaves its pixels out",
        "LayerCount(weights + outputs, weights * pixels)", "LayerCount(weights + outputs, weights)",
    ),
    _counts(
        "sizes", "a pooled side is rounded up",
        "(side + 2 * self.padding - self.kernel) // self.stride + 1",
        "-(-(side + 2 * self.padding - self.kernel) // self.stride) + 1",
    ),
    _mlp(
        "sizes", "an MLP has one hidden layer too many",
        "*[self.width] * self.depth, classes)", "*[self.width] * (self.depth + 1), classes)",
    ),
    _mlp(
        "batch norm", "batch norm comes after ReLU",
        "            if self.batch_norm:\n                net.append(_nets.flat_batch_norm(outputs))\n"
        "            net.append(nn.ReLU())\n",
        "            net.append(nn.ReLU())\n"
        "            if self.batch_norm:\n                net.append(_nets.flat_batch_norm(outputs))\n",
    ),
    _alexnet(
        "sizes", "pooling of the small AlexNet is not padded",
        "Pooling(kernel=3, stride=2, padding=1)", "Pooling(kernel=3, stride=2, padding=0)",
    ),
    _inception(
        "sizes", "channels beside a pool are forgotten in the count",
        "channels += stage[0]\n        return", "channels = stage[0]\n        return",
    ),
    _inception_net(
        "initialization", "convolutions of Inception have their whole deviation",
        "SCALE = 0.5", "SCALE = 1.0",
    ),
    _inception_net(
        "batch norm", "Inception without batch norm has it",
        "*([_nets.batch_norm(outputs)] if norm else [])", "_nets.batch_norm(outputs)",
    ),
    _dropout(
        "augmentation", "what dropout keeps is not scaled up",
        ".to(x.dtype) / (1 - self.rate)", ".to(x.dtype)",
    ),
    _dropout(
        "augmentation", "dropout drops while nets are evaluated",
        "if not self.training or not self.rate:", "if not self.rate:",
    ),
    _dropout(
        "augmentation", "dropout keeps the share that it should drop",
        "(draws >= self.rate)", "(draws < self.rate)",
    ),
    _dropout(
        "seeds", "dropout masks are one for all examples of a batch",
        "torch.rand(x.shape, generator", "torch.rand(x.shape[1:], generator",
    ),
    _masked(
        "fleets", "masked weights come back with the first step",
        "return F.linear(x, self.weight * self.mask, self.bias)",
        "return F.linear(x, self.weight, self.bias)",
    ),
    _tickets(
        "theory", "the smallest weights are kept",
        "mask[np.argsort(-scores.ravel()", "mask[np.argsort(scores.ravel()",
    ),
    _tickets(
        "theory", "a ticket keeps its trained weights",
        "return under(masks, initial)\n\n\nclass RandomTicket",
        "return under(masks, trained)\n\n\nclass RandomTicket",
    ),
    _tickets(
        "theory", "pruning forgets the masks of earlier rounds",
        "there = mask_of(trained, name)", "there = np.ones(trained[name].shape, bool)",
    ),
    _tickets(
        "theory", "the output layer is pruned like the others",
        "return [*inner, self.last]", "return [*inner, self.rate]",
    ),
    _widening(
        "initialization", "new weights of a wider net are zero",
        "* np.float32(self.deviation)", "* np.float32(0.0)",
    ),
    _widening(
        "initialization", "a wider net forgets the smaller one's weights",
        "        wide[tuple(slice(size) for size in array.shape)] = array\n", "",
    ),
    _subspace(
        "theory", "directions of a subspace have no common length",
        "torch.from_numpy(draws / np.linalg.norm(draws, axis=0))",
        "torch.from_numpy(draws / math.sqrt(dimension))",
    ),
    _subspace(
        "theory", "a subspace goes through zero, not through the initial weights",
        "name: self.net.get_buffer(name) + move.view(shape)", "name: move.view(shape)",
    ),
    _redrawn(
        "seeds", "redrawn nets of a replicate are one net",
        "bits.jumped(self.draw)", "bits.jumped(1)",
    ),
    _curve(
        "theory", "a Bezier curve has its bend twice too small",
        "return (1 - t) ** 2, 2 * t * (1 - t), t * t", "return (1 - t) ** 2, t * (1 - t), t * t",
    ),
    _curve(
        "theory", "the end of a curve is trained",
        "self.first, self.bend, self.last = held(module), module, held(module)",
        "self.first, self.bend, self.last = held(module), module, copy.deepcopy(module)",
    ),
    _vgg(
        "initialization", "convolutions of VGG are scaled without their kernel",
        "variance / (9 * inputs)", "variance / inputs",
    ),
    _resnet(
        "batch norm", "a block of ResNet adds what it has normalized",
        "kept = x if self.beside is None else self.beside(active)",
        "kept = active if self.beside is None else self.beside(active)",
    ),
)  # fmt: skip
