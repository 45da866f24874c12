"""The layers of models as data: their parameters, and what they do to the shape of an activation.

An activation has features at positions: the pixels of an image or the places of a text are positions, what is known of
each of them are features. A model that sees its example as one vector has one position.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

from evaluators.models.parameter import Parameter

RELU_GAIN = 2**0.5
"""Keeps the size of activations through a ReLU (He et al. 2015, arXiv 1502.01852)."""


class Shape(NamedTuple):
    """The shape of one example's activation."""

    features: int
    positions: int


@dataclass(frozen=True)
class Layer:
    """One layer. Its numbers are whole and positive.

    Raises:
        ValueError: One is not.
    """

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, least = getattr(self, entry.name), entry.metadata.get("least", 1)
            whole = value if isinstance(value, tuple) else (value,)
            if any(isinstance(number, int) and number < least for number in whole):
                raise ValueError(f"{self}: {entry.name} is {value}, but has to be at least {least}.")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in their order in the flat weights."""
        return ()

    @property
    def inputs_expected(self) -> int | None:
        """How many features it takes; None if it takes any number."""
        return None

    def output(self, shape: Shape) -> Shape:
        """The shape after it.

        Raises:
            ValueError: It cannot take that shape.
        """
        expected = self.inputs_expected
        if expected is not None and shape.features != expected:
            raise ValueError(f"{self} takes {expected} features, and is given {shape.features}.")
        return self._after(shape)

    def _after(self, shape: Shape) -> Shape:
        return shape


@dataclass(frozen=True)
class Embedding(Layer):
    """A vector for each symbol. Comes first, and takes whole numbers below `symbols`."""

    symbols: int
    width: int
    std: float = 1.0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The table, one row for each symbol."""
        return (Parameter("weight", (self.symbols, self.width), self.std),)

    @property
    def inputs_expected(self) -> int:
        """One symbol at each position."""
        return 1

    def _after(self, shape: Shape) -> Shape:
        return shape._replace(features=self.width)


@dataclass(frozen=True)
class Positions(Layer):
    """Adds a learned vector for each position."""

    width: int
    positions: int
    std: float = 0.1

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """One row for each position."""
        return (Parameter("weight", (self.positions, self.width), self.std),)

    @property
    def inputs_expected(self) -> int:
        """The width."""
        return self.width

    def _after(self, shape: Shape) -> Shape:
        if shape.positions != self.positions:
            raise ValueError(f"{self} takes {self.positions} positions, and is given {shape.positions}.")
        return shape


@dataclass(frozen=True)
class Linear(Layer):
    """The same affine map at every position, with weights of standard deviation `gain / sqrt(inputs)` at the start."""

    inputs: int
    outputs: int
    bias: bool = field(default=True, metadata={"least": 0})
    gain: float = 1.0

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Weight (outputs, inputs), and bias."""
        weight = Parameter("weight", (self.outputs, self.inputs), self.gain * self.inputs**-0.5)
        return (weight, Parameter("bias", (self.outputs,))) if self.bias else (weight,)

    @property
    def inputs_expected(self) -> int:
        """The inputs."""
        return self.inputs

    def _after(self, shape: Shape) -> Shape:
        return shape._replace(features=self.outputs)


@dataclass(frozen=True)
class Relu(Layer):
    """`max(x, 0)`."""


@dataclass(frozen=True)
class Gelu(Layer):
    """The Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415)."""


@dataclass(frozen=True)
class Tanh(Layer):
    """The hyperbolic tangent."""


@dataclass(frozen=True)
class Flatten(Layer):
    """All features of all positions as one vector; feature f of position p becomes feature `f * positions + p`."""

    def _after(self, shape: Shape) -> Shape:
        return Shape(shape.features * shape.positions, 1)


@dataclass(frozen=True)
class MeanPool(Layer):
    """The mean over the positions."""

    def _after(self, shape: Shape) -> Shape:
        return shape._replace(positions=1)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each position's features to mean 0 and variance 1, then a factor and a shift (Ba et al. 2016)."""

    features: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Gain and bias of each feature."""
        return Parameter("gain", (self.features,), mean=1.0), Parameter("bias", (self.features,))

    @property
    def inputs_expected(self) -> int:
        """The features."""
        return self.features


@dataclass(frozen=True)
class RmsNorm(Layer):
    """Each position's features to mean square 1, then a factor (Zhang and Sennrich 2019, arXiv 1910.07467)."""

    features: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Gain of each feature."""
        return (Parameter("gain", (self.features,), mean=1.0),)

    @property
    def inputs_expected(self) -> int:
        """The features."""
        return self.features


@dataclass(frozen=True)
class Attention(Layer):
    """Attention of positions to each other; `causal`: none to later ones (Vaswani et al. 2017, arXiv 1706.03762)."""

    width: int
    heads: int
    causal: bool = field(metadata={"least": 0})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise ValueError(f"{self}: the width is no multiple of the heads.")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Four square matrices."""
        shape, std = (self.width, self.width), self.width**-0.5
        return tuple(Parameter(name, shape, std) for name in ("query", "key", "value", "output"))

    @property
    def inputs_expected(self) -> int:
        """The width."""
        return self.width


@dataclass(frozen=True)
class _Recurrent(Layer):
    """A layer that goes from position to position; with `last`, only what it says at the last one goes on."""

    inputs: int
    hidden: int
    last: bool = field(metadata={"least": 0})

    @property
    def inputs_expected(self) -> int:
        """The inputs."""
        return self.inputs

    def _after(self, shape: Shape) -> Shape:
        return Shape(self.hidden, 1 if self.last else shape.positions)

    def _matrices(self, gates: tuple[str, ...]) -> tuple[Parameter, ...]:
        """Of the input, then of the state before."""
        return tuple(
            Parameter(f"{source}_{gate}", (self.hidden, width), width**-0.5)
            for source, width in (("input", self.inputs), ("hidden", self.hidden))
            for gate in gates
        )


@dataclass(frozen=True)
class Gru(_Recurrent):
    """Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078) as in `torch.nn.GRU`, from a state of zero.

    `r = sigmoid(Wir x + Whr h + br)`, `z` likewise, `n = tanh(Win x + bn + r * (Whn h + bhn))`, `h = (1 - z) n + z h`.
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Matrices, and biases of reset, update, new and of the state's part in new."""
        biases = (Parameter(f"bias_{name}", (self.hidden,)) for name in ("reset", "update", "new", "hidden_new"))
        return (*self._matrices(("reset", "update", "new")), *biases)


@dataclass(frozen=True)
class Lstm(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) as in `torch.nn.LSTM`, from a state of zero.

    `i = sigmoid(Wii x + Whi h + bi)`, `f` and `o` likewise, `g = tanh(Wig x + Whg h + bg)`, `c = f c + i g`,
    `h = o tanh(c)`. It starts out remembering: the forget gate's bias is 1 (Jozefowicz et al. 2015).
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Matrices, and biases, of the gates input, forget, cell and output."""
        gates = ("input", "forget", "cell", "output")
        biases = (Parameter(f"bias_{gate}", (self.hidden,), mean=float(gate == "forget")) for gate in gates)
        return (*self._matrices(gates), *biases)


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution over positions that lie on a grid, row by row: `(length,)` or `(height, width)`.

    Weights start with standard deviation `gain / sqrt(inputs * elements of the kernel)`.
    """

    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    grid: tuple[int, ...]
    stride: int = 1
    padding: int = field(default=0, metadata={"least": 0})
    gain: float = RELU_GAIN

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.kernel) != len(self.grid) or len(self.grid) not in (1, 2):
            raise ValueError(f"{self}: kernel and grid have both one axis or both two.")
        if any(size > length + 2 * self.padding for size, length in zip(self.kernel, self.grid, strict=True)):
            raise ValueError(f"{self}: the kernel is larger than the padded grid.")

    @property
    def output_grid(self) -> tuple[int, ...]:
        """The grid of the positions after it."""
        sizes = zip(self.kernel, self.grid, strict=True)
        return tuple((length + 2 * self.padding - size) // self.stride + 1 for size, length in sizes)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Weight (outputs, inputs, *kernel), and bias."""
        std = self.gain * (self.inputs * math.prod(self.kernel)) ** -0.5
        return Parameter("weight", (self.outputs, self.inputs, *self.kernel), std), Parameter("bias", (self.outputs,))

    @property
    def inputs_expected(self) -> int:
        """The inputs."""
        return self.inputs

    def _after(self, shape: Shape) -> Shape:
        if shape.positions != math.prod(self.grid):
            raise ValueError(f"{self} takes {math.prod(self.grid)} positions, and is given {shape.positions}.")
        return Shape(self.outputs, math.prod(self.output_grid))


@dataclass(frozen=True, init=False)
class Residual(Layer):
    """`x + layers(x)` (He et al. 2016, arXiv 1512.03385)."""

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", layers)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of its layers."""
        return numbered(self.layers)

    @property
    def inputs_expected(self) -> int | None:
        """As its first layer."""
        return self.layers[0].inputs_expected if self.layers else None

    def _after(self, shape: Shape) -> Shape:
        after = shapes(self.layers, shape)[-1]
        if after != shape:
            raise ValueError(
                f"A residual block takes {tuple(shape)} and gives {tuple(after)}; both have to be the same."
            )
        return shape


def numbered(layers: tuple[Layer, ...]) -> tuple[Parameter, ...]:
    """The parameters of layers one after the other, named as in `torch.nn.Sequential`."""
    return tuple(
        replace(parameter, name=f"{index}.{parameter.name}")
        for index, layer in enumerate(layers)
        for parameter in layer.parameters
    )


def shapes(layers: tuple[Layer, ...], shape: Shape) -> list[Shape]:
    """The shape before the first of the layers and after each of them.

    Raises:
        ValueError: One of them cannot take what it is given; the message names it.
    """
    found = [shape]
    for index, layer in enumerate(layers):
        try:
            found.append(layer.output(found[-1]))
        except ValueError as error:
            raise ValueError(f"Layer {index}: {error}") from None
    return found
