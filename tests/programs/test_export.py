from __future__ import annotations

import ast
import copy
import math
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.nn import Parameter

from exported import (
    LR,
    RULES,
    assert_close,
    flat,
    interpreted,
    load,
    optimizer_class,
    parameters,
    required,
    set_gradients,
    step_arguments,
)
from programs import zoo
from programs.export import export
from programs.generate import random_program
from programs.ir import Program
from programs.parse import parse

STANDARD = ("collections.abc", "functools", "itertools", "typing")


def test_states_keep_the_memory_format_of_their_parameter() -> None:
    p = Parameter(torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last))
    optimizer = optimizer_class(RULES["adamw"])([p], lr=LR)
    for _ in range(2):
        p.grad = torch.randn_like(p)
        optimizer.step()
        assert optimizer.state[p]["v"].is_contiguous(memory_format=torch.channels_last)


def test_states_do_not_follow_a_gradient_that_is_changed_in_place() -> None:
    p = Parameter(torch.zeros(3))
    optimizer = optimizer_class("def last(w, g, m, old, lr):\n return (g - m + old) * lr, g, w\n")([p], lr=LR)
    p.grad = torch.ones(3)
    optimizer.step()
    p.grad.zero_()
    assert optimizer.state[p]["m"].tolist() == [1, 1, 1]
    assert optimizer.state[p]["old"].tolist() == [0, 0, 0]


def test_transposed_states_do_not_follow_what_is_changed_in_place() -> None:
    p = Parameter(torch.zeros(2, 3))
    text = (
        "def last(w, g, m, old, lr):\n    x = transpose(w)\n    return (g - transpose(m + old)) * lr, transpose(g), x\n"
    )
    optimizer = optimizer_class(text)([p], lr=LR)
    p.grad = torch.ones(2, 3)
    optimizer.step()
    p.grad.zero_()
    assert torch.equal(optimizer.state[p]["m"], torch.ones(3, 2))
    assert torch.equal(optimizer.state[p]["old"], torch.zeros(3, 2))


@pytest.mark.parametrize("op", ["max", "global_max", "row_max", "column_max", "std", "orthogonalize", "global_norm"])
def test_an_empty_parameter_does_not_stop_the_others(op: str) -> None:
    make = optimizer_class(f"def scaled(g, lr):\n return g / {op}(g) * lr\n")
    alone, together = parameters([(2, 3)]), parameters([(2, 3), (0,), (0, 3), (3, 0)])
    for params in (alone, together):
        set_gradients(params, 1)
        make(params, lr=LR).step()
    assert torch.equal(alone[0], together[0])


def test_adamw_matches_the_one_in_torch() -> None:
    ours, theirs = parameters(), parameters()
    chosen = {"lr": 3e-3, "eps": 1e-6, "weight_decay": 0.1}
    optimizers = [
        optimizer_class(RULES["adamw"])(ours, beta1=0.8, beta2=0.99, **chosen),
        torch.optim.AdamW(theirs, betas=(0.8, 0.99), **chosen),  # type: ignore[arg-type]  # numbers all
    ]
    for step in range(1, 51):
        set_gradients(ours, step)
        set_gradients(theirs, step)
        for optimizer in optimizers:
            optimizer.step()
    assert_close(flat(ours), flat(theirs))


@pytest.mark.parametrize("name", RULES)
def test_a_loaded_state_dict_continues_identically(name: str) -> None:
    program = parse(RULES[name])
    make = optimizer_class(program, curved=True)
    params = parameters()
    optimizer = make(params, **required(program, LR, 6))
    for step in range(1, 4):
        set_gradients(params, step)
        optimizer.step(**step_arguments(program, step))
    resumed_params = [Parameter(p.detach().clone()) for p in params]
    resumed = make(resumed_params, **required(program, 1.0, 1))
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for step in range(4, 7):
        set_gradients(params, step)
        set_gradients(resumed_params, step)
        optimizer.step(**step_arguments(program, step))
        resumed.step(**step_arguments(program, step))
    assert torch.equal(flat(params), flat(resumed_params))


def test_parameter_groups_keep_their_own_settings() -> None:
    make = optimizer_class(RULES["adamw"])
    together, apart = parameters(), parameters()
    slow = {"lr": 0.01, "beta1": 0.5, "weight_decay": 0.3}
    grouped = make([{"params": together[:2]}, {"params": together[2:3], **slow}], lr=LR)
    grouped.add_param_group({"params": together[3:], "eps": 0.1})
    separate = [make(apart[:2], lr=LR), make(apart[2:3], **slow), make(apart[3:], lr=LR, eps=0.1)]
    for step in range(1, 4):
        set_gradients(together, step)
        set_gradients(apart, step)
        for optimizer in [grouped, *separate]:
            optimizer.step()
    assert torch.equal(flat(together), flat(apart))


def test_closure_is_evaluated_with_gradients_and_its_loss_returned() -> None:
    p = Parameter(torch.tensor([3.0]))
    optimizer = optimizer_class(RULES["sgd"])([p], lr=0.5)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.square(p).sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        return loss

    assert [optimizer.step(closure).item(), optimizer.step(closure).item()] == [9.0, 0.0]
    assert optimizer.step() is None


def test_a_parameter_without_gradient_is_left_alone() -> None:
    used, unused = parameters([(2,), (2,)])
    before = unused.detach().clone()
    optimizer = optimizer_class(RULES["adamw"])([used, unused], lr=LR)
    set_gradients([used], 1)
    optimizer.step()
    assert torch.equal(unused, before)
    assert unused not in optimizer.state


def test_learning_rate_schedulers_drive_it() -> None:
    p = Parameter(torch.tensor([4.0]))
    optimizer = optimizer_class(RULES["sgd"])([p], lr=1.0)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=2)
    p.grad = torch.ones(1)
    weights = []
    for _ in range(3):
        optimizer.step()
        scheduler.step()
        weights.append(p.item())
    assert weights == [3.0, 2.5, 2.5]


def test_a_rule_that_looks_at_the_loss_must_be_given_it() -> None:
    p = Parameter(torch.ones(3))
    optimizer = optimizer_class("def polyak(g, lr, loss):\n return g * loss * lr\n")([p], lr=0.5)
    p.grad = torch.ones(3)
    with pytest.raises(ValueError, match=r"needs the loss: step\(loss=loss\), or a closure"):
        optimizer.step()
    assert optimizer.step(loss=torch.tensor(2.0)) == 2.0
    assert p.tolist() == [0, 0, 0]
    assert optimizer.step(lambda: 4.0) == 4.0
    assert p.tolist() == [-2, -2, -2]


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph=True:UserWarning")
def test_a_rule_that_looks_at_the_curvature_is_given_the_diagonal_of_the_hessian() -> None:
    a, b = Parameter(torch.tensor([1.0, -2.0])), Parameter(torch.tensor(3.0))
    optimizer = optimizer_class("def newton(g, h, lr):\n return lr * g / h\n")([a, b], lr=1.0)
    loss = (torch.tensor([2.0, 5.0]) * a**2).sum() + (b - 1) ** 2
    torch.autograd.backward(loss)
    with pytest.raises(RuntimeError, match=r"needs the curvature: call loss.backward\(create_graph=True\)"):
        optimizer.step()
    optimizer.zero_grad()
    loss = (torch.tensor([2.0, 5.0]) * a**2).sum() + (b - 1) ** 2
    torch.autograd.backward(loss, create_graph=True)
    optimizer.step()
    assert torch.allclose(a, torch.zeros(2))
    assert torch.allclose(b, torch.ones(()))


def test_what_looks_at_all_parameters_sees_those_of_all_groups() -> None:
    a, b, idle = Parameter(torch.zeros(1)), Parameter(torch.zeros(2)), Parameter(torch.zeros(3))
    make = optimizer_class("def normalized(g, lr):\n return g / global_norm(g) * lr\n")
    optimizer = make([{"params": [a]}, {"params": [b, idle], "lr": 2.0}], lr=1.0)
    optimizer.step()  # nobody has a gradient
    a.grad, b.grad = torch.tensor([3.0]), torch.tensor([0.0, 4.0])
    optimizer.step()
    assert torch.allclose(torch.cat([a, b, idle]), torch.tensor([-0.6, 0.0, -1.6, 0.0, 0.0, 0.0]))


def test_sparse_gradients_are_refused() -> None:
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    optimizer = optimizer_class(RULES["adamw"])(embedding.parameters(), lr=LR)
    with pytest.raises(RuntimeError, match="Exported supports neither sparse gradients"):
        optimizer.step()


@pytest.mark.parametrize(
    "bad", [{"lr": -0.1}, {"lr": math.inf}, {"eps": math.nan}, {"weight_decay": -math.inf}, {"beta1": 1.5}]
)
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    make = optimizer_class(RULES["adamw"])
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
        make(parameters(), **({"lr": LR} | bad))
    optimizer = make(parameters(), lr=LR)
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
        optimizer.add_param_group({"params": parameters(), **bad})
    assert len(optimizer.param_groups) == 1


def test_a_rule_with_a_horizon_must_be_told_how_long_training_is() -> None:
    make = optimizer_class(RULES["horizon"])
    with pytest.raises(TypeError, match="total_steps"):
        make(parameters(), lr=LR)
    with pytest.raises(ValueError, match="total_steps must be"):
        make(parameters(), lr=LR, total_steps=0)


def test_names_that_the_file_needs_itself_are_changed() -> None:
    program = parse("""
def Tensor(w, g, step, l, l_, lr, t, *, self=0.1, params=0.2, super=0.3, total_steps=2, abs_=1):
    torch = g * self + w * params
    math = torch * super
    float = l + math * total_steps
    return (float + step - abs(neg(l_))) * lr * t, torch, float, neg(neg(math)) * abs_
""")
    renamed = parse("""
def plain(w, g, a, b, c, lr, t, *, d=0.1, e=0.2, f=0.3, i=2, j=1):
    k = g * d + w * e
    m = k * f
    n = b + m * i
    return (n + a - abs(neg(c))) * lr * t, k, n, neg(neg(m)) * j
""")
    module = load(export(program))
    params = parameters()
    optimizer = module.RuleTensor(params, lr=LR, self_=0.1)
    for step in range(1, 4):
        set_gradients(params, step)
        optimizer.step()
    assert_close(flat(params), interpreted(renamed, steps=3)[2 * 42 : 3 * 42])


@pytest.mark.parametrize(
    "text",
    [
        "def named(g, lr, *, float=0.5):\n return g * float * rows(g) * lr\n",
        "def named(g, s, lr):\n    u = g * (1 + s) * lr\n    g = lr * 2\n    return u, g\n",
    ],
    ids=["a builtin", "a number called g"],
)
def test_names_do_not_hide_what_the_body_needs(text: str) -> None:
    params = parameters()
    optimizer = optimizer_class(text)(params, lr=LR)
    for step in range(1, 4):
        set_gradients(params, step)
        optimizer.step()
    assert_close(flat(params), interpreted(parse(text), steps=3)[2 * 42 : 3 * 42])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("adamw", "Adamw"), ("lion_v2", "LionV2"), ("none", "RuleNone"), ("_", "Rule"), ("i", "RuleI")],
)
def test_the_class_is_named_after_the_rule(rule: str, expected: str) -> None:
    source = export(parse(f"def {rule}(g, lr):\n return g * lr\n"))
    assert issubclass(getattr(load(source), expected), torch.optim.Optimizer)


@pytest.mark.parametrize("name", ["not a name", "class", "Tensor", "torch", "float", "zip", "sqrt", "adamw_update", ""])
def test_class_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        export(zoo.load("adamw"), class_name=name)


def test_the_docstring_quotes_the_rule_and_the_notes() -> None:
    notes = ['From run """tricky""" C:\\new\x00\nfile', "word " * 60]
    docstring = load(export(zoo.load("adamw"), notes=notes)).__doc__
    assert docstring is not None
    quoted = re.search(r"\n\n((    .*\n)+)", docstring)
    assert quoted is not None
    assert parse(textwrap.dedent(quoted[1])) == zoo.load("adamw")
    assert "From run '''tricky''' C:\\new  file\n" in docstring
    assert max(map(len, docstring.splitlines())) <= 120


@given(program=...)
@settings(max_examples=50)
def test_the_file_imports_only_torch_and_the_standard_library(program: Program) -> None:
    for node in ast.walk(ast.parse(export(program))):
        if isinstance(node, ast.Import):
            assert all(alias.name in ("math", "torch") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.module in (*STANDARD, "torch", "torch.optim.optimizer")


def test_files_pass_the_linter_and_the_formatter(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    programs = [parse(text) for text in RULES.values()] + [random_program(rng, size) for size in range(1, 60)]
    long_names = [f"{kind}_that_is_so_long_that_lines_break" for kind in ("one", "two", "three", "four")]
    head, returned = ", ".join(long_names), " + ".join(long_names)
    hypers = ", ".join(f"h_{name}=1e-8" for name in long_names)
    programs.append(parse(f"def long(g, {head}, lr, *, {hypers}):\n return (g + {returned}) * lr, {head}\n"))
    for index, program in enumerate(programs):
        source = export(program, notes=["Found on the moon. " * 20])
        (tmp_path / f"rule_{index}.py").write_text(source, encoding="utf-8")
    options = ["--isolated", "--line-length=120", "--target-version=py311", str(tmp_path)]
    for command in (["check", "--select=E,F,I,UP,B"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options], check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
