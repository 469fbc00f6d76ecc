"""What a person would write instead of calling the engine, cell after cell.

Every variant leaves the same numbers as ours: the running loss, and after each epoch the errors of the
weights as they are then, on training and on test images.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from harness.benchmarks.workloads import Cell, Workload
from harness.data.blocks import EVALUATION_BATCH
from harness.models import Mlp

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier
    from torch import Tensor, nn
    from torch.utils.data import TensorDataset

    from harness.data import Split

CONVOLVED_AT_ONCE = 128  # on a CPU: the tuned loop is not to lose where it could do as we do


class Setting(NamedTuple):
    """How the tuned loop runs."""

    threads: int
    channels_last: bool = False

    def __str__(self) -> str:
        return f"{self.threads} thread{'s' * (self.threads > 1)}{', channels_last' * self.channels_last}"


def chosen(workload: Workload, precision: str, round_: int, cells: int) -> Iterator[tuple[Cell, Split]]:
    """The first ``cells`` cells of a round (0: as many as the workload says), with their data."""
    for cell in workload.cells(precision, round_)[: cells or workload.baseline_count]:
        yield cell, cell.experiment.data.split(None, cell.replicate)


def fresh(cell: Cell, split: Split, device: str) -> nn.Module:
    """The cell's textbook network with new weights."""
    from harness.benchmarks.textbook_nets import textbook

    return textbook(cell.experiment.model, split.x_train.shape[1:], split.classes).to(device)


def plain(workload: Workload, precision: str, device: str, round_: int, cells: int = 0) -> str:
    """The loop of the tutorials and of the reproductions, at torch's default threads, in float32.

    ``precision`` "tf32" lets a GPU multiply in TF32.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    for cell, split in chosen(workload, "float32", round_, cells):
        plain_cell(cell, split, device)
    return f"{torch.get_num_threads()} threads" if device == "cpu" else ""


def plain_cell(cell: Cell, split: Split, device: str) -> list[tuple[float, float, float]]:
    """(running loss, training error, test error) per epoch."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    sgd = cell.experiment.optimizer
    model = fresh(cell, split, device)
    train_set = TensorDataset(torch.from_numpy(split.x_train), torch.from_numpy(split.y_train))
    test_set = TensorDataset(torch.from_numpy(split.x_test), torch.from_numpy(split.y_test))
    loader = DataLoader(train_set, batch_size=sgd.batch, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=sgd.lr_at(0, 1), momentum=sgd.momentum)
    criterion = nn.CrossEntropyLoss()
    history = []
    for _ in range(sgd.epochs):
        model.train()
        running_loss = correct = 0.0
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            logits = model(x)
            loss = criterion(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(y)
            correct += (logits.argmax(1) == y).sum().item()
        train_error, test_error = (
            _plain_error(model, part, sgd.batch, device) for part in (train_set, test_set)
        )
        history.append((running_loss / len(train_set), train_error, test_error))
    return history


def _plain_error(model: nn.Module, part: TensorDataset, batch: int, device: str) -> float:
    import torch
    from torch.utils.data import DataLoader

    model.eval()
    wrong = 0.0
    with torch.no_grad():
        for x, y in DataLoader(part, batch_size=batch):
            wrong += (model(x.to(device)).argmax(1) != y.to(device)).sum().item()
    return wrong / len(part)


def tuned(workload: Workload, precision: str, device: str, round_: int, cells: int = 0) -> str:
    """The same loop by someone who has read the performance guide, at the row's precision.

    Resident tensors, index_select, fused SGD, no ``.item()`` per step, and the fastest of the numbers of
    threads and memory layouts, each tried twice on one cell before the first round.
    """
    setting = _fastest(workload, precision, device)
    for cell, split in chosen(workload, precision, round_, cells):
        tuned_cell(cell, split, device, setting, fresh(cell, split, device))
    return str(setting)


_settings: dict[tuple[Workload, str, str], Setting] = {}


def _fastest(workload: Workload, precision: str, device: str) -> Setting:
    key = (workload, precision, device)
    if key not in _settings:
        layouts = (False, True) if _convolutional(workload) else (False,)
        options = [Setting(*option) for option in itertools.product(_thread_counts(device), layouts)]
        cell, split = next(chosen(workload, precision, 0, 1))
        times: dict[Setting, float] = {}
        for setting in [*options, *reversed(options)]:
            began = time.perf_counter()
            tuned_cell(cell, split, device, setting, fresh(cell, split, device))
            times[setting] = min(times.get(setting, float("inf")), time.perf_counter() - began)
        _settings[key] = min(options, key=lambda setting: times[setting])
    return _settings[key]


@functools.cache
def _thread_counts(device: str) -> tuple[int, ...]:
    """1, 2, 4, ... and torch's default."""
    import torch

    default = int(torch.get_num_threads()) if device == "cpu" else 1
    return (*itertools.takewhile(lambda count: count < default, (2**k for k in itertools.count())), default)


def _convolutional(workload: Workload) -> bool:
    return type(workload.model).__name__ != "Mlp"


def tuned_cell(
    cell: Cell,
    split: Split,
    device: str,
    setting: Setting,
    model: nn.Module,
    evaluated: nn.Module | None = None,
) -> list[tuple[float, float, float]]:
    """(running loss, training error, test error) per epoch; ``evaluated`` measures instead of ``model``."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    if device == "cpu":
        torch.set_num_threads(setting.threads)
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    sgd, reduced = cell.experiment.optimizer, cell.experiment.precision == "bfloat16"
    model = model.to(memory_format=layout)
    x_train, x_test = (
        torch.from_numpy(x).to(device).contiguous(memory_format=layout) for x in (split.x_train, split.x_test)
    )
    y_train, y_test = (torch.from_numpy(y).to(device) for y in (split.y_train, split.y_test))
    optimizer = torch.optim.SGD(model.parameters(), lr=sgd.lr_at(0, 1), momentum=sgd.momentum, fused=True)
    autocast = torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=reduced)
    convolves = any(isinstance(m, nn.Conv2d) for m in model.modules())
    at_once = CONVOLVED_AT_ONCE if convolves and device == "cpu" else EVALUATION_BATCH
    history = []
    for _ in range(sgd.epochs):
        model.train()
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(y_train), device=device).split(sgd.batch):
            x, y = x_train.index_select(0, rows), y_train.index_select(0, rows)
            with autocast:
                logits = model(x)
            loss = F.cross_entropy(logits.float(), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(y)
        with autocast:
            measuring = evaluated or model
            train_error = _tuned_error(measuring, x_train, y_train, at_once)
            test_error = _tuned_error(measuring, x_test, y_test, at_once)
        history.append((total.item() / len(y_train), train_error, test_error))
    return history


def _tuned_error(model: nn.Module, x: Tensor, y: Tensor, at_once: int) -> float:
    import torch

    model.eval()
    with torch.inference_mode():
        guessed = torch.cat([model(part).argmax(1) for part in x.split(at_once)])
        return (guessed != y).float().mean().item()


def scikit_learn(workload: Workload, precision: str, device: str, round_: int, cells: int = 0) -> str:
    """``MLPClassifier`` on float32 arrays, an epoch at a time, scored as the loops are."""
    import numpy as np

    for cell, split in chosen(workload, "float32", round_, cells):
        net = sklearn_net(cell)
        x_train, x_test = (x.reshape(len(x), -1) for x in (split.x_train, split.x_test))
        for _ in range(cell.experiment.optimizer.epochs):
            net.partial_fit(x_train, split.y_train, classes=np.arange(split.classes))
            net.score(x_train, split.y_train)
            net.score(x_test, split.y_test)
        _require_equal_size(net, cell)
    return "float32"


def sklearn_net(cell: Cell) -> MLPClassifier:
    """scikit-learn's version of a cell's network and optimizer."""
    from sklearn.neural_network import MLPClassifier

    sgd, model = cell.experiment.optimizer, cell.experiment.model
    assert isinstance(model, Mlp)
    return MLPClassifier(
        (model.width,) * model.depth,
        solver="sgd",
        alpha=0.0,
        batch_size=sgd.batch,
        learning_rate_init=sgd.lr_at(0, 1),
        momentum=sgd.momentum,
        nesterovs_momentum=False,
    )


def _require_equal_size(net: MLPClassifier, cell: Cell) -> None:
    counted = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    ours = cell.experiment.model.size(cell.experiment.data.shape, cell.experiment.data.classes)
    if counted != ours:
        raise ValueError(f"scikit-learn's network has {counted:,} parameters, ours {ours:,}")
