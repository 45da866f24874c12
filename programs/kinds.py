"""The three kinds of value a program computes with, ordered by how many numbers they hold."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """How many numbers a value holds. A smaller kind broadcasts to a larger one, so kinds join by `max`."""

    SCALAR = 0
    """One number for the whole model, like the learning rate."""
    PER_TENSOR = 1
    """One number for each parameter tensor, like the norm of its gradient."""
    TENSOR = 2
    """One number for each weight, like the gradient."""

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")
