import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from programs import zoo
from programs.generate import random_program
from programs.ir import Program, Signature
from programs.kinds import Kind
from programs.layout import Layout
from programs.parse import parse
from programs.run import NUMPY, Runner
from programs.run_torch import TORCH

Array = NDArray[Any]
LAYOUT = Layout.of([(), (5,), (3, 4), (2, 3, 1, 2)])
ADAGRAD_NORM = """
def adagrad_norm(g, b, lr):
    b = b + square(norm(g))
    return lr * g / sqrt(b), b
"""


def run(
    program: Program, gradients: Array, backend: str, hypers: Any = None, **inputs: Any
) -> tuple[Array, list[Array]]:
    """Updates `(steps, lanes, size)` and the last states for gradients of the same shape."""
    convert: Any = np.asarray if backend == "numpy" else torch.as_tensor
    runner: Runner[Any] = Runner(program, LAYOUT, NUMPY if backend == "numpy" else TORCH, hypers)
    weights = convert(np.full_like(gradients[0], 0.5))
    states = runner.zero_states(weights)
    updates = []
    for step, gradient in enumerate(gradients, start=1):
        given = {"w": weights, "g": convert(gradient), "lr": 0.1, "t": float(step), "T": 100.0, **inputs}
        given |= {"w0": weights, "h": convert(np.square(gradient)), "loss": 2.0}
        (update,), states = runner(given, states)
        assert update.dtype == weights.dtype
        assert update.shape == weights.shape
        updates.append(np.asarray(update))
    return np.stack(updates), [np.asarray(state) for state in states]


def gradients(steps: int = 4, lanes: int = 3, dtype: Any = np.float64) -> Array:
    return np.random.default_rng(0).standard_normal((steps, lanes, LAYOUT.size)).astype(dtype)


@pytest.fixture(params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_state_with_one_number_per_tensor_follows_its_formula(backend: str) -> None:
    g = gradients()
    updates, (b,) = run(parse(ADAGRAD_NORM), g, backend)
    assert b.shape == (3, 4)
    for index, part in enumerate(LAYOUT.slices):
        squares = np.cumsum(np.sum(g[:, :, part] ** 2, axis=-1), axis=0)
        np.testing.assert_allclose(b[:, index], squares[-1], rtol=1e-13)
        np.testing.assert_allclose(updates[:, :, part], 0.1 * g[:, :, part] / np.sqrt(squares)[..., None], rtol=1e-13)


def test_states_start_at_zero_and_keep_the_shape_of_their_kind(backend: str) -> None:
    text = "def f(g, m, b, c, k, lr):\n    return g + m + b + c + k, m + g, b + norm(g), c + lr, 3"
    updates, states = run(parse(text), gradients(), backend)
    np.testing.assert_array_equal(updates[0], gradients()[0])
    assert [state.shape for state in states] == [(3, LAYOUT.size), (3, len(LAYOUT.shapes)), (3, 1), (3, 1)]
    np.testing.assert_allclose(states[2], 0.4)
    np.testing.assert_array_equal(states[3], 3)


def test_a_tensor_that_arrives_around_the_loop_is_there_at_its_full_size_from_the_start(backend: str) -> None:
    updates, states = run(parse("def f(g, a, b):\n    return g + a, b, g"), gradients(), backend)
    assert [state.shape for state in states] == [(3, LAYOUT.size)] * 2
    np.testing.assert_array_equal(updates[:2], gradients()[:2])
    np.testing.assert_array_equal(updates[2:], gradients()[2:] + gradients()[:2])


@pytest.mark.parametrize("name", zoo.names())
def test_lanes_do_not_touch_each_other(name: str, backend: str) -> None:
    g = gradients()
    g[1, 0, 3] = np.nan
    together, states = run(zoo.load(name), g, backend)
    for lane in range(3):
        alone, own = run(zoo.load(name), g[:, lane : lane + 1], backend)
        # Equal but for the order of sums.
        np.testing.assert_allclose(together[:, lane : lane + 1], alone, rtol=1e-12)
        for state, other in zip(states, own, strict=True):
            np.testing.assert_allclose(state[lane : lane + 1], other, rtol=1e-12)


def test_hyperparameters_may_differ_by_lane(backend: str) -> None:
    adamw, g = zoo.load("adamw"), gradients()
    betas, decays = [0.5, 0.9, 0.99], [0.0, 0.1, 1.0]
    convert: Any = np.array if backend == "numpy" else torch.tensor
    column = {"beta1": convert([[x] for x in betas], dtype=None if backend == "numpy" else torch.float64)}
    together, _ = run(adamw, g, backend, {**column, "weight_decay": convert([[x] for x in decays])})
    for lane, (beta, decay) in enumerate(zip(betas, decays, strict=True)):
        alone, _ = run(adamw, g[:, lane : lane + 1], backend, {"beta1": beta, "weight_decay": decay})
        np.testing.assert_allclose(together[:, lane], alone[:, 0], rtol=1e-6)


def test_inputs_may_differ_by_lane(backend: str) -> None:
    g = gradients()
    rates = np.array([[0.1], [0.2], [0.0]])
    updates, _ = run(zoo.load("sgd"), g, backend, lr=rates if backend == "numpy" else torch.tensor(rates))
    np.testing.assert_allclose(updates, g * rates)


@pytest.mark.parametrize("seed", range(20))
def test_single_precision_stays_single_precision(seed: int, backend: str) -> None:
    program = random_program(np.random.default_rng(seed), 12)
    _, states = run(program, gradients(dtype=np.float32), backend)
    assert {state.dtype for state in states} <= {np.dtype(np.float32)}


def test_choices_between_numbers_stay_single_precision(backend: str) -> None:
    text = "def f(g, lr):\n    return where(g, 0.5, lr) * greater(0.5, g) * clip(0.1, -1, g) * where(lr, g, 1)"
    run(parse(text), gradients(dtype=np.float32), backend)


def test_numbers_that_depend_on_no_array_are_computed_in_double_precision(backend: str) -> None:
    program = parse("def f(g, t, *, beta=0.9999999):\n    return g / (1 - beta ** t)")
    g = gradients(dtype=np.float32)
    updates, _ = run(program, g, backend)
    for step in range(len(g)):
        np.testing.assert_allclose(updates[step], g[step] / (1 - 0.9999999 ** (step + 1)), rtol=1e-6)


def test_any_signature_runs_whatever_it_asks_for(backend: str) -> None:
    kinds = {"x": Kind.TENSOR, "rate": Kind.SCALAR}
    outputs = {"value": Kind.TENSOR, "size": Kind.PER_TENSOR, "share": Kind.SCALAR}
    summary = Signature("summary", kinds, required=("x",), outputs=outputs)
    program = parse("def f(x, count, rate):\n    return x * rate, max(x), 1 - rate, count + 1", summary)
    x = gradients(dtype=np.float32)[0]
    runner: Runner[Any] = Runner(program, LAYOUT, NUMPY if backend == "numpy" else TORCH)
    given = x if backend == "numpy" else torch.tensor(x)
    (value, size, share), (count,) = runner({"x": given, "rate": 0.25}, runner.zero_states(given))
    np.testing.assert_array_equal(value, x * np.float32(0.25))
    np.testing.assert_array_equal(size, np.stack([x[:, part].max(axis=1) for part in LAYOUT.slices], axis=1))
    np.testing.assert_array_equal(share, np.full((3, 1), 0.75, np.float32))
    np.testing.assert_array_equal(count, np.ones((3, 1), np.float32))


def test_overflow_and_invalid_operations_follow_ieee_754_silently(backend: str) -> None:
    program = parse("def f(g, m, t):\n    return maximum(g, exp(1000 * t)) + sqrt(-1) * m, log(g) / 0")
    updates, (state,) = run(program, gradients(steps=2, dtype=np.float32), backend)
    assert np.isnan(updates).all()
    assert not np.isfinite(state).any()
    updates, _ = run(parse("def f(g, t):\n    return maximum(g, exp(1000 * t))"), gradients(dtype=np.float32), backend)
    assert (updates == math.inf).all()


@pytest.mark.parametrize("seed", range(150))
def test_both_interpreters_agree_on_random_programs_where_rounding_does_not_decide(seed: int) -> None:
    program = random_program(np.random.default_rng(seed), 1 + seed % 16)
    g = gradients(steps=3, lanes=2)
    expected, _ = run(program, g, "numpy")
    found, _ = run(program, g, "torch")
    noise = np.random.default_rng(1)
    steady = np.ones(expected.shape, bool)
    for _ in range(5):
        nearby, _ = run(program, g * (1 + 1e-14 * noise.standard_normal(g.shape)), "numpy")
        with np.errstate(all="ignore"):
            steady &= np.abs(nearby - expected) <= 1e-9 * np.abs(expected)
    np.testing.assert_allclose(found[steady], expected[steady], rtol=1e-7)


def test_random_programs_are_mostly_finite_and_steady_so_that_the_comparison_means_something() -> None:
    finite = [
        np.isfinite(run(random_program(np.random.default_rng(seed), 8), gradients(3, 2), "numpy")[0]).mean()
        for seed in range(60)
    ]
    assert np.mean(finite) > 0.5
