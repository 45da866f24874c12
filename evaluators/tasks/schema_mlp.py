"""Byte-level language modelling of YAML, from sixteen characters, by a perceptron of two hidden layers with tanh.

The text describes the operations of torch and is shipped with it.
"""

from __future__ import annotations

import numpy as np

from evaluators.models.layers import Embedding, Flatten, Linear, Tanh
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, folder_of, symbols
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task
from evaluators.tasks.text import windows

CONTEXT, WIDTH, HIDDEN = 16, 8, 96
VALIDATION = 2048


def _load() -> Data:
    path = folder_of("torchgen") / "packaged" / "ATen" / "native" / "native_functions.yaml"
    text = symbols(path.read_bytes())
    border = len(text) * 4 // 5
    train, everything = windows(text[:border], CONTEXT), windows(text[border:], CONTEXT)
    chosen = np.random.default_rng(0).choice(len(everything.targets), VALIDATION, replace=False)
    return Data(train, Examples(everything.inputs[chosen], everything.targets[chosen]))


def model(scale: int = 1) -> Model:
    """Embedding, two hidden layers, logits."""
    width, hidden = scale * WIDTH, scale * HIDDEN
    layers = (
        Embedding(SYMBOLS, width),
        Flatten(),
        Linear(CONTEXT * width, hidden),
        Tanh(),
        Linear(hidden, hidden),
        Tanh(),
        Linear(hidden, SYMBOLS, gain=0.5),
    )
    return Model(layers, CrossEntropy(), positions=CONTEXT)


TASK = Task(
    name="schema_mlp",
    doc="Next character of YAML from the sixteen before it; embedding and two hidden layers of 96 with tanh",
    tier=Tier.TEST,
    revision=1,
    steps=4000,
    batch=128,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK,)
