"""Mistakes in how solvers go on from a checkpoint: another's numbers, or parts taken twice or never."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

_resuming = into("analytic/resuming.py", "analytic/test_resuming.py")
_solving = into("lab/solving.py", "lab/test_solving.py")
_sweeps = into("analytic/resumed_sweeps.py", "analytic/test_resuming.py")
_kernels = into("analytic/resumed_kernels.py", "analytic/test_resuming.py")
_trees = into("analytic/resumed_trees.py", "analytic/test_resuming.py")
_descents = into("analytic/resumed_descents.py", "analytic/test_resuming.py")
_codes = into("analytic/resumed_codes.py", "analytic/test_resuming.py")
_models = into("analytic/resumed_model_codes.py", "analytic/test_resuming.py")
_nets = into("analytic/resumed_nets.py", "analytic/test_resuming.py")
_bounds = into("analytic/resumed_bounds.py", "analytic/test_resuming.py")

MUTANTS = (
    _solving(
        "store",
        "a checkpoint that other code left is gone on from",
        'resumed[0].get("code", "") != self.code',
        "not self.code",
    ),
    _solving(
        "store",
        "a run that goes on forgets what it cost before",
        'resumed[0]["seconds"] if resumed',
        "0.0 if resumed",
    ),
    _resuming(
        "order",
        "a generator goes on from the beginning of what it had drawn ahead",
        '"buffer_pos": int(words[10]),',
        '"buffer_pos": 0,',
    ),
    _resuming(
        "order",
        "columns come back as rows",
        "array.T for name, array in within(COLUMNS, arrays)",
        "array for name, array in within(COLUMNS, arrays)",
    ),
    _sweeps(
        "sizes",
        "columns are folded in twice",
        "if self.ahead <= self.done:",
        "if True:",
    ),
    _sweeps(
        "sizes",
        "a sweep begins its widths anew",
        "for width in widths[len(self._rows) :] if width <= n",
        "for width in widths if width <= n",
    ),
    _kernels(
        "sizes",
        "the block that was last predicted is predicted again",
        "in wanted[parts.done - 1 :]:",
        "in wanted[max(0, parts.done - 2) :]:",
    ),
    _trees(
        "solvers",
        "the sums of a forest go on into the next one",
        "if sums is None or count == 1:",
        "if sums is None:",
    ),
    _descents(
        "solvers",
        "the power iteration begins anew",
        "v = drawn if self.along is None else self.along",
        "v = drawn",
    ),
    _codes(
        "stop",
        "a training that goes on has the patience of a new one",
        'self.stale = int(held["stale"]) if held else 0',
        "self.stale = 0",
    ),
    _codes(
        "momentum",
        "a training that goes on is at rest",
        'DenseNets(_layers(within("layer ", held)), _layers(within("velocity ", held)))',
        'DenseNets(_layers(within("layer ", held)))',
    ),
    _models(
        "initialization",
        "the model of a block under way is built by later draws",
        'set_back(generator, held["block"])',
        "pass",
    ),
    _nets(
        "solvers",
        "a step is taken twice",
        "if step < parts.done:",
        "if step < parts.done - 1:",
    ),
    _bounds(
        "solvers",
        "steps on the bound go on without their mean of squares",
        "squares = [_listed(name, self.held) for name in SQUARES]",
        "squares = [[0 * w for w in part] for part in q]",
    ),
)
