"""Reference meanings of the operations on whole matrices: numpy, over a batch of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic that pushes singular values towards 1 (Jordan et al. 2024, Muon)."""
NEWTON_SCHULZ_STEPS = 5
NEWTON_SCHULZ_EPS = 1e-7
"""Added to the norm that a matrix is divided by first, so that zero stays zero."""


def transpose(x: Array) -> Array:
    """Rows and columns swapped: `(lanes, a, b)` to `(lanes, b, a)`."""
    return np.swapaxes(x, -1, -2)


def orthogonalize(x: Array) -> Array:
    """Replace the singular values of each matrix by numbers near 1, keeping its singular vectors.

    Args:
        x: shape `(lanes, rows, columns)`.

    Returns:
        The same shape. A zero matrix stays zero; a NaN or infinity anywhere in a matrix makes all of it NaN.
    """
    a, b, c = NEWTON_SCHULZ
    tall = x.shape[-2] > x.shape[-1]
    y = transpose(x) if tall else x
    norm = np.sqrt(np.sum(np.square(y), axis=(-2, -1), keepdims=True))
    y = y / (norm + NEWTON_SCHULZ_EPS)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = y @ transpose(y)
        y = a * y + (b * gram + c * gram @ gram) @ y
    return transpose(y) if tall else y


def inverse_root(x: Array, p: Array | float, eps: Array | float) -> Array:
    """`(x + eps * identity) ** (-1 / p)` of each symmetric matrix, as in Shampoo (Gupta et al. 2018, arXiv 1802.09568).

    Args:
        x: shape `(lanes, n, n)`; of what is not symmetric the lower triangle counts.
        p: A number, or one for each lane, shape `(lanes, 1)`.
        eps: The same. Eigenvalues of `x` below zero count as zero: with `eps` 0 a singular matrix has no finite root.

    Returns:
        The same shape as `x`. A NaN or infinity anywhere in a matrix makes all of it NaN.
    """
    values, vectors = _decomposed(x)
    powers = np.power(np.maximum(values, 0.0) + eps, np.divide(-1.0, p)).astype(x.dtype, copy=False)
    return ((vectors * powers[..., None, :]) @ transpose(vectors)).astype(x.dtype, copy=False)


def eigenvalues(x: Array) -> Array:
    """Those of each symmetric matrix, `(lanes, n, n)` to `(lanes, n)`; the lower triangle counts."""
    return _decomposed(x)[0]


def _decomposed(x: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors; those of a matrix that holds a NaN or infinity are NaN."""
    finite = np.asarray(np.isfinite(x).all(axis=(-2, -1), keepdims=True))
    kept = np.where(finite, x, 0.0)
    # Near the largest and the smallest numbers the decomposition does not converge; a power of two changes no digit.
    _, exponent = np.frexp(np.abs(kept).max(axis=(-2, -1), keepdims=True, initial=0.0))
    scale = np.ldexp(np.ones_like(kept, shape=exponent.shape), exponent - 1)
    values, vectors = _eigh(kept / scale)
    return np.where(finite[..., 0], values * scale[..., 0], np.nan), np.where(finite, vectors, np.nan)


def _eigh(x: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of symmetric matrices, NaN for one that they cannot be found of."""
    try:
        values, vectors = np.linalg.eigh(x)
    except np.linalg.LinAlgError:
        if len(x) == 1:
            return np.full(x.shape[:-1], np.nan, x.dtype), np.full_like(x, np.nan)
        each = [_eigh(x[lane : lane + 1]) for lane in range(len(x))]
        return np.concatenate([values for values, _ in each]), np.concatenate([vectors for _, vectors in each])
    return values, vectors
