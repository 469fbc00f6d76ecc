"""Mistakes in training: order, noise, loss, step, rate, stop, and what members of a fleet share."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_streams = into("spec/streams.py", "spec/test_values.py", "fleet/test_trainer.py")
_replica = into(
    "fleet/replica.py",
    "fleet/test_trainer.py",
    "fleet/test_trainer_watched.py",
    "fleet/test_trainer_streams.py",
    "fleet/test_table.py",
)
_orders = into("fleet/orders.py", "fleet/test_replica.py", "fleet/test_trainer.py")
_trainer = into(
    "fleet/trainer.py", "fleet/test_trainer.py", "fleet/test_trainer_watched.py", "fleet/test_stacked.py"
)
_sgd = into(
    "fleet/optimizers.py",
    "fleet/test_optimizers.py",
    "fleet/test_trainer.py",
    claims=("test_random_labels.py",),
)
_falling = into("fleet/schedules.py", "fleet/test_schedules.py")
_backprop = into("fleet/backprop.py", "fleet/test_table.py", "fleet/test_trainer.py")
_stacked = into("fleet/stacked.py", "fleet/test_stacked.py", "fleet/test_table.py")
_streamed = into("fleet/streamed.py", "fleet/test_streamed_draws.py", "fleet/test_streamed.py")

STEP = """        torch._fused_sgd_(
            list(weights),
            list(gradients),
            list(velocities),
            """
DECAYED = "        torch._foreach_mul_(list(weights), 1 - lr * self.weight_decay)\n"
_losses = into("fleet/replica.py", "fleet/test_trainer_losses.py")
_adaptive = into("fleet/adaptive.py", "fleet/test_adaptive.py")

MUTANTS = (
    _streams(
        "seeds", "purposes share one stream",
        "key = (len(more), replicate, PURPOSES.index(purpose), *more)", "key = (len(more), replicate, *more)",
    ),
    _streams(
        "seeds", "replicates share one stream",
        "key = (len(more), replicate, PURPOSES.index(purpose), *more)",
        "key = (len(more), PURPOSES.index(purpose), *more)",
    ),
    _streams(
        "seeds", "replicate and purpose are added up",
        "replicate, PURPOSES.index(purpose), *more)", "replicate + PURPOSES.index(purpose), *more)",
    ),
    _streams(
        "seeds", "epochs share one stream",
        "PURPOSES.index(purpose), *more)", "PURPOSES.index(purpose), *more[1:])",
    ),
    _replica(
        "seeds", "the same dropout masks in every epoch",
        'stream(replicate, "noise", epoch, number)', 'stream(replicate, "noise", 0, number)',
    ),
    _replica(
        "seeds", "the same dropout masks in every layer",
        'stream(replicate, "noise", epoch, number)', 'stream(replicate, "noise", epoch)',
    ),
    _replica(
        "seeds", "the same dropout masks for all replicates",
        'stream(replicate, "noise", epoch, number)', 'stream(0, "noise", epoch, number)',
    ),
    _replica(
        "seeds", "all replicates start from the same weights",
        'replicate, "initialization")', '0, "initialization")',
    ),
    _replica(
        "order", "all replicates see their images in the same order",
        "self.orders = Orders(experiment.draws, replicate)", "self.orders = Orders(experiment.draws, 0)",
    ),
    _replica(
        "order", "the same order in every epoch",
        "order = self.orders.of(epoch, len(self.y_train))",
        "order = self.orders.of(0, len(self.y_train))",
    ),
    _replica(
        "order", "examples are drawn with replacement",
        "order = self.orders.of(epoch, len(self.y_train))",
        'drawn = stream_of(self.experiment.draws, self.replicate, "order", epoch)\n'
        "        order = drawn.integers(len(self.y_train), size=len(self.y_train))",
    ),
    _replica(
        "order", "the last incomplete batch is dropped",
        "return list(zip(starts, [*starts[1:], n], strict=True))",
        "return list(zip(starts, [*starts[1:], n], strict=True))[: max(1, n // size)]",
    ),
    _orders(
        "learning rate", "the rate falls anew in every epoch",
        "optimizer.lr_at(epoch * steps, steps)", "optimizer.lr_at(0, steps)",
    ),
    _orders(
        "learning rate", "the rate is that of the next step",
        "optimizer.lr_at(epoch * steps + i, steps)", "optimizer.lr_at(epoch * steps + i + 1, steps)",
    ),
    _replica(
        "labels", "labels are not redrawn while training",
        "self.y_train = self._on_device(self.split.redraw(epoch))",
        "self._on_device(self.split.redraw(epoch))",
    ),
    _replica(
        "augmentation", "the first epoch's images are trained on in all",
        "self._augment(self.split.augment, epoch)", "self._augment(self.split.augment, 0)",
    ),
    _replica(
        "loss", "the running loss is that of the last batch",
        "total += loss.detach() * (end - begin)", "total = loss.detach() * len(order)",
    ),
    _replica(
        "loss", "batches count alike, whatever their size",
        "total += loss.detach() * (end - begin)\n        return float(total.item() / len(order))",
        "total += loss.detach()\n        return float(total.item() / len(self.batches))",
    ),
    _replica(
        "loss", "the squared loss is summed over classes",
        "return F.mse_loss(logits, F.one_hot(y, logits.shape[-1]).to(logits.dtype))",
        "return F.mse_loss(logits, F.one_hot(y, logits.shape[-1]).to(logits.dtype)) * logits.shape[-1]",
    ),
    _replica(
        "loss", "cross-entropy is summed over a batch",
        "return F.cross_entropy(logits, y)", 'return F.cross_entropy(logits, y, reduction="sum")',
    ),
    _replica(
        "loss", "cross-entropy of probabilities in place of logits",
        "return F.cross_entropy(logits, y)", "return F.cross_entropy(logits.softmax(-1), y)",
    ),
    _replica(
        "batch norm", "errors are measured in training mode",
        "self.model.eval()", "self.model.train()",
    ),
    _replica(
        "batch norm", "from the second epoch nets train in evaluation mode",
        "        self.model.train()\n        indices", "        indices",
    ),
    _replica(
        "stop", "the training error is that of a subset",
        "wrong = self._wrong(self.x_train, self.y_train) if",
        "wrong = self._wrong(self.x_train[::2], self.y_train[::2]).repeat(2)[: len(self.y_train)] if",
    ),
    _replica(
        "loss", "the error on corrupted labels is that on true ones",
        "_count(wrong & split.corrupted)", "_count(wrong & ~split.corrupted)",
    ),
    _replica(
        "data", "the test error is that on the training images",
        "row = measures(loss, wrong, wrong_test, self.split)",
        "row = measures(loss, wrong, wrong, self.split)",
    ),
    _replica(
        "kernels", "bfloat16 trains in float32",
        'reduced = self.experiment.precision == "bfloat16"\n        return torch.autocast(self.device',
        'reduced = self.experiment.precision == "reduced"\n        return torch.autocast(self.device',
    ),
    _trainer(
        "stop", "one epoch more than the budget",
        "history.epoch < last", "history.epoch <= last",
    ),
    _trainer(
        "stop", "a stopping rule is not given the errors that nobody else reads",
        "return member.watched | of_rule", "return member.watched",
    ),
    _trainer(
        "data", "what is not watched ends as it was measured first",
        "        self.row = measured\n", "        self.row = self.row or measured\n",
    ),
    _trainer(
        "stop", "a fitted net is trained on",
        'self.outcome = "fitted"', "pass",
    ),
    _trainer(
        "stop", "a net that diverged goes on",
        'if not math.isfinite(measured["train_loss"]):', "if False:",
    ),
    _trainer(
        "stop", "a checkpoint goes on one epoch later",
        'self.epoch: int = state["epoch"]', 'self.epoch: int = state["epoch"] + bool(state["epoch"])',
    ),
    _trainer(
        "fleets", "all members of a fleet have the first one's replicate",
        "Stack([(m.experiment, m.replicate, m.split) for m in members], device)\n    stack.reaches",
        "Stack([(m.experiment, members[0].replicate, m.split) for m in members], device)\n    stack.reaches",
    ),
    _trainer(
        "fleets", "all members of a fleet are in the first one's epoch",
        "stack.epoch([histories[i].epoch for i in numbers])",
        "stack.epoch([histories[numbers[0]].epoch for i in numbers])",
    ),
    _trainer(
        "fleets", "who stays in a fleet gets another's weights",
        "history.trained(stack.weights(place)", "history.trained(stack.weights(i)",
    ),
    _trainer(
        "fleets", "nets with dropout are stacked, with one mask for all",
        "if noisy(module) or not (optimizer", "if not (optimizer",
    ),
    _trainer(
        "batch norm", "a restored net is probed in training mode",
        "return model.to(device).eval()", "return model.to(device)",
    ),
    _sgd(
        "momentum", "momentum is Nesterov's",
        "nesterov=False", "nesterov=self.momentum > 0",
    ),
    _sgd(
        "momentum", "gradients are dampened by the momentum",
        "dampening=0.0", "dampening=self.momentum",
    ),
    _sgd(
        "momentum", "the velocity is forgotten at every step",
        "is_first_step=False", "is_first_step=True",
    ),
    _sgd(
        "weight decay", "weight decay is decoupled from the gradient",
        STEP + "weight_decay=self.weight_decay,", DECAYED + STEP + "weight_decay=0.0,",
    ),
    _sgd(
        "weight decay", "weights decay by the gradient and beside it",
        STEP, DECAYED + STEP,
    ),
    _sgd(
        "weight decay", "weight decay is halved, as if the penalty were squared",
        "weight_decay=self.weight_decay,\n            momentum",
        "weight_decay=self.weight_decay / 2,\n            momentum",
    ),
    _sgd(
        "weight decay", "weight decay is divided by the examples of a batch",
        "weight_decay=self.weight_decay,\n            momentum",
        "weight_decay=self.weight_decay / self.batch,\n            momentum",
    ),
    _sgd(
        "learning rate", "the rate falls without steps",
        "self.decay ** (step // (self.decay_steps or steps_per_epoch))",
        "self.decay ** (step / (self.decay_steps or steps_per_epoch))",
    ),
    _sgd(
        "learning rate", "the rate falls one epoch too early",
        "self.decay ** (step // (self.decay_steps or steps_per_epoch))",
        "self.decay ** (1 + step // (self.decay_steps or steps_per_epoch))",
    ),
    _sgd(
        "learning rate", "a decay in steps is taken for one in epochs",
        "(self.decay_steps or steps_per_epoch))", "((self.decay_steps or 1) * steps_per_epoch))",
    ),
    _sgd(
        "stop", "one fitted epoch of the last few is enough",
        "len(tail) == self.patience and all(error", "len(tail) == self.patience and any(error",
    ),
    _sgd(
        "stop", "a run stops before its patience is over",
        "return len(tail) == self.patience and all(", "return all(",
    ),
    _sgd(
        "stop", "a run stops by its test error",
        'tail = curves["train_error"]', 'tail = curves["test_error"]',
    ),
    _falling(
        "learning rate", "the rate falls with the step and not with its root",
        "(1 + step // self.period) ** 0.5", "(1 + step // self.period)",
    ),
    _falling(
        "learning rate", "the rate falls within a period, too",
        "(1 + step // self.period) ** 0.5", "(1 + step / self.period) ** 0.5",
    ),
    _backprop(
        "loss", "the gradient of cross-entropy is summed over the batch",
        "return loss, error.div_(n)", "return loss, error",
    ),
    _backprop(
        "loss", "the gradient of the squared loss lacks its factor of two",
        "error.mul_(2 / (n * classes))", "error.mul_(1 / (n * classes))",
    ),
    _backprop(
        "loss", "softmax runs over the batch",
        "logged = torch.log_softmax(logits, 1)", "logged = torch.log_softmax(logits, 0)",
    ),
    _backprop(
        "weight decay", "biases do not decay",
        "            if decay:\n                v_bias.add_(bias, alpha=decay)\n", "",
    ),
    _backprop(
        "weight decay", "weights decay twice",
        "        if decay:\n            v.add_(weight, alpha=decay)",
        "        if decay:\n            weight.mul_(1 - lr * decay)\n            v.add_(weight, alpha=decay)",
    ),
    _backprop(
        "momentum", "biases have no momentum",
        "v_bias.mul_(momentum).add_(error.sum(0))", "v_bias.zero_().add_(error.sum(0))",
    ),
    _backprop(
        "kernels", "the gradient passes through a layer already updated",
        "            below = error\n            if i:\n"
        "                below = torch.ops.aten.threshold_backward(error @ operands[i][0], inputs[i], 0)\n"
        "            self._update(i, inputs[i], error, lr)\n",
        "            self._update(i, inputs[i], error, lr)\n            below = error\n            if i:\n"
        "                below = torch.ops.aten.threshold_backward(error @ operands[i][0], inputs[i], 0)\n",
    ),
    _backprop(
        "kernels", "the gradient passes through closed ReLUs",
        "below = torch.ops.aten.threshold_backward(error @ operands[i][0], inputs[i], 0)",
        "below = error @ operands[i][0]",
    ),
    _stacked(
        "fleets", "all members are trained at the first one's rate",
        "rates.append([experiment.optimizer.lr_at(", "rates.append([self.optimizer.lr_at(",
    ),
    _stacked(
        "fleets", "all members see their images in the first one's order",
        'order = stream_of(experiment.draws, replicate, "order", epoch)',
        'order = stream_of(experiment.draws, self.members[0][1], "order", epoch)',
    ),
    _stacked(
        "fleets", "all members are trained on the first one's labels",
        "self._stacked([s.y_train for _, _, s in self.members])",
        "self._stacked([self.members[0][2].y_train for _ in self.members])",
    ),
    _stacked(
        "fleets", "the loss of a fleet is the mean over its members",
        "torch.autograd.grad(losses.sum(), list(", "torch.autograd.grad(losses.mean(), list(",
    ),
    _stacked(
        "fleets", "who stays in a fleet keeps the places of velocities",
        "self.velocities = {n: v.index_select(0, chosen) for n, v in self.velocities.items()}",
        "self.velocities = {n: v[: len(places)] for n, v in self.velocities.items()}",
    ),
    _stacked(
        "fleets", "all members are trained on the first one's images",
        "first.append(rows[id(array)])", "first.append(0)",
    ),
    _stacked(
        "learning rate", "a fleet is trained at an epoch's first rate",
        "self.rates.index_select(0, self.step)[0]", "self.rates[0]",
    ),
    _streamed(
        "fleets", "parts of a batch count alike, whatever their size",
        "(loss * (len(rows) * self.world / (end - begin))).backward()", "loss.backward()",
    ),
    _streamed(
        "order", "streamed images come in the same order in every epoch",
        '"order", epoch)', '"order")',
    ),
    _streamed(
        "seeds", "streamed images are augmented alike in every epoch",
        "draws = (images_of, epoch) if", "draws = (images_of, 0) if",
    ),
    _streamed(
        "seeds", "streamed nets have the same dropout masks in every epoch",
        '"noise", epoch, number, self.rank)', '"noise", number, self.rank)',
    ),
    _streamed(
        "labels", "labels of streamed images are not redrawn while training",
        "self.labels = self._on_device(self.split.redraw(epoch))",
        "self._on_device(self.split.redraw(epoch))",
    ),
    _losses(
        "loss", "the loss on the test images is measured in training mode",
        "        module.eval()\n        total", "        total",
    ),
    _adaptive(
        "momentum", "Adam does not correct the size that its steps are divided by",
        "torch._foreach_div_(scales, math.sqrt(second))", "",
    ),
    _adaptive(
        "momentum", "a stack of Adam's runs takes the first one's number of steps for all",
        "torch.pow(decay, taken.double())", "torch.pow(decay, taken.double()[:1])",
    ),
    _adaptive(
        "weight decay", "AdamW's decay goes through the moments",
        "decoupled: ClassVar[bool] = True", "decoupled: ClassVar[bool] = False",
    ),
    _adaptive(
        "weight decay", "AdamW's decay does not fall with the rate",
        "torch._foreach_mul_(weights, 1 - lr * self.weight_decay)",
        "torch._foreach_mul_(weights, 1 - self.lr * self.weight_decay)",
    ),
    _adaptive(
        "fleets", "Adams of several decays of moments share a fleet",
        "return self.mean_decay, self.square_decay, self.epsilon", "return ()",
    ),
    _adaptive(
        "solvers", "the solver's Adam corrects roots",
        "if corrected_within:", "if not corrected_within:",
    ),
)  # fmt: skip
