"""Reference meanings of the matrix operations: numpy, over a batch of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic that pushes singular values towards 1 (Jordan et al. 2024, Muon)."""
NEWTON_SCHULZ_STEPS = 5
NEWTON_SCHULZ_EPS = 1e-7
"""Added to the norm that a matrix is divided by first, so that zero stays zero."""


def orthogonalize(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Replace the singular values of each matrix by numbers near 1, keeping its singular vectors.

    Args:
        x: shape `(lanes, rows, columns)`.

    Returns:
        The same shape. A zero matrix stays zero; a NaN or infinity anywhere in a matrix makes all of it NaN.
    """
    a, b, c = NEWTON_SCHULZ
    tall = x.shape[-2] > x.shape[-1]
    y = np.swapaxes(x, -1, -2) if tall else x
    norm = np.sqrt(np.sum(np.square(y), axis=(-2, -1), keepdims=True))
    y = y / (norm + NEWTON_SCHULZ_EPS)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = y @ np.swapaxes(y, -1, -2)
        y = a * y + (b * gram + c * gram @ gram) @ y
    return np.swapaxes(y, -1, -2) if tall else y
