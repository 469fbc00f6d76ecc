"""A pretended GPU: CUDA's rules on the CPU's numbers, where no GPU is at hand.

Tensors are of the CPU and bear a mark, by their storage, that they lie on the device. What a GPU refuses is
refused: operations that mix devices, memory read by numpy, fused steps over unequal strides, and within the
capture of a graph whatever waits for the device. A captured graph is a tape of operations that ``replay``
runs again on the same storages. Numbers are the CPU's; speed and memory are nobody's.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from harness.fleet._pretended_graph import PretendedGraph, RefusedByGpu, tensors_of
from harness.fleet._pretended_norms import NORMALIZING

NAME = "pretended GPU"
MEMORY = 80 * 2**30
"""Bytes that it says to have: those of a usual card of a data centre."""
FACTORIES = frozenset(
    (
        torch.arange, torch.as_tensor, torch.asarray, torch.empty, torch.empty_strided, torch.eye, torch.full,
        torch.linspace, torch.logspace, torch.normal, torch.ones, torch.rand, torch.randint, torch.randn,
        torch.randperm, torch.tensor, torch.zeros,
    )
)  # fmt: skip
"""What makes tensors of no tensor, on the device that it is told."""
READING = frozenset(("item", "tolist", "__bool__", "__float__", "__int__", "__index__", "cpu", "numpy"))
"""Methods of a tensor by which the host waits for its numbers."""
WAITING = frozenset(
    ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::is_nonzero", "aten::equal")
)
"""Operations by which the host waits for the device, or whose result's size it must know."""
INDEXING = frozenset(("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_"))
"""Operations to which a GPU takes indices of the CPU: it copies them over."""
MOVING = frozenset(("aten::copy_", "aten::_to_copy", "aten::set_"))
FUSED = frozenset(("aten::_fused_sgd_", "aten::_fused_adam_", "aten::_fused_adamw_"))


class PretendedGpu:
    """A device: the storages that lie on it, and the graph that is being captured.

    Attributes:
        captured: how many graphs were.
        scopes: where operations make tensors that are made of none, the innermost last.
        unheeded: operations are let pass, and carry no mark from what they read to what they make.
    """

    def __init__(self) -> None:
        self._marked: dict[int, StorageWeakRef] = {}
        self.scopes: list[bool] = [False]
        self._sweep_at = 4096
        self.tape: PretendedGraph | None = None
        self.captured = 0
        self.unheeded = False

    def mark(self, tensor: Tensor) -> Tensor:
        """Have a tensor's storage lie on the device."""
        plain = unwrapped(tensor)
        if plain.is_meta or plain.layout != torch.strided:
            return tensor
        storage = plain.untyped_storage()
        # a storage's address is not used again as long as a weak reference to it is kept
        if storage._cdata not in self._marked:
            self._marked[storage._cdata] = StorageWeakRef(storage)
        if len(self._marked) > self._sweep_at:
            self._marked = {key: r for key, r in self._marked.items() if not r.expired()}
            self._sweep_at = 2 * len(self._marked) + 4096
        return tensor

    def holds(self, tensor: Tensor) -> bool:
        """Whether a tensor lies on the device."""
        plain = unwrapped(tensor)
        return plain.layout == torch.strided and plain.untyped_storage()._cdata in self._marked

    @contextlib.contextmanager
    def scope(self, on: bool) -> Iterator[None]:
        """Where operations make tensors that are made of none, as long as this lasts."""
        self.scopes.append(on)
        try:
            yield
        finally:
            self.scopes.pop()

    @contextlib.contextmanager
    def unheeding(self) -> Iterator[None]:
        """Let all pass, as long as this lasts."""
        before, self.unheeded = self.unheeded, True
        try:
            yield
        finally:
            self.unheeded = before

    @property
    def makes(self) -> bool:
        """Whether what is made of no tensor just now lies on the device."""
        return self.scopes[-1]

    def refuse_waiting(self, what: str) -> None:
        """Refuse what makes the host wait while a graph is captured.

        Raises:
            RefusedByGpu: one is.
        """
        if self.tape is not None:
            raise RefusedByGpu(f"{what}: not permitted while a graph is captured")


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor beneath the wrappings of ``torch.func``."""
    while is_functorch_wrapped_tensor(tensor):
        tensor = get_unwrapped(tensor)
    return tensor


def _is_gpu(device: Any) -> bool:
    return device is not None and not isinstance(device, int) and torch.device(device).type == "cuda"


class GpuCalls(TorchFunctionMode):
    """What is called by name: where tensors are made, moved, and read."""

    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()
        self.gpu = gpu

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call it on the CPU, and mark what it makes on the device."""
        name = getattr(func, "__name__", "")
        if name == "__get__":
            return self._read(func, args)
        kwargs = dict(kwargs or {})
        looked_at = args[:1] if name == "__deepcopy__" else args  # whose memo has all that was copied before
        there = any(map(self.gpu.holds, tensors_of(looked_at, kwargs)))
        if there and name in READING:
            self._refuse(name)
        if name == "pin_memory" and isinstance(args[0], Tensor):
            return self._pinned(args[0])
        if name == "cuda" and isinstance(args[0], Tensor):
            return self._moved(args[0], True)
        if name == "cpu":
            return self._moved(args[0], False)
        if name == "to" and isinstance(args[0], Tensor):
            return self._sent(func, args, kwargs)
        if func in FACTORIES:
            return self._made(func, args, kwargs)
        if name == "one_hot" and there:
            return self._one_hot(*args, **kwargs)
        device = kwargs.get("device")  # of new_zeros, zeros_like
        if device is not None and (there or _is_gpu(device)) and torch.device(device).type != "meta":
            kwargs["device"] = "cpu"
            if _is_gpu(device) != there:
                with self.gpu.scope(not there), self.gpu.unheeding():
                    made = func(*args, **kwargs)
                return made if there else self.gpu.mark(made)
        scopes = self.gpu.scopes  # by hand, since most calls come here
        scopes.append(there)
        try:
            return func(*args, **kwargs)
        finally:
            scopes.pop()

    def _read(self, func: Any, args: Sequence[Any]) -> Any:
        """An attribute of a tensor."""
        owner = getattr(func, "__self__", None)
        if owner in (Tensor.device, Tensor.is_cuda) and self.gpu.holds(args[0]):
            return torch.device("cuda", 0) if owner is Tensor.device else True
        return func(*args)

    def _pinned(self, tensor: Tensor) -> Tensor:
        """A tensor of the host in memory that the device may read: as it is."""
        if self.gpu.holds(tensor):
            raise RefusedByGpu("pin_memory: only what lies in the host's memory can be pinned")
        return tensor

    def _one_hot(self, tensor: Tensor, num_classes: int) -> Tensor:
        """Labels in one column each; a GPU does not look first whether they are in range, as a CPU does."""
        with self.gpu.scope(True):
            return (tensor.unsqueeze(-1) == torch.arange(num_classes)).to(torch.int64)

    def _refuse(self, name: str) -> None:
        if name == "numpy":
            raise RefusedByGpu("numpy: can't convert a tensor of the GPU; copy it to host memory first")
        self.gpu.refuse_waiting(name)

    def _made(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
        on = _is_gpu(kwargs.get("device"))
        if on:
            if func in (torch.tensor, torch.as_tensor, torch.asarray):
                self.gpu.refuse_waiting(f"{func.__name__} of numbers of the host")
            kwargs["device"] = "cpu"
        with self.gpu.scope(on):
            made: Tensor = func(*args, **kwargs)
        return self.gpu.mark(made) if on else made

    def _sent(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Tensor:
        """``tensor.to(...)`` with or without a device."""
        tensor, *rest = args
        copy = kwargs.pop("copy", False)
        if rest and isinstance(rest[0], Tensor):
            rest[:1] = ["cuda" if self.gpu.holds(rest[0]) else "cpu", rest[0].dtype]
        parse: Any = torch._C._nn._parse_to
        device, dtype, _, order = parse(*rest, **kwargs)
        if device is not None and device.type == "meta":
            meta: Tensor = func(*args, **kwargs)
            return meta
        moved = tensor if device is None else self._moved(tensor, _is_gpu(device))
        form = {} if order is None else {"memory_format": order}
        if dtype is None and not form and not copy:
            return moved
        with self.gpu.scope(self.gpu.holds(moved)):
            return moved.to(dtype=dtype or moved.dtype, copy=copy, **form)

    def _moved(self, tensor: Tensor, on: bool) -> Tensor:
        if self.gpu.holds(tensor) == on:
            return tensor
        self.gpu.refuse_waiting("a copy between host and device")
        # a storage of its own, the same strides and graph of gradients
        with self.gpu.scope(on), self.gpu.unheeding():
            moved = tensor.clone()
        return self.gpu.mark(moved) if on else moved


class GpuOperations(TorchDispatchMode):
    """Every operation on storages: devices that do not mix, marks of results, tapes of graphs."""

    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()
        self.gpu = gpu

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # or torch imports its compiler, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run it, unless a GPU would refuse; and write it on the tape."""
        # a step backward comes here with the other mode on, which what is asked of tensors here is none of
        with torch._C.DisableTorchFunction():
            return self._heeded(func, args, kwargs or {})

    def _heeded(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        gpu = self.gpu
        if gpu.unheeded:
            return func(*args, **kwargs)
        name = func._schema.name
        tensors = tensors_of(args, kwargs)
        on = [gpu.holds(t) for t in tensors]
        self._check(name, tensors, on, args, kwargs)
        there = any(on) if tensors else gpu.makes
        if gpu.tape is not None and there:
            return gpu.tape.record(
                func, args, kwargs, functools.partial(self._run, func, args, kwargs, there)
            )
        return self._run(func, args, kwargs, there)

    def _run(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any], there: bool) -> Any:
        out = NORMALIZING.get(func._schema.name, func)(*args, **kwargs)
        if there:
            for tensor in tensors_of(out):
                self.gpu.mark(tensor)
        return out

    def _check(
        self, name: str, tensors: Sequence[Tensor], on: Sequence[bool], args: Any, kwargs: dict[str, Any]
    ) -> None:
        gpu = self.gpu
        if gpu.tape is not None and kwargs.get("generator") is not None and (any(on) or gpu.makes):
            gpu.tape.require(kwargs["generator"])
        if not any(on):
            return
        masks = name in INDEXING and any(t.dtype in (torch.bool, torch.uint8) for t in tensors_of(args[1]))
        if name in WAITING or masks:
            gpu.refuse_waiting(name)
        strangers = [t for t, there in zip(tensors, on, strict=True) if not there and t.device.type == "cpu"]
        if strangers and name in MOVING | INDEXING and (name in MOVING or gpu.holds(tensors[0])):
            gpu.refuse_waiting(f"{name} with a tensor of the host")
        elif any(t.dim() for t in strangers):
            shapes = ", ".join(str(tuple(t.shape)) for t in strangers)
            raise RefusedByGpu(f"{name}: all tensors must be on one device, and {shapes} is on the CPU")
        if name in FUSED:
            for weight, gradient in zip(args[0], args[1], strict=True):
                if weight.stride() != gradient.stride():
                    raise RefusedByGpu(
                        f"{name}: strides of a weight {weight.stride()} and gradient {gradient.stride()}"
                    )


class _PretendedStream:
    """A stream, which has nothing to wait for."""

    def __init__(self, device: Any = None) -> None:
        pass

    def wait_stream(self, stream: _PretendedStream) -> None:
        """Nothing: every operation has ended when it returns."""


class _PretendedGenerator(torch.Generator):
    """A generator of whatever device, whose numbers are the CPU's."""

    def __new__(cls, device: Any = "cpu") -> _PretendedGenerator:
        return super().__new__(cls, "cpu")  # type: ignore[call-arg]


class _PretendedAutocast(torch.autocast):
    """Reduced precision on whatever device, as on the CPU."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextlib.contextmanager
def pretended(memory: int = MEMORY) -> Iterator[PretendedGpu]:
    """Have this process see one GPU, which is pretended, as long as this lasts.

    Args:
        memory: bytes that it says to have.
    """
    gpu = PretendedGpu()

    @contextlib.contextmanager
    def capture(graph: PretendedGraph, *args: Any, **kwargs: Any) -> Iterator[None]:
        gpu.tape, gpu.captured = graph, gpu.captured + 1
        try:
            yield
        finally:
            gpu.tape = None
            graph.close()

    def within(*args: Any, **kwargs: Any) -> Any:
        return contextlib.nullcontext()

    changes: dict[str, Any] = {
        "is_available": lambda: True, "device_count": lambda: 1, "current_device": lambda: 0,
        "get_device_name": lambda device=None: NAME, "mem_get_info": lambda device=None: (memory, memory),
        "reset_peak_memory_stats": lambda device=None: None, "max_memory_allocated": lambda device=None: 0,
        "is_tf32_supported": lambda: True, "is_current_stream_capturing": lambda: gpu.tape is not None,
        "synchronize": lambda device=None: gpu.refuse_waiting("synchronize"),
        "empty_cache": lambda: gpu.refuse_waiting("empty_cache"), "set_device": lambda device: None,
        "device": within, "stream": within, "Stream": _PretendedStream, "current_stream": _PretendedStream,
        "CUDAGraph": PretendedGraph, "graph": capture,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ))  # cuBLAS's workspace is told there
        for name, value in changes.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, value))
        stack.enter_context(mock.patch.object(torch, "autocast", _PretendedAutocast))
        stack.enter_context(mock.patch.object(torch, "Generator", _PretendedGenerator))
        stack.enter_context(GpuCalls(gpu))
        stack.enter_context(GpuOperations(gpu))
        yield gpu
