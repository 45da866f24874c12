"""Digits as noisy curves of 40 points, in the manner of MNIST-1D (Greydanus and Kobak 2024, arXiv 2011.14439).

A template of 12 points for each digit is stretched, scaled, moved along a longer curve, covered with noise and sheared.
Made here by the published recipe, all curves at once; the numbers are not those of the published set.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from evaluators.tasks.task import Data, Examples

CLASSES, LENGTH = 10, 40
TRAIN, VALIDATION = 8000, 1024

_TEMPLATES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
"""Heights of the strokes; what counts of them is how they rise and fall from the first."""

_TEMPLATE = _TEMPLATES.shape[1]
_LEAST_PADDING, _MOST_PADDING = 36, 60
_CURVE = _TEMPLATE + _MOST_PADDING
_HEIGHT = 1 / 6
"""Makes a stroke not much higher than the noise."""
_SCALE, _SHIFT, _SHEAR = 0.4, 48, 0.75
_SMOOTH_NOISE, _SMOOTHNESS, _NOISE = 0.25, 2.0, 0.02
_GRAIN = 1024
"""Heights are rounded to a whole number of 1/1024, so that the last bits of a machine's arithmetic do not show."""


@cache
def curves(seed: int = 0) -> Data:
    """The curves `(examples, 40)` and which digit each shows."""
    count, rng = TRAIN + VALIDATION, np.random.default_rng(seed)
    targets = rng.permutation(np.arange(count) % CLASSES)
    padding = rng.integers(_LEAST_PADDING, _MOST_PADDING, count, endpoint=True)[:, None]
    heights = _TEMPLATES - _TEMPLATES.mean(axis=1, keepdims=True)
    heights = heights / heights.std(axis=1, keepdims=True)
    heights = (heights - heights[:, :1]) * _HEIGHT
    padded = np.pad(heights[targets], ((0, 0), (0, _MOST_PADDING)))

    x = _read(padded, np.linspace(0, 1, _CURVE) * (_TEMPLATE + padding - 1))
    drawn = np.linspace(0, 1, _CURVE) * (_TEMPLATE + padding - 1) < _TEMPLATE
    x = x * (1 + _SCALE * (rng.random((count, 1)) - 0.5))
    moved = (np.arange(_CURVE) - rng.integers(_SHIFT, size=(count, 1))) % _CURVE
    x, drawn = np.take_along_axis(x, moved, axis=1), np.take_along_axis(drawn, moved, axis=1)
    x = np.where(drawn, x, _smooth(_SMOOTH_NOISE * rng.standard_normal((count, _CURVE))))
    x = x + _NOISE * rng.standard_normal(x.shape)
    x = x - _SHEAR * (rng.random((count, 1)) - 0.5) * np.linspace(-0.5, 0.5, _CURVE)
    x = _read(x, np.broadcast_to(np.linspace(0, _CURVE - 1, LENGTH), (count, LENGTH)))

    inputs = (np.round(x * _GRAIN) / _GRAIN).astype(np.float32)
    train, validation = slice(TRAIN), slice(TRAIN, count)
    return Data(Examples(inputs[train], targets[train]), Examples(inputs[validation], targets[validation]))


def _read(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row's values between its points, by linear interpolation."""
    left = np.minimum(at.astype(np.int64), values.shape[1] - 2)
    low, high = (np.take_along_axis(values, left + step, axis=1) for step in (0, 1))
    between: NDArray[np.float64] = low + (at - left) * (high - low)
    return between


def _smooth(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row under a Gaussian window, the row reflected at its ends."""
    reach = round(4 * _SMOOTHNESS)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTHNESS) ** 2)
    wide, length = np.pad(noise, ((0, 0), (reach, reach)), mode="symmetric"), noise.shape[1]
    parts = (weight * wide[:, start : start + length] for start, weight in enumerate(window / window.sum()))
    return np.sum(list(parts), axis=0)  # type: ignore[no-any-return]  # numpy's stubs
