"""What is minimised: the loss of each lane, from what its model says and what is right."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from evaluators.models.in_torch import feature_major


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross entropy in nats over batch and positions; the features are the logits of the classes.

    Attributes:
        smoothing: Share of the target spread evenly over all classes (Szegedy et al. 2016, section 7).

    Raises:
        ValueError: It is no share.
    """

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing is {self.smoothing}, but has to be from 0 to below 1.")

    def __call__(self, output: Tensor, targets: Tensor) -> Tensor:
        """The loss.

        Args:
            output: `(lanes, classes, positions, batch)`.
            targets: Class indices, `(lanes, batch)` for a single position, or `(lanes, batch, positions)`.

        Returns:
            `(lanes,)`.
        """
        indices = targets if targets.dim() == 2 else targets.mT.flatten(1)
        return cross_entropy(output.flatten(2), indices, self.smoothing)


@dataclass(frozen=True)
class MeanSquare:
    """Mean squared difference over batch, positions and features."""

    def __call__(self, output: Tensor, targets: Tensor) -> Tensor:
        """The loss.

        Args:
            output: `(lanes, features, positions, batch)`.
            targets: `(lanes, batch, features)` for a single position, or `(lanes, batch, positions, features)`.

        Returns:
            `(lanes,)`.
        """
        return (output - feature_major(targets)).square().mean(dim=(1, 2, 3))


Loss = CrossEntropy | MeanSquare


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy of each lane in nats.

    Args:
        logits: `(lanes, classes, predictions)`.
        targets: `(lanes, predictions)`, class indices.
        smoothing: As in `CrossEntropy`.

    Returns:
        `(lanes,)`.
    """
    return functional.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing).mean(dim=1)
