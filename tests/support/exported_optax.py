"""Training with an exported optax transformation, in double precision."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from exported import LR, SHAPES, load, loss_at, set_gradients
from exported import parameters as torch_parameters
from programs.ir import Program
from programs.optax_file import export_optax


def transformation(program: Program, steps: int) -> Any:
    """The rule as optax knows it."""
    values = {"lr": ("learning_rate", LR), "T": ("total_steps", steps)}
    chosen = dict(values[name] for name in program.inputs if name in values)
    return load(export_optax(program, name="exported_rule")).exported_rule(**chosen)


def trained(program: Program, *, steps: int) -> torch.Tensor:
    """The weights after every step, then the states at the end, as `exported.trained` has them."""
    with jax.enable_x64(True):
        made, like = transformation(program, steps), torch_parameters(SHAPES)
        params = [jnp.asarray(p.detach().numpy()) for p in like]
        state, trace = made.init(params), []
        for step in range(1, steps + 1):
            set_gradients(like, step)
            gradients = [jnp.asarray(p.grad.numpy()) for p in like if p.grad is not None]
            extra: dict[str, Any] = {"value": loss_at(step)} if "loss" in program.inputs else {}
            if "h" in program.inputs:
                extra |= {"curvature": [jnp.square(g) for g in gradients]}
            updates, state = made.update(gradients, state, params, **extra)
            params = optax.apply_updates(params, updates)
            trace += params
        trace += [x for name in program.states for x in state.states[name]]
        return torch.from_numpy(np.concatenate([np.asarray(x).ravel() for x in trace]))
