"""Pieces of models that compute many lanes at once. Activations have shape `(lanes, features, batch)`.

Features come before the batch because a softmax over a short last axis is several times slower on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each lane's own affine map.

    Args:
        x: `(lanes, inputs, batch)`.
        weight: `(lanes, outputs, inputs)`.
        bias: `(lanes, outputs)`.

    Returns:
        `(lanes, outputs, batch)`.
    """
    return torch.baddbmm(bias.unsqueeze(2), weight, x)


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


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy of each lane in nats.

    Args:
        logits: `(lanes, classes, batch)`.
        targets: `(lanes, batch)`, class indices.
        smoothing: Share of the target spread evenly over all classes (Szegedy et al. 2016, section 7).

    Returns:
        `(lanes,)`.
    """
    return functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing).mean(dim=1)
