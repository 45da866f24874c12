from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from evaluators import tasks
from evaluators.cuda.engine import train as train_on_device
from evaluators.cuda.kernel import DeviceKernel, Kernel
from evaluators.cuda.population import DevicePopulation
from evaluators.cuda.tables import Tables
from evaluators.lanes import Fate, Lane
from evaluators.models.parameter import Parameter
from evaluators.population import Population
from evaluators.tasks.naming import Tier
from evaluators.tasks.task import Data, Examples, Task
from evaluators.train import train
from programs import zoo
from programs.generate import random_program
from programs.ir import Program
from programs.parse import parse

CPU = torch.device("cpu")
STEPS = 8
MakeKernel = Callable[[Tables], Kernel]
AXES = ((), (5,), (7, 3), (3, 2, 2, 2), (2, 40))


def _load() -> Data:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, 4)).astype(np.float32)
    examples = Examples(inputs, np.zeros(64, np.int64))
    return Data(examples, examples)


def _loss(weights: Sequence[Tensor], inputs: Tensor, _targets: Tensor) -> Tensor:
    """Smooth, and every weight of every parameter takes part."""
    w = torch.cat([part.reshape(len(part), -1) for part in weights], dim=1)
    return 3 + ((w * (1 + inputs[:, 0, :1])).sin() + 0.1 * w**2).sum(1) / 100


ODD = Task(
    name="odd",
    doc="parameters of 0, 1, 2 and 4 axes, some larger than what a block of threads does at once",
    tier=Tier.SEARCH,
    revision=1,
    parameters=tuple(Parameter(f"p{i}", shape, std=0.5) for i, shape in enumerate(AXES)),
    steps=STEPS,
    batch=8,
    load=_load,
    loss=_loss,
)


def moved_apart(programs: Sequence[Program], kernel: MakeKernel, task: Task, steps: int) -> list[float]:
    """How far the kernel's weights end from the torch engine's, as a share of the way that they went."""
    lanes = [Lane(index, 1e-2, 0) for index in range(len(programs))]
    found = DevicePopulation(task, programs, lanes, CPU, steps, kernel=kernel)
    expected = Population(task, programs, lanes, CPU, steps)
    found.run(0, steps, math.inf)
    expected.run(0, steps, math.inf)
    assert not expected.errors
    start = torch.from_numpy(task.initial_weights(0))
    shares = []
    for own, other in zip(found.weights, expected.weights, strict=True):
        same = torch.equal(own.isfinite(), other.isfinite())
        apart, went = (own - other).nan_to_num().abs().max(), (other - start).nan_to_num().abs().max()
        shares.append(float(apart / (went + 1e-3)) if same else math.inf)
    return shares


def without_curvature() -> list[str]:
    return [name for name in zoo.names() if "h" not in zoo.load(name).inputs]


@pytest.mark.parametrize("blocks", ["alone", "in_fours"])
def test_every_rule_of_the_zoo_moves_the_weights_as_the_torch_engine_does(
    blocks: str, request: pytest.FixtureRequest
) -> None:
    names = without_curvature()
    shares = moved_apart([zoo.load(name) for name in names], request.getfixturevalue(blocks), ODD, STEPS)
    assert {name: share for name, share in zip(names, shares, strict=True) if share > 1e-3} == {}


def test_random_rules_move_the_weights_as_the_torch_engine_does(alone: MakeKernel) -> None:
    rng = np.random.default_rng(0)
    programs: list[Program] = []
    while len(programs) < 300:
        program = random_program(rng, 12)
        if "h" not in program.inputs:
            programs.append(program)
    shares = moved_apart(programs, alone, ODD, 3)
    # What cancels leaves rounding, in which the two engines differ; and chaos makes it grow.
    assert np.mean([share < 1e-3 for share in shares]) > 0.97


MATRICES = """
def rule(w, g, a, b, s, lr, *, c=0.9):
    a = interp(matmul(g, transpose(g)), a, c)
    size = row_norm(g)
    b = maximum(b, column_max(g) + column_mean(w) + column_norm(w))
    s = s + global_norm(g) * cosine_sim(w, g)
    u = matmul(inverse_root(a, 4, 1e-3), orthogonalize(g)) / (size + 1)
    u = u + row_mean(w) * row_max(g) + b * 0.01 + std(g) + transpose(transpose(g)) * axes(g)
    return clip_by_global_norm(u, 0.5) * lr * (1 + s / 100), a, b, s
"""


@pytest.mark.parametrize("blocks", ["alone", "in_fours"])
def test_rows_columns_matrices_and_numbers_of_the_model_keep_their_states(
    blocks: str, request: pytest.FixtureRequest
) -> None:
    (share,) = moved_apart([parse(MATRICES)], request.getfixturevalue(blocks), ODD, STEPS)
    assert share < 1e-3


def test_training_with_deaths_gives_the_traces_of_the_torch_engine(alone: MakeKernel, rules: dict[str, str]) -> None:
    task = tasks.get("digits_mlp")
    programs = [parse(rules[name]) for name in ("adamw", "exploding", "lion", "nan", "sgd")]
    lanes = [Lane(index, rate, seed) for index in range(5) for rate in (1e-3, 1e-1) for seed in (0, 1)]
    lockstep = partial(DevicePopulation, kernel=alone)
    found = train_on_device(
        task, programs, lanes, steps=40, hopeless=1.2, device=CPU, keep_weights=True, lockstep=lockstep, most=7
    ).traces
    expected = train(task, programs, lanes, steps=40, hopeless=1.2, device=CPU, keep_weights=True).traces
    assert [trace.lane for trace in found] == lanes
    assert [trace.fate for trace in found] == [trace.fate for trace in expected]
    assert {trace.fate for trace in found} >= {Fate.FINISHED, Fate.NOT_FINITE, Fate.HOPELESS}
    for own, other in zip(found, expected, strict=True):
        assert np.allclose(own.losses, other.losses, rtol=1e-3, atol=1e-4, equal_nan=True)
        if own.fate is Fate.FINISHED:
            assert own.validation == pytest.approx(other.validation, rel=1e-3)
            assert own.weights is not None


def test_a_deadline_in_the_past_stops_every_lane(alone: MakeKernel, rules: dict[str, str]) -> None:
    lockstep = partial(DevicePopulation, kernel=alone)
    traces = train_on_device(
        ODD,
        [parse(rules["sgd"])],
        [Lane(0, 1e-2, 0)],
        steps=STEPS,
        hopeless=1.2,
        device=CPU,
        deadline=0.0,
        lockstep=lockstep,
        most=1,
    ).traces
    assert [trace.fate for trace in traces] == [Fate.TIMEOUT]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_moves_the_weights_as_the_torch_engine_does() -> None:
    names = without_curvature()
    device = torch.device("cuda")
    programs = [zoo.load(name) for name in names]
    lanes = [Lane(index, 1e-2, 0) for index in range(len(programs))]
    found = DevicePopulation(ODD, programs, lanes, device, STEPS, kernel=DeviceKernel)
    found.run(0, STEPS, math.inf)
    expected = Population(ODD, programs, lanes, CPU, STEPS)
    expected.run(0, STEPS, math.inf)
    assert torch.allclose(found.weights.cpu(), expected.weights, rtol=1e-3, atol=1e-4)
