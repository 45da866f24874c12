"""One parameter tensor of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter tensor, drawn at the start from a normal distribution.

    Attributes:
        name: For a reader.
        shape: For a linear layer (outputs, inputs), as in `torch.nn.Linear`.
        std: Standard deviation; 0 makes every element start at the mean.
        mean: 0, except for factors, which start at 1.
    """

    name: str
    shape: tuple[int, ...]
    std: float = 0.0
    mean: float = 0.0
