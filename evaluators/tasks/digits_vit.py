"""Handwritten digits by a vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929) on patches of 2 x 2 pixels."""

from __future__ import annotations

import numpy as np

from evaluators.models.blocks import transformer
from evaluators.models.layers import Linear, MeanPool, Positions
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.digits import CLASSES, SIDE, SMOOTHING, images
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task

PATCH = 2
PATCHES = (SIDE // PATCH) ** 2
WIDTH, HEADS = 32, 4


def _load() -> Data:
    def patches(examples: Examples) -> Examples:
        cut = examples.inputs.reshape(-1, SIDE // PATCH, PATCH, SIDE // PATCH, PATCH).swapaxes(2, 3)
        return Examples(np.ascontiguousarray(cut).reshape(-1, PATCHES, PATCH**2), examples.targets)

    return Data(patches(images().train), patches(images().validation))


def model(scale: int = 1) -> Model:
    """Patches, one block, the mean over the patches, logits; heads become more, not wider."""
    width = scale * WIDTH
    layers = (
        Linear(PATCH**2, width),
        Positions(width, PATCHES),
        *transformer(width, scale * HEADS, 1, causal=False),
        MeanPool(),
        Linear(width, CLASSES, gain=0.5),
    )
    return Model(layers, CrossEntropy(SMOOTHING), positions=PATCHES)


TASK = Task(
    name="digits_vit",
    doc="8 x 8 images of handwritten digits, labels smoothed by 0.1; vision transformer of one block of 32",
    tier=Tier.SEARCH,
    revision=1,
    steps=300,
    batch=32,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK, TASK.longer(4, Tier.VALIDATE))
