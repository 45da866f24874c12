"""Training with an exported optimizer and with the interpreter it must agree with."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.nn import Parameter

from programs import zoo
from programs.export import export
from programs.ir import Program
from programs.layout import Layout
from programs.parse import parse
from programs.run import NUMPY, NumpyBackend, Runner

SHAPES = ((), (5,), (4, 3), (2, 3, 2, 2))
LR = 0.05

RULES = {name: zoo.entry(name).text for name in zoo.names()} | {
    "adagrad_norm": """
def adagrad_norm(g, total, lr, *, eps=1e-8):
    total = total + square(norm(g))
    return g * lr / (sqrt(total) + eps), total
""",
    "muon_like": """
def muon_like(w, g, m, lr, *, beta=0.95, weight_decay=0.1):
    m = beta * m + g
    update = orthogonalize(interp(g, m, beta))
    return (update + w * weight_decay) * lr, m
""",
    "horizon": """
def horizon(g, m, lr, t, T, *, beta=0.9):
    m = interp(g, m, beta * (1 - t / T))
    return m * lr * (1 + cos(3.14159 * t / T)) / 2, m
""",
    "choices": """
def choices(w, g, m, lr):
    m = clip(m + g, -2, 2)
    big = greater(abs(g), 0.5) + greater(0.1, g)
    update = where(big, clip(g, neg(lr), 0.3), maximum(-0.25, m)) + where(greater(w, 0), 1, -1)
    return minimum(update, 0.75) * lr + where(lr, g, m) * where(big, m, 0.001), m
""",
    "scalar_functions": """
def scalar_functions(g, m, lr, t, *, beta=0.9, half=0.5):
    rate = sqrt(lr) / (1 + log(t)) + power(t, -0.75) * 1e-3
    m = interp(g, m, tanh(beta) * (1 - (1 - half) ** t))
    return m * rate + lr / (square(m) + 1) + power(half, abs(m)) * exp(neg(t)), m
""",
    "constant_state": """
def constant_state(g, k, s, lr):
    return g * (k + s) * lr, 0.1, s + 0.5
""",
    "factored": """
def factored(w, g, r, c, m, lr, t, *, beta=0.9):
    r = interp(row_mean(square(g)), r, beta)
    c = interp(column_mean(square(g)), c, beta)
    v = r * c / mean(r) / (1 - beta ** t)
    m = interp(g / sqrt(v), m, 0.8)
    return where(greater(axes(g), 1), m * sqrt(maximum(1, rows(g) / columns(g))), g) * lr, r, c, m
""",
    "preconditioned": """
def preconditioned(g, left, right, lr, *, eps=1e-3):
    left = left + matmul(g, transpose(g))
    right = right + matmul(transpose(g), g)
    return matmul(matmul(inverse_root(left, 4, eps), g), inverse_root(right, 4, eps)) * lr, left, right
""",
    "whole": """
def whole(w, g, w0, m, far, lr, loss):
    g = clip_by_global_norm(g, 1.5)
    m = interp(g, m, 0.9)
    far = maximum(far, global_norm(w - w0))
    rate = (1 + cosine_sim(m, g)) * (far + 0.1) / sqrt(global_sum(square(m)) + loss)
    return m * rate * lr * global_max(norm(g)) / (norm(g) + global_mean(abs(g))), m, far
""",
    "swapped_states": """
def swapped_states(w, g, a, b, c, lr):
    return (g + a - b) * lr, b + c, a, g
""",
}


def load(source: str) -> ModuleType:
    """The exported file as a module."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("exported", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def optimizer_class(program: Program | str, *, curved: bool = False) -> Any:
    """The exported class; `curved` makes up a curvature, for gradients that come from no loss."""
    program = parse(program) if isinstance(program, str) else program
    module = load(export(program, class_name="Exported"))
    if curved:
        module.curvatures = lambda params: {p: p.grad.square() for p in params}  # type: ignore[attr-defined]
    return module.Exported


def required(program: Program, lr: float, steps: int) -> dict[str, float]:
    """The arguments of the constructor that have no default."""
    values = {"lr": ("lr", lr), "T": ("total_steps", steps)}
    return dict(values[name] for name in program.inputs if name in values)


def parameters(shapes: Sequence[Sequence[int]] = SHAPES, dtype: torch.dtype = torch.float64) -> list[Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [
        Parameter(torch.randn(tuple(shape), generator=generator, dtype=torch.float64).to(dtype)) for shape in shapes
    ]


def set_gradients(params: Sequence[Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)


def loss_at(step: int) -> float:
    return 2.5 / step


def step_arguments(program: Program, step: int) -> dict[str, float]:
    """What `step` must be given."""
    return {"loss": loss_at(step)} if "loss" in program.inputs else {}


def flat(tensors: Iterable[torch.Tensor | None]) -> torch.Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors if tensor is not None])


def trained(program: Program, *, steps: int, dtype: torch.dtype = torch.float64, foreach: bool = True) -> torch.Tensor:
    """The weights after every step, then the states at the end, as the exported optimizer leaves them.

    Without `foreach` the rule goes from one parameter to the next, as every rule does that knows no other way.
    """
    params = parameters(dtype=dtype)
    optimizer = optimizer_class(program, curved=True)(params, **required(program, LR, steps))
    for group in optimizer.param_groups:
        group["foreach"] = foreach
    trace = []
    for step in range(1, steps + 1):
        set_gradients(params, step)
        optimizer.step(**step_arguments(program, step))
        trace.append(flat(params).clone())
    trace += [flat(optimizer.state[p][name] for p in params) for name in program.states]
    assert all(p.dtype == dtype for p in params)
    return flat(trace)


def interpreted(
    program: Program, backend: Any = NUMPY, *, steps: int, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    """The same, as an interpreter of the language computes it."""
    params = parameters(dtype=dtype)
    runner: Runner[Any] = Runner(program, Layout.of(SHAPES), backend)
    array = torch.Tensor.numpy if isinstance(backend, NumpyBackend) else torch.Tensor.clone
    weights = initial = flat(params)[None].clone()
    states = runner.zero_states(array(weights))
    trace = []
    for step in range(1, steps + 1):
        set_gradients(params, step)
        gradient = flat(p.grad for p in params)[None]
        inputs = {"w": array(weights), "g": array(gradient), "lr": LR, "t": float(step), "T": float(steps)}
        inputs |= {"w0": array(initial), "h": array(gradient.square()), "loss": loss_at(step)}
        (update,), states = runner(inputs, states)
        weights = weights - torch.as_tensor(update)
        trace.append(weights)
    by_parameter = [
        state if state.shape[1] > 1 else state.expand(1, len(SHAPES)) for state in map(torch.as_tensor, states)
    ]
    return flat([*trace, *by_parameter])


def assert_close(actual: torch.Tensor, expected: torch.Tensor, rtol: float = 1e-12) -> None:
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=rtol, equal_nan=True)
