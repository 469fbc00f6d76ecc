"""Trains on images that stay on disk: each process its part of every batch, gradients averaged between them.

The plain path's arithmetic (``replica``), with three differences. Images are decoded by torch's DataLoader
when they are needed. Training errors are measured on the split's ``measured`` rows. A last batch shorter than
a quarter of a batch joins its neighbour, so that each device always has images. What comes out depends on
the number of devices through rounding alone, unless the model draws noise: each device draws its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.data.image_folder import ImageFiles, StreamedSplit
from harness.fleet import captured, fusing
from harness.fleet.replica import (
    AT_START,
    NOISE,
    Between,
    begun,
    built,
    loss_of,
    noise_states,
    noisy,
    restore_noise,
)
from harness.spec import Experiment
from harness.spec.contracts import Weights
from harness.spec.streams import stream_of

if TYPE_CHECKING:
    import numpy as np
    import torch

SMALLEST_PART = 4
"""The last batch of an epoch has at least this part of the others' images."""
TOP = 5
GREY = 128


class Decoded:
    """Images of one epoch as a DataLoader reads them: row -> (row, uint8 pixels).

    Args:
        files: the images.
        draws: (replicate, epoch) where they are augmented, else None.
        blank: give a grey image for each.
    """

    def __init__(self, files: ImageFiles, draws: tuple[int, int] | None, blank: bool) -> None:
        self.files, self.draws, self.blank = files, draws, blank

    def __getitem__(self, row: int) -> tuple[int, torch.Tensor]:
        import torch

        from harness.data.decoding import draw_of

        if self.blank:
            return row, torch.full(self.files.shape[1:], GREY, dtype=torch.uint8)
        return row, self.files.pixels(row, None if self.draws is None else draw_of(*self.draws, row))

    def __len__(self) -> int:
        return len(self.files)


class Rank:
    """One of ``world`` processes that train one model; alone, it trains it by itself.

    Args:
        split: the same in each process.
        device: this process's own.
        rank: its number.
        loaders: processes that decode its images; 0 decodes in this one.

    Raises:
        ValueError: too many devices for the batch, or batch normalisation over several CPU processes.
    """

    def __init__(
        self,
        experiment: Experiment,
        replicate: int,
        split: StreamedSplit,
        device: str,
        *,
        rank: int = 0,
        world: int = 1,
        loaders: int = 0,
    ) -> None:
        import torch

        self.experiment, self.replicate, self.split = experiment, replicate, split
        self.device, self.rank, self.world, self.loaders = torch.device(device), rank, world, loaders
        self.optimizer = experiment.optimizer
        self.batches = batches(len(split.y_train), self.optimizer.batch)
        smallest = min(end - begin for begin, end in self.batches)
        if smallest < world:
            raise ValueError(f"{world} devices share batches of {smallest}: use fewer devices")
        module = built(experiment, replicate, split).to(self.device)
        module = module.to(memory_format=torch.channels_last)
        self.module = _normalised_together(module, self.device) if world > 1 else module
        self.model = _distributed(self.module, self.device) if world > 1 else self.module
        self.params = list(self.module.parameters())
        self.velocities = begun(self.optimizer, self.params)
        self.reach = AT_START
        self.normalization: str | None = None
        self.between: Between | None = None
        self._noise: Weights = {}
        self.labels = self._on_device(split.y_train)
        self.test_labels = self._on_device(split.y_test)

    def load(self, arrays: Weights) -> None:
        """Weights, buffers and, from a checkpoint, velocities and states of noise."""
        import torch

        self._noise = {name: array for name, array in arrays.items() if name.startswith(NOISE)}
        kept = arrays.keys() - self._noise.keys()
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items() if name in kept}
        velocities = {n: tensors.pop(n) for n in list(tensors) if n.startswith("velocity.")}
        self.module.load_state_dict(tensors)
        for i, velocity in enumerate(self.velocities[: len(velocities)]):
            velocity.copy_(velocities[f"velocity.{i}"])

    def weights(self) -> Weights:
        """Copies of parameters and buffers by name."""
        return {n: t.detach().cpu().contiguous().numpy().copy() for n, t in self.module.state_dict().items()}

    def state(self) -> Weights:
        """What a checkpoint keeps: weights and velocities."""
        moving = (v.cpu().contiguous().numpy().copy() for v in self.velocities)
        return self.weights() | {f"velocity.{i}": v for i, v in enumerate(moving)}

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, then measure; every process returns the same row of the curves.

        As ``Replica.epoch``, with top-5 errors, and ``least_...``: what no classifier can be below.
        """
        if self.split.redraw is not None:
            self.labels = self._on_device(self.split.redraw(epoch))
        self._seed_noise(epoch)
        restore_noise(noisy(self.module), self._noise)
        self._noise = {}
        drawn = self.experiment.draws
        images_of = drawn.replicate("augmentation", self.replicate)
        draws = (images_of, epoch) if self.split.data.augmented else None
        order = stream_of(drawn, self.replicate, "order", epoch).permutation(len(self.labels))
        loss = self._descend(order, epoch, draws)
        rows = self.split.measured
        wrong = self._wrong(self.split.x_train, self.labels, rows, draws)
        test_rows = _counted(len(self.test_labels))
        wrong_test = self._wrong(self.split.x_test, self.test_labels, test_rows, None)
        measures = {"train_loss": loss}
        if self.experiment.losses:
            measures["test_loss"] = self._test_loss(test_rows)
        for part, each in (("train", wrong), ("test", wrong_test)):
            measures |= {f"{part}_error": float(each[0].mean()), f"{part}_top5_error": float(each[1].mean())}
        return measures | self._of_corrupted(wrong[0]) | self._least(rows)

    def _descend(self, order: np.ndarray, epoch: int, draws: tuple[int, int] | None) -> float:
        """One pass over the data in this order; the mean loss on the way."""
        import torch

        self.model.train()
        steps = len(self.batches)
        first, before = self.reach
        self.reach = AT_START
        left = self.batches[first:]
        mine = [order[begin:end][self.rank :: self.world] for begin, end in left]
        total = torch.zeros((), device=self.device, dtype=torch.float64) + before
        loaded = self._loaded(self.split.x_train, mine, draws)
        for step, ((begin, end), (rows, x)) in enumerate(zip(left, loaded, strict=True), start=first):
            if self.between is not None and step > first:
                self.between(step, total.item, self._within)
            if self.normalization is None:
                self._settle(rows, x)
            with self._precision():
                logits = self.model(x)
            loss = loss_of(self.experiment.loss, logits.float(), self.labels[rows])
            self.module.zero_grad(set_to_none=True)
            # gradients are averaged over processes: weighed so, the average is that over the batch's images
            (loss * (len(rows) * self.world / (end - begin))).backward()
            gradients = [p.grad for p in self.params if p.grad is not None]
            lr = self.optimizer.lr_at(epoch * steps + step, steps)
            with torch.no_grad():
                self.optimizer.update(self.params, gradients, self.velocities, lr)
            total += loss.detach() * len(rows)
        return float(self._summed(total).item() / len(order))

    def _settle(self, rows: torch.Tensor, x: torch.Tensor) -> None:
        """Whether normalizations are fused where a GPU has all of a batch; nothing is changed by trying."""
        import torch

        parts = noisy(self.module)

        def gradients() -> list[torch.Tensor]:
            drawn = noise_states(parts)
            try:
                with captured.undone(list(self.module.buffers()), []):
                    with self._precision():
                        logits = self.module(x)
                    loss = loss_of(self.experiment.loss, logits.float(), self.labels[rows])
                    return [loss.detach(), *torch.autograd.grad(loss, self.params)]
            finally:
                restore_noise(parts, drawn)

        self.normalization = ""
        if self.world == 1:
            self.normalization = fusing.settled(
                self.module,
                self.experiment,
                len(self.batches),
                self.device,
                stacked=False,
                gradients=gradients,
                stepping=lambda: gradients,
            )

    def _within(self) -> Weights:
        """What a checkpoint from within an epoch keeps."""
        return self.state() | noise_states(noisy(self.module))

    def _wrong(
        self, files: Any, labels: torch.Tensor, rows: np.ndarray, draws: tuple[int, int] | None
    ) -> np.ndarray:
        """Whether an image's label is not the first guess, not among the first five: bool [2, rows]."""
        import numpy as np
        import torch

        self.module.eval()
        size = self.optimizer.batch
        mine = np.arange(len(rows))[self.rank :: self.world]
        parts = [mine[first : first + size] for first in range(0, len(mine), size)]
        wrong = torch.zeros((2, len(rows)), device=self.device, dtype=torch.int32)
        loaded = self._loaded(files, [rows[part] for part in parts], draws)
        with torch.inference_mode(), self._precision():
            for part, (numbers, x) in zip(parts, loaded, strict=True):
                logits = self.module(x).float()
                guesses = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
                right = guesses == labels[numbers][:, None]
                where = torch.from_numpy(part).to(self.device)
                wrong[0, where] = (~right[:, 0]).int()
                wrong[1, where] = (~right.any(1)).int()
        both: np.ndarray = self._summed(wrong).cpu().numpy().astype(bool)
        return both

    def _test_loss(self, rows: np.ndarray) -> float:
        """The mean loss on the test images, in evaluation mode."""
        import torch

        self.module.eval()
        size = self.optimizer.batch
        mine = rows[self.rank :: self.world]
        parts = [mine[first : first + size] for first in range(0, len(mine), size)]
        total = torch.zeros((), device=self.device, dtype=torch.float64)
        with torch.inference_mode():
            for numbers, x in self._loaded(self.split.x_test, parts, None):
                with self._precision():
                    logits = self.module(x)
                total += loss_of(self.experiment.loss, logits.float(), self.test_labels[numbers]) * len(
                    numbers
                )
        return float(self._summed(total).item() / len(rows))

    def _loaded(
        self, files: Any, batches: list[np.ndarray], draws: tuple[int, int] | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batch after batch on the device: rows int64 [b] and images float32 [b, 3, size, size]."""
        import torch

        from harness.data.decoding import scaled

        cuda = self.device.type == "cuda"
        loader: Any = torch.utils.data.DataLoader(
            Decoded(files, draws, self.split.data.blank),  # type: ignore[arg-type]
            batch_sampler=[batch.tolist() for batch in batches],
            num_workers=self.loaders,
            pin_memory=cuda,
        )
        for rows, pixels in loader:
            x = scaled(pixels.to(self.device, non_blocking=cuda))
            yield rows.to(self.device), x.contiguous(memory_format=torch.channels_last)

    def _of_corrupted(self, wrong: np.ndarray) -> dict[str, float]:
        """Errors on the measured images of corrupted labels, and of the others, where there are some."""
        corrupted = self.split.corrupted[self.split.measured]
        if self.split.redraw is not None or not corrupted.any():
            return {}
        errors = {"corrupted_error": float(wrong[corrupted].mean())}
        return errors if corrupted.all() else errors | {"clean_error": float(wrong[~corrupted].mean())}

    def _least(self, rows: np.ndarray) -> dict[str, float]:
        """Errors that no classifier can be below: of blank images the commonest labels are the best guess."""
        import numpy as np

        errors = {}
        for part, labels in (("train", self.labels[rows]), ("test", self.test_labels)):
            shares = np.sort(np.bincount(labels.cpu().numpy(), minlength=1))[::-1] / len(labels)
            for name, guesses in (("error", 1), ("top5_error", TOP)):
                least = 1 - shares[:guesses].sum() if self.split.data.blank else 0.0
                errors[f"least_{part}_{name}"] = float(least)
        return errors

    def _seed_noise(self, epoch: int) -> None:
        """Noise that depends on the run, the epoch and the process."""
        for number, part in enumerate(noisy(self.module)):
            draws = stream_of(self.experiment.draws, self.replicate, "noise", epoch, number, self.rank)
            part.seed(int(draws.integers(2**62)), self.device)

    def _precision(self) -> torch.autocast:
        import torch

        reduced = self.experiment.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _summed(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, known to each of them."""
        if self.world > 1:
            import torch.distributed

            torch.distributed.all_reduce(tensor)
        return tensor

    def _on_device(self, array: np.ndarray) -> torch.Tensor:
        import torch

        return torch.from_numpy(array).to(self.device)


def batches(n: int, size: int) -> list[tuple[int, int]]:
    """Consecutive (begin, end); a last batch under a quarter of the others joins its neighbour."""
    starts = list(range(0, n, size))
    if len(starts) > 1 and SMALLEST_PART * (n - starts[-1]) < size:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True))


def _counted(n: int) -> np.ndarray:
    import numpy as np

    return np.arange(n)


def _normalised_together(module: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """Batch normalisation over the whole batch, wherever its images are."""
    from torch import nn

    if device.type != "cuda" and any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in module.modules()
    ):
        raise ValueError("batch normalisation over several processes needs GPUs: use one process on a CPU")
    synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
    return synchronised


def _distributed(module: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    from torch.nn.parallel import DistributedDataParallel

    only = [device] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=only)
