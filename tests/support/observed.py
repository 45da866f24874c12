"""What an instruction might be given on a probe of a few lanes."""

from __future__ import annotations

import numpy as np

from programs.probe import TIMES, Array, noise

NUMBERS: Array = noise(0)[:, None] * np.array([1.0, 100.0])[:, None]
"""In two lanes, of both signs."""
LANES = 2


def of_one_value(value: float, lanes: int = LANES) -> Array:
    """A number for each lane, the same in all."""
    return np.full((len(TIMES), lanes, 1), value)
