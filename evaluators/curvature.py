"""Hutchinson's estimate of the diagonal of the Hessian, `z * (H z)` for a random sign vector z, lane by lane.

Bekas, Kokiopoulou and Saad 2007, "An estimator for the diagonal of a matrix"; as an optimizer's input in AdaHessian,
Yao et al. 2020, arXiv 2006.00719. It takes a second backward pass through the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_STREAM = 0x6B


def signs(seed: int, step: int, size: int) -> Tensor:
    """The vector of -1 and 1 of one step, shape `(size,)`: the same for every lane of a seed, on every device."""
    bits = np.random.default_rng([seed, step, _STREAM]).integers(0, 2, size, dtype=np.int8)
    return torch.from_numpy(2.0 * bits - 1.0).float()


def diagonal(losses: Tensor, leaves: Sequence[Tensor], vector: Tensor) -> Tensor:
    """The estimate from one vector.

    Args:
        losses: `(lanes,)`, computed from the leaves, each lane's from its own part of them alone.
        leaves: Each parameter, `(lanes, *shape)`.
        vector: Signs, `(lanes, size)`, in the order of the leaves.

    Returns:
        `(lanes, size)`.
    """
    gradients = torch.autograd.grad(losses.sum(), leaves, create_graph=True)
    along = (flat(gradients) * vector).sum()
    if not along.requires_grad:  # a loss that is linear in every parameter
        return torch.zeros_like(vector)
    # A parameter that the gradient does not depend on has no curvature.
    parts = torch.autograd.grad(along, leaves, allow_unused=True, materialize_grads=True)
    return flat(parts) * vector


def flat(parts: Sequence[Tensor]) -> Tensor:
    """One `(lanes, *shape)` tensor for each parameter to `(lanes, size)`."""
    return torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)
