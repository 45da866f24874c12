"""The model that optimizers are compared on: a small network with parameters of every number of axes, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from evaluators.curvature import signs
from programs.layout import Layout

SHAPES: tuple[tuple[int, ...], ...] = ((), (9,), (9, 6), (6, 2, 2, 2))
"""A scale, a bias, a matrix that is taller than wide, a bank of convolution kernels that is wider than tall."""
LAYOUT = Layout.of(SHAPES)
_EXAMPLES = 8
_SIDE = 4


@dataclass(frozen=True, slots=True)
class Slope:
    """What a rule is told about one batch.

    Attributes:
        loss: Of the batch.
        gradients: One for each parameter.
        curvatures: Hutchinson's estimate of the diagonal of the Hessian, one for each; empty if not asked for.
    """

    loss: float
    gradients: tuple[Tensor, ...]
    curvatures: tuple[Tensor, ...]


def start() -> list[Tensor]:
    """The initial weights, always the same."""
    generator = torch.Generator().manual_seed(20)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def directions(step: int) -> list[Tensor]:
    """The random signs of a step, one tensor for each parameter."""
    vector = signs(0, step, LAYOUT.size).double()
    return [vector[part].reshape(shape) for part, shape in zip(LAYOUT.slices, SHAPES, strict=True)]


def slope(weights: Sequence[Tensor], step: int, *, curvature: bool = False) -> Slope:
    """The loss of the batch of this step and its derivatives.

    The inputs of a batch differ from those of the next by up to a factor of 100, and every third batch leaves one
    channel empty, so that many gradients are exactly zero.
    """
    generator = torch.Generator().manual_seed(1000 + step)
    leaves = [weight.detach().clone().requires_grad_() for weight in weights]
    scale, bias, matrix, kernels = leaves
    images = torch.randn((_EXAMPLES, 2, _SIDE, _SIDE), generator=generator, dtype=torch.float64)
    images = images * 10 ** (2 * torch.rand((), generator=generator, dtype=torch.float64) - 1)
    if step % 3 == 0:
        images[:, 1] = 0
    labels = torch.randint(len(bias), (_EXAMPLES,), generator=generator)
    features = torch.tanh(functional.conv2d(images, kernels)).mean(dim=(2, 3))
    loss = functional.cross_entropy(scale * (features @ matrix.T + bias), labels)
    gradients = torch.autograd.grad(loss, leaves, create_graph=curvature)
    curvatures: tuple[Tensor, ...] = ()
    if curvature:
        parts = directions(step)
        along = torch.stack([(g * part).sum() for g, part in zip(gradients, parts, strict=True)]).sum()
        products = torch.autograd.grad(along, leaves)
        curvatures = tuple(product * part for product, part in zip(products, parts, strict=True))
    return Slope(loss.item(), tuple(g.detach() for g in gradients), curvatures)
