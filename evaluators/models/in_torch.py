"""The meaning of layers in torch, for many lanes at once. Activations have shape `(lanes, features, positions, batch)`.

Features come before the batch because a softmax over a short last axis is several times slower on a CPU. Everything can
be differentiated twice, because some rules ask for the curvature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch

import torch
from torch import Tensor
from torch.nn import functional

from evaluators.models import layers as kinds
from evaluators.models.layers import Layer

EPS = 1e-5
"""Added to a variance or mean square before its root is taken."""


def run(layers: Sequence[Layer], weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """What comes out of layers one after the other.

    Args:
        layers: Whose shapes fit.
        weights: Each of their parameters, `(lanes, *shape)`.
        x: `(lanes, features, positions, batch)`; whole numbers `(lanes, positions, batch)` where an embedding is first.
    """
    rest = iter(weights)
    for layer in layers:
        x = forward(layer, [next(rest) for _ in layer.parameters], x)
    return x


@singledispatch
def forward(layer: Layer, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """What comes out of one layer; arguments as for `run`."""
    raise NotImplementedError(f"no meaning in torch for {layer} with {len(weights)} parameters and {x.dim()} axes")


def feature_major(values: Tensor) -> Tensor:
    """`(lanes, batch, features)` or `(lanes, batch, positions, features)` as an activation, in the same memory."""
    if values.dim() == 3:
        return values.mT.unsqueeze(2)
    return values.permute(0, 3, 2, 1)


def affine(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Each lane's own affine map.

    Args:
        x: `(lanes, inputs, ...)`.
        weight: `(lanes, outputs, inputs)`.
        bias: `(lanes, outputs)`.

    Returns:
        `(lanes, outputs, ...)`.
    """
    columns = x.reshape(*x.shape[:2], -1)
    product = torch.bmm(weight, columns) if bias is None else torch.baddbmm(bias.unsqueeze(2), weight, columns)
    return product.view(*product.shape[:2], *x.shape[2:])


def embed(table: Tensor, indices: Tensor) -> Tensor:
    """Each lane's own rows for its indices.

    Args:
        table: `(lanes, rows, width)`.
        indices: `(lanes, ...)`, integers below `rows`.

    Returns:
        `(lanes, ..., width)`.
    """
    lanes, rows, width = table.shape
    first = torch.arange(0, lanes * rows, rows, device=table.device)
    flat = indices + first.view(-1, *[1] * (indices.dim() - 1))
    return table.reshape(lanes * rows, width).index_select(0, flat.reshape(-1)).view(*indices.shape, width)


@forward.register
def _embedding(_layer: kinds.Embedding, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return embed(weights[0], x).permute(0, 3, 1, 2).contiguous()


@forward.register
def _positions(_layer: kinds.Positions, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x + weights[0].mT.unsqueeze(3)


@forward.register
def _linear(_layer: kinds.Linear, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return affine(x, *weights)


@forward.register
def _relu(_layer: kinds.Relu, _weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x.relu()


@forward.register
def _gelu(_layer: kinds.Gelu, _weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return functional.gelu(x, approximate="tanh")


@forward.register
def _tanh(_layer: kinds.Tanh, _weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x.tanh()


@forward.register
def _flatten(_layer: kinds.Flatten, _weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x.flatten(1, 2).unsqueeze(2)


@forward.register
def _mean_pool(_layer: kinds.MeanPool, _weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x.mean(dim=2, keepdim=True)


@forward.register
def _layer_norm(_layer: kinds.LayerNorm, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    gain, bias = (weight[:, :, None, None] for weight in weights)
    centred = x - x.mean(dim=1, keepdim=True)
    return centred * (centred.square().mean(dim=1, keepdim=True) + EPS).rsqrt() * gain + bias


@forward.register
def _rms_norm(_layer: kinds.RmsNorm, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x * (x.square().mean(dim=1, keepdim=True) + EPS).rsqrt() * weights[0][:, :, None, None]


@forward.register
def _attention(layer: kinds.Attention, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    lanes, width, positions, batch = x.shape
    size = width // layer.heads

    def heads(weight: Tensor) -> Tensor:
        """`(lanes * heads * batch, size, positions)`."""
        split = affine(x, weight).view(lanes, layer.heads, size, positions, batch)
        return split.permute(0, 1, 4, 2, 3).reshape(-1, size, positions)

    query, key, value = (heads(weight) for weight in weights[:3])
    scores = torch.bmm(key.mT, query) * size**-0.5  # of key and query; both are positions
    if layer.causal:
        later = torch.ones(positions, positions, dtype=torch.bool, device=x.device).tril(-1)
        scores = scores.masked_fill(later, -math.inf)
    mixed = torch.bmm(value, scores.softmax(dim=1)).view(lanes, layer.heads, batch, size, positions)
    return affine(mixed.permute(0, 1, 3, 4, 2).reshape(x.shape), weights[3])


@forward.register
def _gru(layer: kinds.Gru, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    bias_hidden_new = weights[9]
    inputs = affine(x, torch.cat(list(weights[:3]), dim=1), torch.cat(list(weights[6:9]), dim=1))
    own = torch.cat(list(weights[3:6]), dim=1)
    bias = torch.cat([torch.zeros_like(bias_hidden_new)] * 2 + [bias_hidden_new], dim=1)
    h = x.new_zeros(len(x), layer.hidden, x.shape[3])
    states = []
    for given in inputs.unbind(dim=2):
        recurrent = affine(h, own, bias)
        reset, update = (given[:, : 2 * layer.hidden] + recurrent[:, : 2 * layer.hidden]).sigmoid().chunk(2, dim=1)
        new = (given[:, 2 * layer.hidden :] + reset * recurrent[:, 2 * layer.hidden :]).tanh()
        h = new + update * (h - new)
        states.append(h)
    return h.unsqueeze(2) if layer.last else torch.stack(states, dim=2)


@forward.register
def _lstm(layer: kinds.Lstm, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    inputs = affine(x, torch.cat(list(weights[:4]), dim=1), torch.cat(list(weights[8:]), dim=1))
    own = torch.cat(list(weights[4:8]), dim=1)
    h = cell = x.new_zeros(len(x), layer.hidden, x.shape[3])
    states = []
    for given in inputs.unbind(dim=2):
        entry, forget, new, output = (given + affine(h, own)).chunk(4, dim=1)
        cell = forget.sigmoid() * cell + entry.sigmoid() * new.tanh()
        h = output.sigmoid() * cell.tanh()
        states.append(h)
    return h.unsqueeze(2) if layer.last else torch.stack(states, dim=2)


@forward.register
def _conv(layer: kinds.Conv, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """As one product with the patches that the kernel sees, each element of the kernel a shifted copy of the grid."""
    grid = x.reshape(*x.shape[:2], *layer.grid, x.shape[3])
    if layer.padding:
        grid = functional.pad(grid, (0, 0, *[layer.padding] * (2 * len(layer.grid))))
    patches = grid.unsqueeze(2)
    axes = list(enumerate(zip(layer.kernel, layer.output_grid, strict=True), start=3))
    for axis, (size, length) in reversed(
        axes
    ):  # the last axis first, because its kernel elements lie next to each other
        steps = torch.arange(length, device=x.device) * layer.stride
        patches = torch.cat([patches.index_select(axis, steps + start) for start in range(size)], dim=2)
    weight, bias = weights
    return affine(patches.flatten(1, 2), weight.flatten(2), bias).flatten(2, -2)


@forward.register
def _residual(layer: kinds.Residual, weights: Sequence[Tensor], x: Tensor) -> Tensor:
    return x + run(layer.layers, weights, x)
