"""Byte-level language modelling of Python source code: predict a character from the eight before it.

The text is the standard library of the Python that runs, so nothing is downloaded; the version says which text it was.
The model is that of Bengio et al. 2003, "A Neural Probabilistic Language Model", with one hidden layer.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from evaluators.models.layers import RELU_GAIN, Embedding, Flatten, Linear, Relu
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model
from evaluators.tasks.task import Data, Examples, Task, Tier

TRAIN = ("argparse", "configparser", "difflib", "doctest", "inspect", "subprocess", "tarfile", "threading")
VALIDATION = ("csv", "enum", "ipaddress", "tempfile", "textwrap", "traceback")
"""Modules that have been where they are for a long time, and none of them in both."""

CONTEXT, WIDTH, HIDDEN = 8, 8, 64
SYMBOLS = 96
VALIDATION_EXAMPLES = 1024

_SYMBOL = np.full(256, SYMBOLS, dtype=np.uint8)
_SYMBOL[ord("\n")] = 0
_SYMBOL[ord(" ") : ord("~") + 1] = np.arange(1, SYMBOLS)


def symbols(text: bytes) -> NDArray[np.uint8]:
    """Line feed and the 95 printable ASCII characters as numbers from 0 to 95; every other byte is left out."""
    mapped = _SYMBOL[np.frombuffer(text, dtype=np.uint8)]
    return mapped[mapped < SYMBOLS]


def _examples(modules: Sequence[str]) -> Examples:
    library = Path(sysconfig.get_path("stdlib"))
    text = symbols(b"".join((library / f"{module}.py").read_bytes() for module in modules))
    windows = sliding_window_view(text, CONTEXT + 1)
    return Examples(windows[:, :CONTEXT], windows[:, CONTEXT])


def _load() -> Data:
    everything = _examples(VALIDATION)
    chosen = np.random.default_rng(0).choice(len(everything.targets), VALIDATION_EXAMPLES, replace=False)
    return Data(_examples(TRAIN), Examples(everything.inputs[chosen], everything.targets[chosen]))


TASK = Task(
    name="text_ngram",
    doc="Next character of Python source code from the eight before it; embedding and one hidden layer of 64",
    tier=Tier.SEARCH,
    revision=2,
    steps=500,
    batch=64,
    load=_load,
    model=Model(
        (
            Embedding(SYMBOLS, WIDTH),
            Flatten(),
            Linear(CONTEXT * WIDTH, HIDDEN, gain=RELU_GAIN),
            Relu(),
            Linear(HIDDEN, SYMBOLS, gain=0.5),
        ),
        CrossEntropy(),
        positions=CONTEXT,
    ),
)
