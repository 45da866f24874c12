"""Every layer against its counterpart in torch.nn: values and gradients, in several lanes with weights of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluators.models.in_torch import embed, feature_major, forward, run
from evaluators.models.layers import (
    Attention,
    Conv,
    Embedding,
    Flatten,
    Gelu,
    Gru,
    Layer,
    LayerNorm,
    Linear,
    Lstm,
    MeanPool,
    Positions,
    Relu,
    Residual,
    RmsNorm,
    Shape,
    Tanh,
)

LANES, BATCH = 3, 5
RANDOM = torch.Generator().manual_seed(0)

Reference = Callable[[Sequence[Tensor], Tensor], Tensor]
"""Of one lane: its weights and its input `(batch, positions, features)`, to an output of the same axes."""


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=RANDOM, dtype=torch.float64)


def loaded(module: nn.Module, state: dict[str, Tensor]) -> Callable[..., Tensor]:
    """The module with these parameters, which gradients flow to."""
    return lambda *x: torch.func.functional_call(module.double(), state, x)


def recurrent(module: nn.GRU | nn.LSTM, gates: int, last: bool) -> Reference:
    def reference(weights: Sequence[Tensor], x: Tensor) -> Tensor:
        zero = torch.zeros_like(weights[-1])
        given, own, biases = weights[:gates], weights[gates : 2 * gates], weights[2 * gates :]
        hidden_bias = [zero, zero, biases[3]] if gates == 3 else [zero] * 4
        state = {
            "weight_ih_l0": torch.cat(list(given)),
            "weight_hh_l0": torch.cat(list(own)),
            "bias_ih_l0": torch.cat(list(biases[:gates])),
            "bias_hh_l0": torch.cat(hidden_bias),
        }
        output = loaded(module, state)(x)[0]
        return output[:, -1:] if last else output

    return reference


def attention(heads: int, causal: bool) -> Reference:
    def reference(weights: Sequence[Tensor], x: Tensor) -> Tensor:
        width = x.shape[-1]
        module = nn.MultiheadAttention(width, heads, bias=False, batch_first=True)
        state = {"in_proj_weight": torch.cat(list(weights[:3])), "out_proj.weight": weights[3]}
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1) if causal else None
        call = torch.func.functional_call
        return call(module.double(), state, (x, x, x), {"need_weights": False, "attn_mask": later})[0]  # type: ignore[no-any-return]  # untyped in torch

    return reference


def convolution(layer: Conv) -> Reference:
    operation = functional.conv1d if len(layer.grid) == 1 else functional.conv2d

    def reference(weights: Sequence[Tensor], x: Tensor) -> Tensor:
        images = x.mT.reshape(len(x), layer.inputs, *layer.grid)
        return operation(images, weights[0], weights[1], stride=layer.stride, padding=layer.padding).flatten(2).mT

    return reference


def convolutions() -> Iterator[tuple[Layer, Shape, Reference]]:
    for layer in (
        Conv(2, 3, (4,), (9,)),
        Conv(2, 3, (5,), (9,), stride=2, padding=2),
        Conv(2, 3, (3, 2), (5, 6)),
        Conv(2, 4, (3, 2), (5, 6), stride=2, padding=1),
        Conv(1, 3, (2, 2), (4, 4), stride=2),
    ):
        yield layer, Shape(layer.inputs, math.prod(layer.grid)), convolution(layer)


CASES: list[tuple[Layer, Shape, Reference]] = [
    (Linear(6, 4), Shape(6, 3), lambda w, x: functional.linear(x, w[0], w[1])),
    (Linear(6, 4, bias=False), Shape(6, 1), lambda w, x: functional.linear(x, w[0])),
    (Positions(6, 3), Shape(6, 3), lambda w, x: x + w[0]),
    (Relu(), Shape(6, 3), lambda _, x: functional.relu(x)),
    (Gelu(), Shape(6, 3), lambda _, x: functional.gelu(x, approximate="tanh")),
    (Tanh(), Shape(6, 3), lambda _, x: x.tanh()),
    (Flatten(), Shape(6, 3), lambda _, x: x.mT.flatten(1).unsqueeze(1)),
    (MeanPool(), Shape(6, 3), lambda _, x: x.mean(dim=1, keepdim=True)),
    (LayerNorm(6), Shape(6, 3), lambda w, x: functional.layer_norm(x, (6,), w[0], w[1], eps=1e-5)),
    (RmsNorm(6), Shape(6, 3), lambda w, x: functional.rms_norm(x, (6,), w[0], eps=1e-5)),
    (Attention(6, 2, causal=True), Shape(6, 4), attention(2, causal=True)),
    (Attention(6, 3, causal=False), Shape(6, 4), attention(3, causal=False)),
    (Gru(6, 4, last=False), Shape(6, 3), recurrent(nn.GRU(6, 4, batch_first=True), 3, last=False)),
    (Gru(6, 4, last=True), Shape(6, 3), recurrent(nn.GRU(6, 4, batch_first=True), 3, last=True)),
    (Lstm(6, 4, last=False), Shape(6, 3), recurrent(nn.LSTM(6, 4, batch_first=True), 4, last=False)),
    (Lstm(6, 4, last=True), Shape(6, 3), recurrent(nn.LSTM(6, 4, batch_first=True), 4, last=True)),
    (Residual(Linear(6, 6), Tanh()), Shape(6, 3), lambda w, x: x + functional.linear(x, w[0], w[1]).tanh()),
    *convolutions(),
]


@pytest.mark.parametrize(("layer", "shape", "reference"), CASES, ids=[str(case[0]) for case in CASES])
def test_a_layer_computes_what_torchs_does_and_so_do_its_gradients(
    layer: Layer, shape: Shape, reference: Reference
) -> None:
    weights = [random(LANES, *parameter.shape).requires_grad_() for parameter in layer.parameters]
    x = random(LANES, BATCH, shape.positions, shape.features).requires_grad_()
    ours = forward(layer, weights, feature_major(x))
    expected = torch.stack([reference([weight[i] for weight in weights], x[i]) for i in range(LANES)])
    assert ours.shape == (LANES, *layer.output(shape), BATCH)
    torch.testing.assert_close(ours, feature_major(expected))
    direction = random(*ours.shape)
    found = torch.autograd.grad((ours * direction).sum(), [x, *weights])
    wanted = torch.autograd.grad((expected * direction.permute(0, 3, 2, 1)).sum(), [x, *weights])
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(("layer", "shape"), [case[:2] for case in CASES], ids=[str(case[0]) for case in CASES])
def test_a_layer_can_be_differentiated_twice_for_the_rules_that_ask_for_the_curvature(
    layer: Layer, shape: Shape
) -> None:
    weights = [random(1, *parameter.shape).requires_grad_() for parameter in layer.parameters]
    x = random(1, *shape, 2).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x, *w: forward(layer, w, x), (x, *weights))


def test_embed_is_torchs_embedding_in_every_lane() -> None:
    table, indices = random(LANES, 7, 2), torch.randint(7, (LANES, BATCH, 4), generator=RANDOM)
    expected = [functional.embedding(indices[i], table[i]) for i in range(LANES)]
    assert torch.equal(embed(table, indices), torch.stack(expected))


def test_an_embedding_makes_features_of_symbols_position_by_position() -> None:
    table, indices = random(LANES, 7, 2), torch.randint(7, (LANES, 4, BATCH), generator=RANDOM)
    found = forward(Embedding(7, 2), [table], indices)
    assert found.shape == (LANES, 2, 4, BATCH)
    assert torch.equal(found[1, :, 2, 3], table[1, indices[1, 2, 3]])


def test_layers_take_their_weights_in_order() -> None:
    layers = (Linear(6, 4), Relu(), Residual(LayerNorm(4), Linear(4, 4)), Linear(4, 2, bias=False))
    weights = [random(LANES, *parameter.shape) for layer in layers for parameter in layer.parameters]
    x = random(LANES, 6, 3, BATCH)
    expected = forward(layers[0], weights[:2], x).relu()
    expected = forward(layers[3], weights[6:], forward(layers[2], weights[2:6], expected))
    assert torch.equal(run(layers, weights, x), expected)
