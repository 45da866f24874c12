"""The learning rate over a run, as a share of its peak."""

from __future__ import annotations

import math

WARMUP = 0.05
"""Share of the steps in which the learning rate rises."""


def multiplier(step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine that would reach zero one step after the last.

    Args:
        step: From 1 to `steps`.
        steps: Length of the run.

    Returns:
        A factor in (0, 1]; 1 at the end of the warm-up.
    """
    warmup = max(1, round(WARMUP * steps))
    if step <= warmup:
        return step / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / (steps - warmup + 1)))
