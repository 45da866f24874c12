from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from programs import zoo
from programs.errors import RuleError
from programs.layout import Layout
from programs.run import NUMPY, Runner

Array = NDArray[Any]
SHAPES = [(), (7,), (3, 4), (2, 3, 2, 2)]
LAYOUT = Layout.of(SHAPES)
STEPS = 120


def gradient(step: int, weights: Array) -> Array:
    """Noise over five orders of magnitude, now and then exactly zero, and a pull towards zero."""
    rng = np.random.default_rng(step)
    noise = rng.standard_normal(weights.shape) * 10 ** rng.uniform(-3, 2, weights.shape)
    return np.where(rng.random(weights.shape) < 0.1, 0.0, noise + 0.1 * weights)


def learning_rate(step: int) -> float:
    return 0.05 * (1 - step / (2 * STEPS))


def start() -> Array:
    return np.random.default_rng(12345).standard_normal(LAYOUT.size)


def trained(name: str, hypers: dict[str, float]) -> Array:
    runner = Runner(zoo.load(name), LAYOUT, NUMPY, hypers)
    weights = start()[None]
    states = runner.zero_states(weights)
    for step in range(1, STEPS + 1):
        inputs: dict[str, float | Array] = {"g": gradient(step, weights), "w": weights}
        (update,), states = runner(inputs | {"lr": learning_rate(step), "t": float(step), "T": float(STEPS)}, states)
        weights = weights - update
    return np.asarray(weights[0])


def trained_by_torch(make: Callable[..., torch.optim.Optimizer], options: dict[str, Any]) -> Array:
    parts = zip(SHAPES, LAYOUT.slices, strict=True)
    parameters = [torch.tensor(start()[part].reshape(shape), requires_grad=True) for shape, part in parts]
    optimizer = make(parameters, lr=0.1, **options)

    def flat() -> Array:
        return np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters])

    for step in range(1, STEPS + 1):
        g = gradient(step, flat())
        for parameter, part in zip(parameters, LAYOUT.slices, strict=True):
            parameter.grad = torch.tensor(g[part]).reshape(parameter.shape)
        optimizer.param_groups[0]["lr"] = learning_rate(step)
        optimizer.step()
    return flat()


SGD, ADAM = torch.optim.SGD, torch.optim.Adam
TORCH: list[tuple[str, dict[str, float], Callable[..., torch.optim.Optimizer], dict[str, Any]]] = [
    ("sgd", {}, SGD, {}),
    ("momentum", {}, SGD, {"momentum": 0.9}),
    ("momentum", {"beta": 0.5}, SGD, {"momentum": 0.5}),
    ("nesterov", {}, SGD, {"momentum": 0.9, "nesterov": True}),
    ("nesterov", {"beta": 0.99}, SGD, {"momentum": 0.99, "nesterov": True}),
    ("rmsprop", {}, torch.optim.RMSprop, {}),
    ("rmsprop", {"beta": 0.8, "eps": 1e-3}, torch.optim.RMSprop, {"alpha": 0.8, "eps": 1e-3}),
    ("adam", {}, ADAM, {}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, ADAM, {"betas": (0.5, 0.9), "eps": 1e-3}),
    ("adamw", {}, torch.optim.AdamW, {}),
    (
        "adamw",
        {"beta1": 0.8, "beta2": 0.99, "eps": 1e-4, "weight_decay": 0.3},
        torch.optim.AdamW,
        {"betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.3},
    ),
]


@pytest.mark.parametrize(("name", "hypers", "make", "options"), TORCH, ids=[f"{row[0]} {row[1]}" for row in TORCH])
def test_a_rule_moves_the_weights_as_the_optimizer_of_torch_does(
    name: str, hypers: dict[str, float], make: Callable[..., torch.optim.Optimizer], options: dict[str, Any]
) -> None:
    np.testing.assert_allclose(trained(name, hypers), trained_by_torch(make, options), rtol=1e-10)


@pytest.mark.parametrize(("beta1", "beta2", "decay"), [(0.9, 0.99, 0.1), (0.95, 0.98, 1.0)])
def test_lion_follows_its_published_formula(beta1: float, beta2: float, decay: float) -> None:
    w, m = start(), np.zeros(LAYOUT.size)
    for step in range(1, STEPS + 1):
        g = gradient(step, w)
        w = w - learning_rate(step) * (np.sign(beta1 * m + (1 - beta1) * g) + decay * w)
        m = beta2 * m + (1 - beta2) * g
    defaults = (beta1, beta2, decay) == (0.9, 0.99, 0.1)
    hypers = {} if defaults else {"beta1": beta1, "beta2": beta2, "weight_decay": decay}
    np.testing.assert_allclose(trained("lion", hypers), w, rtol=1e-10)


@pytest.mark.parametrize("beta", [0.9, 0.5])
def test_signum_follows_its_published_formula(beta: float) -> None:
    w, m = start(), np.zeros(LAYOUT.size)
    for step in range(1, STEPS + 1):
        m = beta * m + (1 - beta) * gradient(step, w)
        w = w - learning_rate(step) * np.sign(m)
    np.testing.assert_allclose(trained("signum", {} if beta == 0.9 else {"beta": beta}), w, rtol=1e-10)


def test_the_zoo_holds_the_rules_that_everybody_compares_with() -> None:
    assert {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lion", "signum"} <= set(zoo.names())
    assert list(zoo.names()) == sorted(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_every_rule_is_called_like_its_file_and_says_what_it_is_and_where_it_is_from(name: str) -> None:
    entry = zoo.entry(name)
    assert zoo.load(name).name == entry.name == name
    assert entry.summary.endswith(".")
    assert "Source" not in entry.summary
    assert any(character.isdigit() for character in entry.source), "a source has a year"
    assert "#" not in entry.summary + entry.source


def test_an_unknown_name_is_answered_with_those_that_come_close() -> None:
    for get in (zoo.load, zoo.entry):
        with pytest.raises(RuleError, match="no rule 'adm'") as caught:
            get("adm")
        assert caught.value.hint == "Did you mean adam or adamw?"


@pytest.mark.parametrize("name", ["../zoo/adam", "adam.rule", "", "Adam"])
def test_a_name_is_not_a_path(name: str) -> None:
    with pytest.raises(RuleError, match="no rule"):
        zoo.load(name)
