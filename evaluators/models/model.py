"""A model: layers and a loss whose shapes fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from evaluators.models.in_torch import feature_major, run
from evaluators.models.layers import Embedding, Layer, Shape, numbered, shapes
from evaluators.models.losses import CrossEntropy, Loss
from evaluators.models.parameter import Parameter


@dataclass(frozen=True)
class Model:
    """Layers one after the other, and what is minimised.

    Attributes:
        layers: The first says how many features an example has. Where it is an `Embedding`, examples are whole numbers.
        criterion: The loss of what comes out.
        positions: Positions of an example.

    Raises:
        ValueError: A layer cannot take what the one before it gives; the message names it.
    """

    layers: tuple[Layer, ...]
    criterion: Loss
    positions: int = 1

    def __post_init__(self) -> None:
        if not self.layers or self.layers[0].inputs_expected is None:
            raise ValueError("The first layer of a model has to say how many features it takes.")
        if any(isinstance(layer, Embedding) for layer in self.layers[1:]):
            raise ValueError("An embedding has to be the first layer, because it takes whole numbers.")
        _ = self.shapes

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of an example, then of the activation after each layer."""
        given = Shape(self.layers[0].inputs_expected or 0, self.positions)
        return tuple(shapes(self.layers, given))

    @property
    def takes_symbols(self) -> bool:
        """Whether examples are whole numbers."""
        return isinstance(self.layers[0], Embedding)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the layers one after the other, named as in `torch.nn.Sequential`."""
        return numbered(self.layers)

    def output(self, weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """What comes out of the last layer; arguments as for `loss`.

        Returns:
            `(lanes, features, positions, batch)`.
        """
        if not self.takes_symbols:
            return run(self.layers, weights, feature_major(inputs))
        return run(self.layers, weights, inputs.mT if inputs.dim() == 3 else inputs.unsqueeze(1))

    def loss(self, weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each lane.

        Args:
            weights: Each parameter, `(lanes, *shape)`.
            inputs: Numbers `(lanes, batch, features)` or `(lanes, batch, positions, features)`, or symbols
                `(lanes, batch)` or `(lanes, batch, positions)`; without an axis for positions there is one.
            targets: As the loss takes them.

        Returns:
            `(lanes,)`.
        """
        return self.criterion(self.output(weights, inputs), targets)

    def check(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Make sure that examples are what this model takes, so that no engine reads beside a table.

        Args:
            inputs: `(examples, features)` or `(examples, positions, features)`, or symbols `(examples, positions)`.
            targets: `(examples,)` or `(examples, positions)` classes, or numbers shaped as inputs are.

        Raises:
            ValueError: They are not.
        """
        (features, positions), (classes, places) = self.shapes[0], self.shapes[-1]
        first = self.layers[0]
        if isinstance(first, Embedding):
            _check_indices("inputs", inputs, first.symbols, positions)
        else:
            _check_numbers("inputs", inputs, features, positions)
        if isinstance(self.criterion, CrossEntropy):
            _check_indices("targets", targets, classes, places)
        else:
            _check_numbers("targets", targets, classes, places)
        if len(inputs) != len(targets):
            raise ValueError(f"There are {len(inputs)} inputs and {len(targets)} targets.")


def _check_indices(name: str, values: NDArray[Any], below: int, positions: int) -> None:
    _check_shape(name, values, (positions,))
    if not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"The {name} have to be whole numbers, and are {values.dtype}.")
    if values.size and not (values.min() >= 0 and values.max() < below):
        raise ValueError(f"The {name} go from {values.min()} to {values.max()}; the model knows 0 to {below - 1}.")


def _check_numbers(name: str, values: NDArray[Any], features: int, positions: int) -> None:
    _check_shape(name, values, (positions, features))
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"The {name} have to be floating-point numbers, and are {values.dtype}.")


def _check_shape(name: str, values: NDArray[Any], one: tuple[int, ...]) -> None:
    allowed = {one, one[1:]} if one[0] == 1 else {one}
    if values.shape[1:] not in allowed:
        raise ValueError(f"One of the {name} has shape {values.shape[1:]}; the model takes {one}.")
