from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from exported import RULES, assert_close, interpreted, load
from exported_optax import trained, transformation
from programs import zoo
from programs.generate import random_program
from programs.optax_file import export_optax
from programs.parse import parse
from programs.run import NUMPY
from programs.run_torch import TORCH


@pytest.mark.parametrize("name", RULES)
def test_trains_step_for_step_as_the_interpreter(name: str) -> None:
    program = parse(RULES[name])
    assert_close(trained(program, steps=4), interpreted(program, steps=4), rtol=1e-10)


def test_random_rules_train_as_in_the_interpreter() -> None:
    rng = np.random.default_rng(0)
    compared = 0
    while compared < 12:
        program = random_program(rng, int(rng.integers(1, 12)))
        expected, other = (interpreted(program, backend, steps=3) for backend in (NUMPY, TORCH))
        if np.allclose(expected, other, rtol=1e-11, atol=1e-11, equal_nan=True):  # else the last bit decides
            compared += 1
            assert_close(trained(program, steps=3), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["adam", "lion"])
def test_known_rules_do_what_those_of_optax_do(name: str) -> None:
    theirs = {"adam": optax.adam(0.05), "lion": optax.lion(0.05, weight_decay=0.1)}[name]
    params = [{"a": jnp.arange(6.0).reshape(2, 3), "b": (jnp.ones(()), jnp.ones(4))}] * 2
    states = [(made := transformation(zoo.load(name), 5)).init(params[0]), theirs.init(params[1])]
    for step in range(5):
        gradients = jax.tree.map(lambda p, step=step: jnp.cos(p + step), params[0])
        for place, optimizer in enumerate((made, theirs)):
            updates, states[place] = optimizer.update(gradients, states[place], params[place])
            params[place] = optax.apply_updates(params[place], updates)
    for ours, other in zip(*map(jax.tree.leaves, params), strict=True):
        np.testing.assert_allclose(ours, other, rtol=2e-4)  # beta**t in single precision


def test_it_is_traced_scheduled_and_chained_like_any_other() -> None:
    made = load(export_optax(zoo.load("adamw"), name="made")).made(
        optax.cosine_decay_schedule(0.1, 20), weight_decay=0.0
    )
    chained = optax.chain(optax.clip_by_global_norm(1.0), made)

    @jax.jit
    def step(x: jax.Array, state: optax.OptState) -> tuple[jax.Array, optax.OptState]:
        updates, state = chained.update(2 * x, state, x)
        return optax.apply_updates(x, updates), state

    x = jnp.asarray([3.0, -2.0])
    state = chained.init(x)
    sizes = []
    for _ in range(20):
        x, state = step(x, state)
        sizes.append(float(jnp.abs(x).sum()))
    assert sizes == sorted(sizes, reverse=True)
    assert x.dtype == jnp.float32


def test_types_of_parameters_and_states_are_kept() -> None:
    made = transformation(zoo.load("adamw"), 3)
    params = {"w": jnp.ones((2, 2), jnp.bfloat16)}
    updates, state = made.update(params, made.init(params), params)
    assert updates["w"].dtype == state.states["v"]["w"].dtype == jnp.bfloat16


def test_a_rule_that_looks_at_the_weights_must_be_given_them() -> None:
    made = transformation(zoo.load("adamw"), 1)
    with pytest.raises(ValueError, match=r"update\(updates, state, params\)"):
        made.update(jnp.ones(2), made.init(jnp.ones(2)))
    free = transformation(zoo.load("sgd"), 1)
    free.update(jnp.ones(2), free.init(jnp.ones(2)))


@pytest.mark.parametrize("name", ["not a name", "class", "jnp", "update", "sqrt", "adamw_update"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        export_optax(zoo.load("adamw"), name=name)


def test_files_import_only_jax_and_optax_and_pass_the_linter_and_the_formatter(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    programs = [parse(text) for text in RULES.values()] + [random_program(rng, size) for size in range(1, 40)]
    for index, program in enumerate(programs):
        source = export_optax(program, notes=["Found on the moon. " * 20], certificate="certificates/moon.json")
        (tmp_path / f"rule_{index}.py").write_text(source, encoding="utf-8")
        tree = ast.parse(source)
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert modules <= {"collections.abc", "typing", "jax"}
    options = ["--isolated", "--line-length=120", "--target-version=py311", str(tmp_path)]
    for command in (["check", "--select=E,F,I,UP,B"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options], check=False, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stdout + result.stderr
