"""Probes of nets trained on random subsets: what they memorized, and what it costs to leave that out.

Source: Feldman and Zhang 2020. The memorization score of a training example is the accuracy on it of the
networks that trained on it, less that of networks that did not; both are read off networks that each trained
on a random share of the examples. Their code: 2,000 networks, each on seven tenths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from harness.analytic.dense_nets import DenseNets, in_batches
from harness.analytic.scores import flattened, require_positive
from harness.data.blocks import EVALUATION_BATCH
from harness.spec import Value

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from harness.data.random_subsets import MaskedSplit
    from harness.data.split import Split

    Bools: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]
    Rows: TypeAlias = NDArray[np.int64]

QUARTER = 0.25
"""From this score on an example counts as memorized: ours. Of a lower one, nets that did not train on it get
three in four as often right as those that did."""
QUANTILES = 101
"""Of the scores, from the largest to the smallest: as many whatever examples have none."""
GROUPS = 4
"""Parts of the nets that held an example out, two in each half of the placebo."""


class Memorization(Value, frozen=True):
    """Memorization scores of training examples, from an ``Ensemble`` of nets on ``AllSubsets``' members.

    Args:
        threshold: from which score on an example counts as memorized, in (0, 1].

    Raises:
        ValueError: a threshold out of range.
    """

    threshold: float = QUARTER

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_threshold(self, self.threshold)

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, Any]:
        """Scores, and whether they come again.

        Returns:
            ``scores`` [101], their quantiles in falling order; ``memorized``, the share from the threshold
            on, and ``mean_score``; ``right_memorized`` and, where labels are corrupted, ``wrong_memorized``,
            the same share among examples with their own labels and with others; ``kept_error`` and
            ``held_out_error``, mean errors of the nets on what they trained on and did not; ``agreement``,
            the correlation of the scores by every second net with those by the others; and ``placebo``, the
            same of a score that compares held-out nets with held-out nets.

        Raises:
            TypeError: the model is no ensemble, or its data are no ``AllSubsets``.
            ValueError: it has more or fewer nets than the data have masks.
        """
        import numpy as np

        kept, right = correct(model, split)
        scores = memorization_scores(right, kept)
        known = np.isfinite(scores)
        memorized = scores >= self.threshold
        wrong = split.corrupted & known
        result = {
            "scores": np.quantile(scores[known], np.linspace(1, 0, QUANTILES)),
            "memorized": float(memorized[known].mean()),
            "mean_score": float(scores[known].mean()),
            "right_memorized": float(memorized[known & ~wrong].mean()) if (known & ~wrong).any() else 0.0,
            "kept_error": float(1 - right[kept].mean()),
            "held_out_error": float(1 - right[~kept].mean()),
            "agreement": agreement(*(memorization_scores(right[i::2], kept[i::2]) for i in (0, 1))),
            "placebo": agreement(*placebo_scores(right, kept)),
        }
        return result | ({"wrong_memorized": float(memorized[wrong].mean())} if wrong.any() else {})


class Removal(Value, frozen=True):
    """What it costs to leave out what an ``Ensemble`` of nets on ``AllSubsets``' members has memorized.

    Further nets of the members' widths are trained, in four ways as many: on all examples, on those that are
    not memorized, and twice on what is left when as many are left out at random, other ones for every net.

    Args:
        threshold: from which score on an example counts as memorized, in (0, 1].
        nets: for each set.
        lr, epochs, batch: of stochastic gradient descent with momentum 0.9, as the members trained.

    Raises:
        ValueError: a number out of range.
    """

    threshold: float = QUARTER
    nets: int = 12
    lr: float = 0.1
    epochs: int = 15
    batch: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_threshold(self, self.threshold)
        for name in ("nets", "lr", "epochs", "batch"):
            require_positive(type(self).__name__, name, getattr(self, name))

    def measure(self, model: torch.nn.Module, split: Split) -> dict[str, float]:
        """Mean test errors of the nets of each way.

        Returns:
            ``whole``, ``without_memorized``, ``without_random``, ``without_others_at_random``; and
            ``left_out``, the share of the examples that each but the first lacks.

        Raises:
            TypeError: as ``Memorization``; or the nets have layers that are not dense.
            ValueError: as ``Memorization``; or every example is memorized, so that nothing would be left.
        """
        import numpy as np

        widths = _widths(model)
        kept, right = correct(model, split)
        memorized = memorization_scores(right, kept) >= self.threshold
        n, count = len(memorized), int(memorized.sum())
        if count == n:
            raise ValueError(f"Removal(threshold={self.threshold}): all {n:,} examples are memorized")
        # the masks are the replicate's own random numbers, and so are what they seed
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(_words(kept))))

        def at_random() -> Rows:
            return np.stack([generator.permutation(n)[count:] for _ in range(self.nets)])

        def alike(rows: Rows) -> Rows:
            return np.tile(rows, (self.nets, 1))

        sets = {
            "whole": alike(np.arange(n)),
            "without_memorized": alike(np.flatnonzero(~memorized)),
            "without_random": at_random(),
            "without_others_at_random": at_random(),
        }
        errors = {name: self._error(split, rows, widths, generator) for name, rows in sets.items()}
        return errors | {"left_out": count / n}

    def _error(self, split: Split, rows: Rows, widths: list[int], generator: np.random.Generator) -> float:
        """The mean test error of nets, each trained on its own rows [nets, n]."""
        import numpy as np

        x, y, test = flattened(split.x_train), split.y_train, flattened(split.x_test)
        nets = DenseNets.drawn(widths, self.nets, generator)
        for _ in range(self.epochs):
            orders = generator.permuted(rows, axis=1)
            for places in in_batches(np.arange(rows.shape[1]), self.batch):
                batch = orders[:, places]
                nets.step(x[batch], y[batch], self.lr)
        parts = in_batches(np.arange(len(test)), EVALUATION_BATCH)
        right = [nets.logits(test[part]).argmax(axis=-1) == split.y_test[part] for part in parts]
        return float(1 - np.concatenate(right, axis=1).mean())


def correct(model: torch.nn.Module, split: Split) -> tuple[Bools, Bools]:
    """Find on which training examples each net has trained, and on which it is right: both bool [nets, n].

    Raises:
        TypeError: the model is no ensemble, or the split has no masks.
        ValueError: it has more or fewer nets than the split has masks.
    """
    import numpy as np
    import torch

    from harness.models._ensemble_nets import EnsembleNet

    if not isinstance(model, EnsembleNet):
        raise TypeError(f"memorization is measured on the nets of an Ensemble, not on {type(model).__name__}")
    kept = _masked(split).kept
    if len(kept) != len(model.nets):
        raise ValueError(f"{len(model.nets)} nets and {len(kept)} subsets: AllSubsets(members=...) says both")
    place = next(model.parameters()).device
    with torch.inference_mode():
        decided = [
            model.probabilities(images.to(place)).argmax(-1).cpu().numpy()
            for images in torch.from_numpy(split.x_train).split(EVALUATION_BATCH)
        ]
    return kept, np.concatenate(decided, axis=1) == split.y_train


def memorization_scores(right: Bools, kept: Bools) -> Floats:
    """Accuracy on each example of the nets that trained on it less that of the others, float64 [n].

    NaN for an example that all nets have trained on, or none.

    Args:
        right: on which examples each net is right, [nets, n].
        kept: on which it has trained, [nets, n].
    """
    return _share_right(right, kept) - _share_right(right, ~kept)


def placebo_scores(right: Bools, kept: Bools) -> tuple[Floats, Floats]:
    """Scores [n] by two halves of the nets, all of which held the example out: nothing to be memorized.

    Of the nets that did not train on an example, in their order, every fourth is on one side of one half.
    """
    turn = (~kept).cumsum(axis=0) % GROUPS
    groups = [~kept & (turn == group) for group in range(GROUPS)]
    a, b, c, d = (_share_right(right, group) for group in groups)
    return a - b, c - d


def agreement(first: Floats, second: Floats) -> float:
    """The correlation of two scores over the examples that have both; 0 where one of them is constant."""
    import numpy as np

    both = np.isfinite(first) & np.isfinite(second)
    one, other = first[both], second[both]
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _share_right(right: Bools, chosen: Bools) -> Floats:
    """The share of the chosen nets that are right on each example [n]; NaN where none is chosen."""
    import numpy as np

    count = chosen.sum(axis=0)
    share: Floats = np.where(count > 0, (right & chosen).sum(axis=0) / np.maximum(count, 1), np.nan)
    return share


def _masked(split: Split) -> MaskedSplit:
    from harness.data.random_subsets import MaskedSplit

    if not isinstance(split, MaskedSplit):
        raise TypeError("memorization is measured on AllSubsets, whose splits say what each net held out")
    return split


def _widths(model: torch.nn.Module) -> list[int]:
    """Inputs, hidden widths and classes of the first net of an ensemble of dense nets with biases."""
    from torch import nn

    modules = list(next(iter(getattr(model, "nets", [model]))).modules())
    layers = [module for module in modules if isinstance(module, nn.Linear)]
    numbers = sum(p.numel() for module in layers for p in module.parameters())
    dense = layers and all(layer.bias is not None for layer in layers)
    if not dense or numbers != sum(p.numel() for p in modules[0].parameters()):
        raise TypeError("Removal trains nets of dense layers with biases (Mlp) again, and no others")
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def _words(kept: Bools) -> list[int]:
    """Masks as the numbers of a seed."""
    import numpy as np

    return [int(word) for word in np.packbits(kept)]


def _require_threshold(value: Value, threshold: float) -> None:
    if not 0 < threshold <= 1:
        raise ValueError(f"{type(value).__name__}(threshold={threshold}): a score in (0, 1]")
