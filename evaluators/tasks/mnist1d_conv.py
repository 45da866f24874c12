"""MNIST-1D by a one-dimensional convolutional network."""

from __future__ import annotations

from evaluators.models.layers import Conv, Flatten, Linear, Relu
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.mnist1d import CLASSES, LENGTH, curves
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

CHANNELS = 24


def _load() -> Data:
    def points(examples: Examples) -> Examples:
        return Examples(examples.inputs[:, :, None], examples.targets)

    return Data(points(curves().train), points(curves().validation))


def model(scale: int = 1) -> Model:
    """Three convolutions, each of which halves the curve, and logits."""
    channels = scale * CHANNELS
    convolutions = (
        Conv(1, channels, (5,), (LENGTH,), stride=2, padding=2),
        Conv(channels, channels, (3,), (LENGTH // 2,), stride=2, padding=1),
        Conv(channels, channels, (3,), (LENGTH // 4,), stride=2, padding=1),
    )
    hidden = tuple(layer for convolution in convolutions for layer in (convolution, Relu()))
    layers = (*hidden, Flatten(), Linear(LENGTH // 8 * channels, CLASSES, gain=0.5))
    return Model(layers, CrossEntropy(), positions=LENGTH)


TASK = Task(
    name="mnist1d_conv",
    doc="Digits as noisy curves of 40 points; one-dimensional convolutional network of 24-24-24 channels",
    tier=Tier.SEARCH,
    revision=1,
    steps=300,
    batch=32,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.SEARCH))
