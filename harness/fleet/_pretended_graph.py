"""Graphs of a pretended GPU: tapes of operations, run again on the storages of their capture."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

LEAVES = frozenset((bool, float, int, str, torch.device, torch.dtype, type(None)))
"""Kinds of what holds no tensor, and is most of what operations are called with."""


class RefusedByGpu(RuntimeError):
    """What a GPU would not do; the message names the operation."""


def tensors_of(*values: Any) -> list[Tensor]:
    """All tensors in nested sequences and dictionaries, which every operation and call is looked through for.

    By hand, since torch's own way through such trees took half of a pretended training.
    """
    tensors: list[Tensor] = []
    _collect(values, tensors)
    return tensors


def _collect(values: Iterable[Any], tensors: list[Tensor]) -> None:
    for value in values:
        kind = type(value)
        if kind is Tensor or kind is torch.nn.Parameter:
            tensors.append(value)
        elif kind in LEAVES:
            continue
        elif isinstance(value, (tuple, list)):
            _collect(value, tensors)
        elif isinstance(value, dict):
            _collect(value.values(), tensors)
        elif isinstance(value, Tensor):
            tensors.append(value)


class PretendedGraph:
    """A ``torch.cuda.CUDAGraph``: a tape of operations and the storages that they read and wrote."""

    def __init__(self, keep_graph: bool = False) -> None:
        self._steps: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self._before: list[tuple[Tensor, Tensor]] = []
        self._seen: set[int] = set()
        self._born: dict[int, Tensor] = {}
        self._registered: list[Any] = []

    def register_generator_state(self, generator: Any) -> None:
        """Have draws from a generator go on from replay to replay."""
        self._registered.append(generator)

    def require(self, generator: Any) -> None:
        """Refuse draws from a generator that is not registered.

        Raises:
            RefusedByGpu: it is not.
        """
        # by what they wrap: an operation is told of a generator by an object of its own
        if not any(generator._cdata == known._cdata for known in self._registered):
            raise RefusedByGpu("draws of a generator that is not registered with the graph being captured")

    def record(self, func: Any, args: Any, kwargs: Any, run: Callable[[], Any]) -> Any:
        """Run an operation and write it down, with what it writes to as that was before."""
        arguments, keywords = _detached(tuple(args)), _detached(dict(kwargs))
        for tensor in _written(func, arguments, keywords):
            key = tensor.untyped_storage()._cdata
            if key not in self._born and key not in self._seen:
                self._seen.add(key)
                self._before.append((tensor, tensor.clone()))
        out = run()
        read = {t.untyped_storage()._cdata for t in tensors_of(arguments, keywords)}
        made = [t.detach() for t in tensors_of(out)]
        fresh = [t for t in made if t.untyped_storage()._cdata not in read]
        self._born |= {t.untyped_storage()._cdata: t for t in fresh}
        if fresh or func._schema.is_mutable:
            self._steps.append((func, arguments, keywords, made))
        return out

    def close(self) -> None:
        """Undo what recording computed: a capture runs nothing, and leaves noise where results will be."""
        with _plainly():
            for tensor, before in self._before:
                tensor.copy_(before)
            for tensor in self._born.values():
                if tensor.is_floating_point():
                    tensor.fill_(torch.nan)
        self._before.clear()

    def replay(self) -> None:
        """Run the tape: new results go to the storages of those of the capture."""
        with _plainly():
            for func, args, kwargs, made in self._steps:
                out = tensors_of(func(*args, **kwargs))
                for new, old in zip(out, made, strict=True):
                    if new.untyped_storage()._cdata != old.untyped_storage()._cdata:
                        old.copy_(new)

    def reset(self) -> None:
        """Forget the tape."""
        self.__init__()  # type: ignore[misc]


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Have operations be the CPU's own, which no mode hears of and no gradient needs."""
    with torch.no_grad(), torch._C.DisableTorchFunction(), _disable_current_modes():
        yield


def _detached(value: Any) -> Any:
    """The same with each tensor by itself, outside any graph of gradients."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, (tuple, list)):
        return type(value)(map(_detached, value))
    if isinstance(value, dict):
        return {name: _detached(inner) for name, inner in value.items()}
    return value


def _written(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Iterable[Tensor]:
    """The arguments that an operation writes to."""
    named = list(zip(func._schema.arguments, args, strict=False))
    named += [(a, kwargs[a.name]) for a in func._schema.arguments if a.name in kwargs]
    for argument, value in named:
        writes = argument.alias_info is not None and argument.alias_info.is_write
        if writes or argument.name in ("running_mean", "running_var"):
            yield from tensors_of(value)
