from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from evaluators.models.layers import (
    Attention,
    Conv,
    Embedding,
    Flatten,
    Gru,
    Layer,
    LayerNorm,
    Linear,
    Lstm,
    MeanPool,
    Positions,
    Relu,
    Residual,
    Shape,
)
from evaluators.models.losses import CrossEntropy, MeanSquare
from evaluators.models.model import Model

TRANSFORMER = Model(
    (
        Embedding(11, 8),
        Positions(8, 5),
        Residual(LayerNorm(8), Attention(8, 2, causal=True)),
        Residual(LayerNorm(8), Linear(8, 16), Relu(), Linear(16, 8)),
        LayerNorm(8),
        Linear(8, 11),
    ),
    CrossEntropy(),
    positions=5,
)


def test_parameters_are_numbered_as_torch_numbers_those_of_a_sequence() -> None:
    assert [(parameter.name, parameter.shape) for parameter in TRANSFORMER.parameters[:8]] == [
        ("0.weight", (11, 8)),
        ("1.weight", (5, 8)),
        ("2.0.gain", (8,)),
        ("2.0.bias", (8,)),
        ("2.1.query", (8, 8)),
        ("2.1.key", (8, 8)),
        ("2.1.value", (8, 8)),
        ("2.1.output", (8, 8)),
    ]


def test_shapes_are_followed_through_every_layer() -> None:
    layers = (Conv(1, 6, (3, 3), (8, 8), stride=2, padding=1), Relu(), Conv(6, 4, (2, 2), (4, 4)), MeanPool())
    model = Model((*layers, Linear(4, 10)), CrossEntropy(), positions=64)
    assert model.shapes == ((1, 64), (6, 16), (6, 16), (4, 9), (4, 1), (10, 1))
    assert Model((Gru(4, 6, last=True), Linear(6, 2)), CrossEntropy(), positions=3).shapes[1] == Shape(6, 1)
    assert Model((Embedding(9, 4), Flatten(), Linear(12, 9)), CrossEntropy(), positions=3).shapes[2] == Shape(12, 1)


def test_a_model_computes_the_loss_of_the_same_model_written_with_torch() -> None:
    random = torch.Generator().manual_seed(1)
    model = Model((Embedding(7, 3), Flatten(), Linear(12, 7)), CrossEntropy(), positions=4)
    weights = [torch.randn(2, *parameter.shape, generator=random) for parameter in model.parameters]
    inputs = torch.randint(7, (2, 6, 4), generator=random)
    targets = torch.randint(7, (2, 6), generator=random)
    expected = []
    for lane in range(2):
        table, weight, bias = (part[lane] for part in weights)
        features = functional.embedding(inputs[lane], table).mT.flatten(1)
        expected.append(functional.cross_entropy(functional.linear(features, weight, bias), targets[lane]))
    torch.testing.assert_close(model.loss(weights, inputs, targets), torch.stack(expected))


def test_a_causal_model_says_nothing_different_when_what_comes_later_changes() -> None:
    random = torch.Generator().manual_seed(2)
    weights = [torch.randn(1, *parameter.shape, generator=random) for parameter in TRANSFORMER.parameters]
    inputs = torch.randint(11, (1, 3, 5), generator=random)
    changed = inputs.clone()
    changed[..., 3:] = (changed[..., 3:] + 1) % 11
    before, after = (TRANSFORMER.output(weights, symbols) for symbols in (inputs, changed))
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.equal(before[:, :, 3:], after[:, :, 3:])


@pytest.mark.parametrize(
    ("layers", "positions", "message"),
    [
        ((), 1, "first layer"),
        ((Relu(), Linear(3, 2)), 1, "first layer"),
        ((Linear(4, 3), Linear(4, 2)), 1, r"Layer 1: Linear\(.*takes 4 features, and is given 3"),
        ((Linear(4, 3), Embedding(4, 3)), 1, "embedding has to be the first"),
        ((Embedding(9, 4), Positions(4, 6)), 5, "Layer 1: .*6 positions, and is given 5"),
        ((Conv(1, 4, (3,), (40,)), MeanPool()), 39, "Layer 0: .*40 positions, and is given 39"),
        ((Residual(Linear(4, 3)), Linear(4, 2)), 1, "Layer 0: .*residual"),
        ((Residual(Linear(4, 3), Linear(4, 4)), Linear(4, 2)), 1, "Layer 0: Layer 1: .*takes 4"),
        ((Lstm(4, 8, last=True), Linear(8, 2), Linear(3, 2)), 7, "Layer 2"),
    ],
)
def test_layers_that_do_not_fit_are_refused_and_named(layers: tuple[Layer, ...], positions: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Model(layers, CrossEntropy(), positions)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Linear(0, 3),
        lambda: Conv(1, 2, (3,), (8, 8)),
        lambda: Conv(1, 2, (3, 0), (8, 8)),
        lambda: Conv(1, 2, (9,), (8,)),
        lambda: Conv(1, 2, (3,), (8,), padding=-1),
        lambda: Attention(10, 3, causal=True),
    ],
)
def test_a_layer_of_an_impossible_size_is_refused(build: type[Layer]) -> None:
    with pytest.raises(ValueError, match=r"at least|kernel|multiple"):
        build()


def test_examples_that_would_be_read_beside_a_table_are_refused() -> None:
    inputs, targets = np.zeros((3, 5), np.uint8), np.zeros((3, 5), np.uint8)
    TRANSFORMER.check(inputs, targets)
    bad = inputs.copy()
    bad[1, 2] = 11
    with pytest.raises(ValueError, match="inputs go from 0 to 11; the model knows 0 to 10"):
        TRANSFORMER.check(bad, targets)
    with pytest.raises(ValueError, match="targets go from 0 to 11"):
        TRANSFORMER.check(inputs, bad)
    with pytest.raises(ValueError, match=r"targets has shape \(4,\); the model takes \(5,\)"):
        TRANSFORMER.check(inputs, targets[:, :4])
    with pytest.raises(ValueError, match="whole numbers"):
        TRANSFORMER.check(inputs.astype(np.float32), targets)
    with pytest.raises(ValueError, match="3 inputs and 2 targets"):
        TRANSFORMER.check(inputs, targets[:2])


def test_numbers_are_taken_with_and_without_a_single_position() -> None:
    model = Model((Linear(4, 2),), MeanSquare())
    model.check(np.zeros((3, 4), np.float32), np.zeros((3, 1, 2), np.float32))
    with pytest.raises(ValueError, match="floating-point"):
        model.check(np.zeros((3, 4), np.float32), np.zeros((3, 2), np.int64))
    with pytest.raises(ValueError, match=r"inputs has shape \(5,\); the model takes \(1, 4\)"):
        model.check(np.zeros((3, 5), np.float32), np.zeros((3, 2), np.float32))
