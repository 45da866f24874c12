"""What an evaluation costs, in numbers that depend on no clock: floating-point operations, and bytes of state."""

from __future__ import annotations

from evaluators.memory import BYTES
from evaluators.models import work
from evaluators.tasks.task import Task
from programs.check import check
from programs.ir import Program
from programs.layout import Layout, width

_FORWARD_AND_BACKWARD = 6
"""Operations per weight and example: a product and a sum forward, for the inputs' gradient and for the weights'."""


def step_flops(task: Task) -> float:
    """What one training step of one lane takes without its update, in floating-point operations.

    The products of the task's model, where it has one. Otherwise every weight is counted once for each example and each
    of its targets, after Kaplan et al., "Scaling Laws for Neural Language Models", 2020,
    https://arxiv.org/abs/2001.08361, section 2.1.
    """
    if task.model is not None:
        return work.flops(task.model, task.batch)
    targets = task.data.train.targets
    return float(_FORWARD_AND_BACKWARD * task.layout.size * task.batch * (targets.size // len(targets)))


def flops(task: Task, program: Program, steps: int) -> float:
    """About what so many steps with this rule take, its updates and further gradients included."""
    cost = check(program).cost
    return steps * (cost.gradients * step_flops(task) + cost.flops_per_weight * task.layout.size)


def state_bytes(program: Program, layout: Layout) -> int:
    """Bytes that a rule keeps from step to step in one lane: its states, and the initial weights where it asks."""
    facts = check(program)
    kept = sum(width(layout, facts.state_kinds[name]) for name in facts.live_states)
    return BYTES * (kept + layout.size * ("w0" in facts.live_names))
