"""Handwritten digits by a convolutional network."""

from __future__ import annotations

from evaluators.models.layers import Conv, Flatten, Linear, Relu
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.digits import CLASSES, PIXELS, SIDE, SMOOTHING, images
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

CHANNELS = 16


def _load() -> Data:
    def pixels(examples: Examples) -> Examples:
        return Examples(examples.inputs[:, :, None], examples.targets)

    return Data(pixels(images().train), pixels(images().validation))


def model(scale: int = 1) -> Model:
    """Three convolutions, the last two of which halve the image, and logits."""
    channels = scale * CHANNELS
    convolutions = (
        Conv(1, channels, (3, 3), (SIDE, SIDE), padding=1),
        Conv(channels, channels, (3, 3), (SIDE, SIDE), stride=2, padding=1),
        Conv(channels, channels, (3, 3), (SIDE // 2, SIDE // 2), stride=2, padding=1),
    )
    hidden = tuple(layer for convolution in convolutions for layer in (convolution, Relu()))
    layers = (*hidden, Flatten(), Linear(PIXELS // 16 * channels, CLASSES, gain=0.5))
    return Model(layers, CrossEntropy(SMOOTHING), positions=PIXELS)


TASK = Task(
    name="digits_conv",
    doc="8 x 8 images of handwritten digits, labels smoothed by 0.1; convolutional network of 16-16-16 channels",
    tier=Tier.SEARCH,
    revision=1,
    steps=300,
    batch=32,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.VALIDATE))
