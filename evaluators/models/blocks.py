"""Groups of layers that several models are built from."""

from __future__ import annotations

from evaluators.models.layers import (
    Attention,
    Embedding,
    Gelu,
    Layer,
    LayerNorm,
    Linear,
    Positions,
    Residual,
    RmsNorm,
)
from evaluators.models.losses import CrossEntropy
from evaluators.models.model import Model

EXPANSION = 4
"""Width of the hidden layer of a transformer's perceptron, as a multiple of its own."""


def transformer(
    width: int, heads: int, blocks: int, *, causal: bool, norm: type[LayerNorm | RmsNorm] = LayerNorm
) -> tuple[Layer, ...]:
    """Transformer blocks that normalise before each part, and a last norm (Xiong et al. 2020, arXiv 2002.04745).

    Args:
        width: Features at each position, before and after.
        heads: Of the attention.
        blocks: Attention and perceptron, this many times.
        causal: Whether a position sees none of those after it.
        norm: Which norm.
    """
    hidden = EXPANSION * width
    block = (
        Residual(norm(width), Attention(width, heads, causal)),
        Residual(norm(width), Linear(width, hidden), Gelu(), Linear(hidden, width)),
    )
    return (*block * blocks, norm(width))


def language_model(
    symbols: int, length: int, width: int, heads: int, blocks: int, *, norm: type[LayerNorm | RmsNorm] = LayerNorm
) -> Model:
    """A causal transformer that gives logits of the next symbol at every place of a piece of so many symbols."""
    layers = (
        Embedding(symbols, width),
        Positions(width, length),
        *transformer(width, heads, blocks, causal=True, norm=norm),
        Linear(width, symbols, gain=0.5),
    )
    return Model(layers, CrossEntropy(), positions=length)
