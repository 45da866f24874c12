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
from torch import Tensor

from evaluators.tasks.layers import cross_entropy, embed, linear
from evaluators.tasks.task import Data, Examples, Parameter, Task, Tier

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


def _loss(weights: Sequence[Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    embedding, hidden, hidden_bias, output, output_bias = weights
    context = embed(embedding, inputs).flatten(start_dim=2)
    x = linear(context.mT, hidden, hidden_bias).relu()
    return cross_entropy(linear(x, output, output_bias), targets)


TASK = Task(
    name="text_ngram",
    doc="Next character of Python source code from the eight before it; embedding and one hidden layer of 64",
    tier=Tier.SEARCH,
    revision=1,
    parameters=(
        Parameter("embedding.weight", (SYMBOLS, WIDTH), std=1.0),
        Parameter("hidden.weight", (HIDDEN, CONTEXT * WIDTH), std=(2 / (CONTEXT * WIDTH)) ** 0.5),
        Parameter("hidden.bias", (HIDDEN,)),
        Parameter("output.weight", (SYMBOLS, HIDDEN), std=0.5 * HIDDEN**-0.5),
        Parameter("output.bias", (SYMBOLS,)),
    ),
    steps=500,
    batch=64,
    load=_load,
    loss=_loss,
)
