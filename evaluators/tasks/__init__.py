"""The tasks that rules are measured on.

A task is one file here that defines `TASKS`, and a line for each of them in the registry below. `task` says what a task
is made of, `naming` what tasks are called and how a variant of one is written, `measured` what they cost and how well
they separate; `corpus` has the texts. Then by family:

- `digits`, `digits_vit`, `digits_conv`: small images of handwritten digits. `digits` is the shortest example.
- `text`, `text_gru`, `text_transformer`: Python source code, character by character.
- `mnist1d`, `mnist1d_gru`, `mnist1d_conv`, `mnist1d_transformer`: digits as noisy curves; `mnist1d` makes the curves.
- `prose_transformer`, `headers_lstm`, `photos_denoise`: other data and larger models, to validate on.
- `schema_mlp`, `terrain_lstm`, `names_transformer`: yet others, for the last word.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from evaluators.tasks.naming import Tier, split

if TYPE_CHECKING:
    from evaluators.tasks.task import Task

REGISTRY = {
    "digits_mlp": (Tier.SEARCH, "digits"),
    "text_ngram": (Tier.SEARCH, "text"),
    "mnist1d_gru": (Tier.SEARCH, "mnist1d_gru"),
    "mnist1d_conv": (Tier.SEARCH, "mnist1d_conv"),
    "digits_conv": (Tier.SEARCH, "digits_conv"),
    "digits_vit": (Tier.SEARCH, "digits_vit"),
    "text_gru": (Tier.SEARCH, "text_gru"),
    "text_transformer": (Tier.SEARCH, "text_transformer"),
    "digits_mlp_long": (Tier.SEARCH, "digits"),
    "text_ngram_long": (Tier.SEARCH, "text"),
    "mnist1d_gru_long": (Tier.SEARCH, "mnist1d_gru"),
    "mnist1d_conv_long": (Tier.SEARCH, "mnist1d_conv"),
    "digits_conv_long": (Tier.VALIDATE, "digits_conv"),
    "digits_vit_long": (Tier.VALIDATE, "digits_vit"),
    "text_gru_long": (Tier.VALIDATE, "text_gru"),
    "text_transformer_long": (Tier.VALIDATE, "text_transformer"),
    "photos_denoise": (Tier.VALIDATE, "photos_denoise"),
    "headers_lstm": (Tier.VALIDATE, "headers_lstm"),
    "mnist1d_transformer": (Tier.VALIDATE, "mnist1d_transformer"),
    "prose_transformer": (Tier.VALIDATE, "prose_transformer"),
    "schema_mlp": (Tier.TEST, "schema_mlp"),
    "terrain_lstm": (Tier.TEST, "terrain_lstm"),
    "names_transformer": (Tier.TEST, "names_transformer"),
    "photos_denoise_long": (Tier.TEST, "photos_denoise"),
    "headers_lstm_long": (Tier.TEST, "headers_lstm"),
    "prose_transformer_long": (Tier.TEST, "prose_transformer"),
}
"""Tier of each task and the module that defines it, imported on first use so that names can be listed without torch."""

DEFAULT = ("digits_mlp", "text_ngram")
"""What a search trains unless told otherwise: a filter, then the cheap task that tells rules apart."""

VARIANTS_KEPT = 64


def names(tier: Tier | None = None) -> tuple[str, ...]:
    """The names of all tasks, or of those of one tier; their variants are not listed."""
    return tuple(name for name, (own, _) in REGISTRY.items() if tier in (None, own))


def get(name: str) -> Task:
    """The task of that name, or the variant: `text_ngram@width=2,horizon=4`. The same object every time.

    Raises:
        ValueError: There is none.
    """
    base, factors = split(name)
    if base not in REGISTRY:
        raise ValueError(f"Unknown task {base!r}. Known: {', '.join(REGISTRY)}.")
    return _variant(name) if factors else _load(base)


def _load(name: str) -> Task:
    tasks: tuple[Task, ...] = importlib.import_module(f"evaluators.tasks.{REGISTRY[name][1]}").TASKS
    return next(task for task in tasks if task.name == name)


@lru_cache(VARIANTS_KEPT)
def _variant(name: str) -> Task:
    base, factors = split(name)
    width = int(factors.pop("width", 1))
    return replace(_load(base).variant(width=width, **factors), name=name)
