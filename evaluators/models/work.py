"""How many multiplications a model's products take: what its training would cost if nothing else cost anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluators.models import layers as kinds
from evaluators.models.layers import Layer, Shape, shapes
from evaluators.models.model import Model


def flops(model: Model, batch: int) -> float:
    """Floating-point operations of the products in one training step: forward, and backward for weights and inputs.

    Nobody needs the gradient of the examples, so what would only serve that is not counted.

    Args:
        batch: Examples in it.
    """
    first = model.shapes[0]
    unused = _by_inputs(model.layers[0], first)
    return 2.0 * batch * (3 * _products(model.layers, first) - unused)


def _products(layers: Sequence[Layer], shape: Shape) -> int:
    """Multiplications forward, for one example."""
    before = shapes(tuple(layers), shape)
    return sum(_by_inputs(layer, given) + _inside(layer, given) for layer, given in zip(layers, before, strict=False))


def _by_inputs(layer: Layer, given: Shape) -> int:
    """Of what comes in with weights."""
    match layer:
        case kinds.Linear():
            return layer.inputs * layer.outputs * given.positions
        case kinds.Conv():
            return layer.inputs * math.prod(layer.kernel) * layer.outputs * math.prod(layer.output_grid)
        case kinds.Gru():
            return 3 * layer.inputs * layer.hidden * given.positions
        case kinds.Lstm():
            return 4 * layer.inputs * layer.hidden * given.positions
        case kinds.Attention():
            return 3 * layer.width**2 * given.positions
    return 0


def _inside(layer: Layer, given: Shape) -> int:
    """Of what a layer made itself."""
    match layer:
        case kinds.Gru():
            return 3 * layer.hidden**2 * given.positions
        case kinds.Lstm():
            return 4 * layer.hidden**2 * given.positions
        case kinds.Attention():
            return layer.width**2 * given.positions + 2 * layer.width * given.positions**2
        case kinds.Residual():
            return _products(layer.layers, given)
    return 0
