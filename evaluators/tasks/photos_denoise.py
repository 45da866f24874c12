"""Regression: take the noise from pieces of photographs, with a residual convolutional network.

The photographs are the two that scikit-learn ships. Differences of neighbouring pixels have heavy tails, at the edges
of things. An example has the same noise whenever it is seen, so that nothing is random in training but the batches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluators.models.layers import Conv, Linear, Relu, Residual
from evaluators.models.losses import MeanSquare
from evaluators.models.model import Model
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

SIDE, CHANNELS = 8, 16
PIXELS = SIDE**2
TRAIN, VALIDATION = 8000, 512
NOISE = 0.5
"""Standard deviation of the noise; that of the pixels is 1."""


def _load() -> Data:
    from sklearn.datasets import load_sample_images  # here, because it takes a second to import

    grey = [np.asarray(photo, dtype=np.float64).mean(axis=2) for photo in load_sample_images().images]
    rng = np.random.default_rng(0)
    left = [photo[:, : photo.shape[1] * 3 // 4] for photo in grey]
    right = [photo[:, photo.shape[1] * 3 // 4 :] for photo in grey]
    return Data(_examples(left, TRAIN, rng), _examples(right, VALIDATION, rng))


def _examples(photos: list[NDArray[np.float64]], count: int, rng: np.random.Generator) -> Examples:
    """Pieces of the photographs, each to mean 0, all together to variance 1, with noise and without."""
    pieces = []
    for photo in photos:
        corners = (rng.integers(size - SIDE, size=count // len(photos)) for size in photo.shape)
        pieces += [photo[top : top + SIDE, left : left + SIDE] for top, left in zip(*corners, strict=True)]
    clean = np.stack(pieces).reshape(-1, PIXELS, 1)
    clean = clean - clean.mean(axis=1, keepdims=True)
    clean = clean / clean.std()
    noisy = clean + NOISE * rng.standard_normal(clean.shape)
    return Examples(noisy.astype(np.float32), clean.astype(np.float32))


def model(scale: int = 1) -> Model:
    """A convolution, two residual blocks of two convolutions, and one number for each pixel."""
    channels, grid = scale * CHANNELS, (SIDE, SIDE)

    def convolution(gain: float) -> Conv:
        return Conv(channels, channels, (3, 3), grid, padding=1, gain=gain)

    block = Residual(convolution(2**0.5), Relu(), convolution(0.5))
    layers = (Conv(1, channels, (3, 3), grid, padding=1), Relu(), block, block, Linear(channels, 1, gain=0.1))
    return Model(layers, MeanSquare(), positions=PIXELS)


TASK = Task(
    name="photos_denoise",
    doc="Pieces of photographs with noise, 8 x 8 pixels, and without; residual convolutional network of 16 channels",
    tier=Tier.VALIDATE,
    revision=1,
    steps=500,
    batch=32,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.TEST))
