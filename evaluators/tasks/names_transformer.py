"""Byte-level language modelling of the names of Unicode characters by a transformer of three blocks with RMS norms."""

from __future__ import annotations

import sys
import unicodedata

import numpy as np

from evaluators.models.blocks import language_model
from evaluators.models.layers import RmsNorm
from evaluators.models.model import Model
from evaluators.tasks.corpus import SYMBOLS, Split, sequences, symbols
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Task

LENGTH, WIDTH, HEADS, BLOCKS = 40, 48, 6, 3
ENUMERATED = ("CJK UNIFIED", "CJK COMPATIBILITY", "HANGUL SYLLABLE", "TANGUT IDEOGRAPH", "NUSHU", "KHITAN", "VARIATION")
"""Characters that are only numbered."""
HELD_OUT = 10


def names() -> Split:
    """One name a line, in an order that has nothing to do with that of the characters."""
    found = [unicodedata.name(chr(code), "") for code in range(sys.maxunicode)]
    kept = [name for name in found if name and not name.startswith(ENUMERATED)]
    order = np.random.default_rng(0).permutation(len(kept))
    border = len(kept) // HELD_OUT
    validation, train = ("\n".join(kept[index] for index in part) for part in (order[:border], order[border:]))
    return symbols(train.encode()), symbols(validation.encode())


def _load() -> Data:
    return sequences(names, LENGTH, validation=128)


def model(scale: int = 1) -> Model:
    """Embedding, three blocks, logits at every position; heads become more, not wider."""
    return language_model(SYMBOLS, LENGTH, scale * WIDTH, scale * HEADS, BLOCKS, norm=RmsNorm)


TASK = Task(
    name="names_transformer",
    doc="Next letter of the names of Unicode characters; transformer of three blocks of 48 with RMS norms",
    tier=Tier.TEST,
    revision=1,
    steps=800,
    batch=24,
    load=_load,
    model=model(),
    widen=model,
)
TASKS = (TASK,)
