"""A task's model in C++: its description as numbers, the examples it reads, and gradients of single batches."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.models import layers as kinds
from evaluators.models.layers import Layer
from evaluators.models.losses import CrossEntropy, MeanSquare
from evaluators.native.build import load
from evaluators.tasks.task import Examples, Task

_KINDS: tuple[type, ...] = (
    *(kinds.Linear, kinds.Relu, kinds.Gelu, kinds.Tanh, kinds.Flatten, kinds.Embedding, kinds.Positions),
    *(kinds.MeanPool, kinds.LayerNorm, kinds.RmsNorm, kinds.Attention, kinds.Gru, kinds.Lstm, kinds.Conv),
    *(kinds.Residual, CrossEntropy, MeanSquare),
)
"""In the order of `Kind` in source/model.cpp."""

_TYPES = ("float32", "uint8", "int64")
"""In the order of `gather` in source/model.cpp."""


def unsupported(task: Task) -> str:
    """Why a task cannot be trained in C++; empty if it can."""
    if task.model is None:
        return f"the task {task.name} brings its own loss instead of a model"
    unknown = [layer for layer in _flat(task.model.layers) if type(layer) not in _KINDS]
    return f"it does not know the layer {type(unknown[0]).__name__}" if unknown else ""


class NativeModel:
    """The model of a task with the memory of one run, for one run at a time.

    Args:
        task: A task that is not `unsupported`.

    Raises:
        BuildError: There is no library here.
        MemoryError: There is not enough memory.

    Attributes:
        handle: The address of the model, for other parts of the library.
        train: Where training examples come from: inputs and targets.
        validation: Where validation examples come from.
    """

    def __init__(self, task: Task) -> None:
        model = task.model
        if model is None:
            raise ValueError(unsupported(task))
        self.task = task
        self.train = _sources(task.data.train, symbols=model.takes_symbols)
        self.validation = _sources(task.data.validation, symbols=model.takes_symbols)
        numbers = [len(model.layers), *_describe(model.layers, 0), _KINDS.index(type(model.criterion))]
        smoothing = model.criterion.smoothing if isinstance(model.criterion, CrossEntropy) else 0.0
        self._library = _declared()
        inputs, targets = map(ctypes.byref, self.train)
        made = self._library.savanna_model_new(
            np.array(numbers, np.int64).ctypes.data, smoothing, inputs, targets, task.batch
        )
        if made is None:
            raise MemoryError("not enough memory for a model")
        self.handle: int | None = made

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._library.savanna_model_free(self.handle)
            self.handle = None

    def gradient(self, weights: NDArray[np.float32], chosen: NDArray[np.int64]) -> tuple[float, NDArray[np.float32]]:
        """The loss of a batch of training examples, and its gradient.

        Args:
            weights: `(layout.size,)`.
            chosen: Which examples, `(batch,)`.
        """
        weights, chosen = self._checked(weights), np.ascontiguousarray(chosen, dtype=np.int64)
        if chosen.shape != (self.task.batch,) or not 0 <= chosen.min() <= chosen.max() < len(
            self.task.data.train.targets
        ):
            raise ValueError("these are not the numbers of a batch of examples")
        gradient = np.empty_like(weights)
        inputs, targets = map(ctypes.byref, self.train)
        loss = self._library.savanna_model_step(
            self.handle, weights.ctypes.data, gradient.ctypes.data, inputs, targets, chosen.ctypes.data
        )
        return float(loss), gradient

    def validate(self, weights: NDArray[np.float32]) -> float:
        """Mean loss over the validation examples.

        Args:
            weights: `(layout.size,)`.
        """
        weights = self._checked(weights)
        inputs, targets = map(ctypes.byref, self.validation)
        count = len(self.task.data.validation.targets)
        return float(self._library.savanna_model_mean_loss(self.handle, weights.ctypes.data, inputs, targets, count))

    def _checked(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        if weights.shape != (self.task.layout.size,):
            raise ValueError(f"the model has {self.task.layout.size} weights, not {weights.shape}")
        return np.ascontiguousarray(weights, dtype=np.float32)


class Source(ctypes.Structure):
    """`Source` of source/model.h. The array that it is about has to live as long."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("type", "positions", "features")),
        *((f"{name}_stride", ctypes.c_int64) for name in ("example", "position", "feature")),
    )
    array: NDArray[Any]


def _sources(examples: Examples, *, symbols: bool) -> tuple[Source, Source]:
    classes = np.issubdtype(examples.targets.dtype, np.integer)
    return _source(examples.inputs, whole=symbols), _source(examples.targets, whole=classes)


def _source(array: NDArray[Any], *, whole: bool) -> Source:
    """Examples in the memory where they are, if it can be read: `(examples, positions, features)`."""
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim == 2:
        array = array[:, :, None] if whole else array[:, None, :]
    if array.dtype.name not in _TYPES:
        array = array.astype(np.int64 if whole else np.float32)
    _, positions, features = array.shape
    strides = [stride // array.itemsize for stride in array.strides]
    source = Source(array.ctypes.data, _TYPES.index(array.dtype.name), positions, features, *strides)
    source.array = array
    return source


def _flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        if isinstance(layer, kinds.Residual):
            yield from _flat(layer.layers)


def _describe(layers: Sequence[Layer], offset: int) -> list[int]:
    """Layers as numbers: of each its kind, where its parameters begin, and what source/ reads after that."""
    sizes = [sum(math.prod(parameter.shape) for parameter in layer.parameters) for layer in layers]
    numbers = []
    for layer, before in zip(layers, itertools.accumulate(sizes, initial=offset), strict=False):
        numbers += [_KINDS.index(type(layer)), before, *_details(layer, before)]
    return numbers


def _details(layer: Layer, offset: int) -> list[int]:
    match layer:
        case kinds.Linear():
            return [layer.outputs, layer.bias]
        case kinds.Embedding():
            return [layer.symbols, layer.width]
        case kinds.Attention():
            return [layer.heads, layer.causal]
        case kinds.Gru() | kinds.Lstm():
            return [layer.hidden, layer.last]
        case kinds.Conv():
            missing = 2 - len(layer.grid)  # a sequence is one row of a grid
            padding = [0] * missing + [layer.padding] * len(layer.grid)
            return [layer.outputs, *[1] * missing, *layer.grid, *[1] * missing, *layer.kernel, layer.stride, *padding]
        case kinds.Residual():
            return [len(layer.layers), *_describe(layer.layers, offset)]
    return []


@cache
def _declared() -> ctypes.CDLL:
    """The library with the types of what is called here."""
    library = load()
    pointer, integer, source = ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(Source)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "new": (pointer, [pointer, ctypes.c_double, source, source, integer]),
        "free": (None, [pointer]),
        "step": (ctypes.c_float, [pointer, pointer, pointer, source, source, pointer]),
        "mean_loss": (ctypes.c_double, [pointer, pointer, source, source, integer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"savanna_model_{name}")
        function.restype, function.argtypes = result, arguments
    return library
